"""What a sink is given of a batch: a line of JSON for each record, as docs/reference/exports.md has it for `signed`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from envelopes import cbor, cose_header, jose_header, thumbprint
from ethereum import address
from rows import Keyring, SignedRecord

_DSSE_TYPE = "application/octet-stream"
# The tag of a COSE_Sign1 (RFC 9052, section 2), and a map that is empty.
_COSE_SIGN1, _EMPTY_MAP = b"\xd2", b"\xa0"


@dataclass(frozen=True)
class LineKey:
    """A public key of the ring, and what names it."""

    key: object
    id: str
    address: str | None


def line_key(keyring: Keyring, spki: bytes) -> LineKey:
    """Raises ValueError, or UnknownEnvelope, for what is no key."""
    key = load_der_public_key(spki)
    is_ethereum = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256k1"
    return LineKey(key, thumbprint(keyring.algorithm, key), address(key.public_numbers()) if is_ethereum else None)


def line(run: str, keyring: Keyring, key: LineKey, record: SignedRecord) -> bytes:
    """The line of one record, with its end."""
    members: dict[str, object] = {
        "run": run,
        "record": record.record,
        "batch": record.batch,
        "digest": sha256(record.payload).hexdigest(),
        "payload": base64.b64encode(record.payload).decode(),
        "key": key.id,
        "algorithm": keyring.algorithm,
        "signature": base64.b64encode(record.signature).decode(),
        "signedAt": record.signed_at,
    }
    envelope = _finished(keyring, key, record)
    if envelope is not None:
        members["envelope"] = envelope
    if key.address is not None:
        members["address"] = key.address
    if record.marks is not None:
        members["marks"] = record.marks
    if record.traceparent is not None:
        members["traceparent"] = record.traceparent
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _finished(keyring: Keyring, key: LineKey, record: SignedRecord) -> str | None:
    payload, signature, typed = record.payload, record.signature, keyring.content_type
    if keyring.envelope == "JWS":
        header = jose_header({"alg": keyring.algorithm, "kid": key.id}, typed)
        return ".".join((header.decode(), _base64url(payload), _base64url(signature)))
    if keyring.envelope == "JWSDetached":
        header = jose_header({"alg": keyring.algorithm, "b64": False, "crit": ["b64"], "kid": key.id}, typed)
        return f"{header.decode()}..{_base64url(signature)}"
    if keyring.envelope == "COSESign1":
        header = cose_header(keyring.algorithm, typed, key.id)
        message = _COSE_SIGN1 + b"\x84" + cbor(header) + _EMPTY_MAP + cbor(payload) + cbor(signature)
        return base64.b64encode(message).decode()
    if keyring.envelope == "DSSE":
        if isinstance(key.key, ec.EllipticCurvePublicKey):
            half = len(signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            signature = utils.encode_dss_signature(r, s)
        signatures = [{"keyid": key.id, "sig": base64.b64encode(signature).decode()}]
        envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": typed or _DSSE_TYPE, "signatures": signatures}
        return json.dumps(envelope, separators=(",", ":"))
    if keyring.envelope == "EIP191":
        return "0x" + signature.hex()
    return None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
