"""Checks an export of a signed run with the libraries that people have for each envelope.

Usage: check.py SIGNED JWKS ENVELOPE CONTENT_TYPE, the last one `-` for none. Prints how many records are signed truly.
"""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.exceptions import BadSignature
from jwt.utils import base64url_decode
from pycose.keys import CoseKey, EC2Key, OKPKey, RSAKey
from pycose.messages import Sign1Message
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

Line = dict[str, Any]
# The payload of a line, if its signature is true; else raises.
Check = Callable[[Line, dict[str, Any]], bytes]

# What the libraries have for a signature that is not true.
_UNTRUE = (InvalidSignature, jwt.InvalidSignatureError, VerificationError, BadSignature)

_ML_DSA = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
}
_HASHES = {"ES256": SHA256(), "ES384": SHA384(), "ES256K": SHA256()}
# Of the registry "COSE Algorithms": what header label 1 has to be. pycose would take what it finds there for what it is to verify by.
_COSE_ALGORITHMS = {
    "ES256": -7,
    "EdDSA": -8,
    "ES384": -35,
    "PS256": -37,
    "ES256K": -47,
    "ML-DSA-44": -48,
    "ML-DSA-65": -49,
    "ML-DSA-87": -50,
    "RS256": -257,
}
_SCHEMES = {
    "RS256": ("rsa", "rsa-pkcs1v15-sha256"),
    "PS256": ("rsa", "rsassa-pss-sha256"),
    "ES256": ("ecdsa", "ecdsa-sha2-nistp256"),
    "ES384": ("ecdsa", "ecdsa-sha2-nistp384"),
    "EdDSA": ("ed25519", "ed25519"),
}


def public_key(jwk: dict[str, Any]) -> Any:
    """A key of a JWK set."""
    if jwk["kty"] == "AKP":
        return _ML_DSA[jwk["alg"]].from_public_bytes(base64url_decode(jwk["pub"]))
    return jwt.PyJWK(jwk).key


def verify(algorithm: str, key: Any, signature: bytes, signed: bytes) -> None:
    """By `cryptography` alone, where no library of the envelope knows the algorithm."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(_HASHES[algorithm]))
    elif isinstance(key, rsa.RSAPublicKey) and algorithm == "PS256":
        key.verify(signature, signed, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), SHA256())
    else:
        key.verify(signature, signed)


def raw(line: Line, jwk: dict[str, Any]) -> bytes:
    """The payload as it is."""
    payload = base64.b64decode(line["payload"], validate=True)
    verify(line["algorithm"], public_key(jwk), base64.b64decode(line["signature"], validate=True), payload)
    return payload


def jws(line: Line, jwk: dict[str, Any]) -> bytes:
    """A JWS, by PyJWT; of ML-DSA, which it does not know, by its parts."""
    envelope, detached = line["envelope"], None
    if ".." in envelope and line["payload"]:
        detached = base64.b64decode(line["payload"], validate=True)
    header = jwt.get_unverified_header(envelope)
    expect(header["kid"] == jwk["kid"] and header["alg"] == line["algorithm"], "the header")
    expect(header.get("typ") == content_type(), "the type")
    if jwk["kty"] != "AKP":
        decoded = jwt.api_jws.decode_complete(
            envelope, jwt.PyJWK(jwk).key, algorithms=[jwk["alg"]], detached_payload=detached
        )
        return detached if detached is not None else decoded["payload"]
    protected, payload, signature = envelope.split(".")
    signed = detached if detached is not None else payload.encode()
    verify(jwk["alg"], public_key(jwk), base64url_decode(signature), protected.encode() + b"." + signed)
    return detached if detached is not None else base64url_decode(payload)


def cose(line: Line, jwk: dict[str, Any]) -> bytes:
    """A COSE_Sign1, by pycose; of algorithms that it does not know, by cbor2."""
    data = base64.b64decode(line["envelope"], validate=True)
    protected, _, payload, signature = cbor2.loads(data).value
    header = cbor2.loads(protected)
    expect(header[1] == _COSE_ALGORITHMS[line["algorithm"]], "the algorithm")
    expect(header[4].decode() == jwk["kid"], "the key")
    expect(header.get(3) == content_type(), "the type")
    key = cose_key(jwk)
    if key is None:
        signed = cbor2.dumps(["Signature1", protected, b"", payload])
        verify(jwk["alg"], public_key(jwk), signature, signed)
        return payload
    message = Sign1Message.decode(data)
    message.key = key
    if not message.verify_signature():
        raise InvalidSignature
    return message.payload


def cose_key(jwk: dict[str, Any]) -> CoseKey | None:
    """A key for pycose, if it knows the algorithm."""
    part = {name: base64url_decode(jwk[name]) for name in ("x", "y", "n", "e") if name in jwk}
    match jwk["alg"]:
        case "ES256":
            return EC2Key(crv="P_256", x=part["x"], y=part["y"])
        case "ES384":
            return EC2Key(crv="P_384", x=part["x"], y=part["y"])
        case "EdDSA":
            return OKPKey(crv="ED25519", x=part["x"])
        case "RS256" | "PS256":
            return RSAKey(part["n"], part["e"])
    return None


def dsse(line: Line, jwk: dict[str, Any]) -> bytes:
    """A DSSE envelope, by securesystemslib; of algorithms that it does not know, by its PAE."""
    envelope = Envelope.from_dict(json.loads(line["envelope"]))
    expect(envelope.payload_type == (content_type() or "application/octet-stream"), "the type")
    expect(list(envelope.signatures) == [jwk["kid"]], "the key")
    key = public_key(jwk)
    if jwk["alg"] in _SCHEMES:
        kind, scheme = _SCHEMES[jwk["alg"]]
        if kind == "ed25519":
            public = key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        else:
            public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        envelope.verify([SSlibKey(jwk["kid"], kind, scheme, {"public": public})], 1)
    else:
        signature = bytes.fromhex(envelope.signatures[jwk["kid"]].signature)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, envelope.pae(), ec.ECDSA(SHA256()))
        else:
            key.verify(signature, envelope.pae())
    return envelope.payload


def eip191(line: Line, jwk: dict[str, Any]) -> bytes:
    """A message of personal_sign, by eth_account."""
    payload = base64.b64decode(line["payload"], validate=True)
    address = Account.recover_message(encode_defunct(payload), signature=line["envelope"])
    expect(line["address"] == jwk["address"], "the address")
    if address != line["address"]:
        raise InvalidSignature
    return payload


CHECKS: dict[str, Check] = {
    "Raw": raw,
    "JWS": jws,
    "JWSDetached": jws,
    "COSESign1": cose,
    "DSSE": dsse,
    "EIP191": eip191,
}


class Wrong(Exception):
    """Something is not what it should be; the message says what."""


def expect(is_so: bool, what: str) -> None:
    """Raises Wrong unless it is so."""
    if not is_so:
        raise Wrong(f"{what} is another")


def content_type() -> str | None:
    """What the envelopes should say of their content."""
    return None if sys.argv[4] == "-" else sys.argv[4]


def checked(lines: Iterable[str], keys: dict[str, Any], check: Check) -> int:
    """How many lines there are; raises if one is not true, or none is there."""
    count, batches = 0, Counter[int]()
    for text in lines:
        line = json.loads(text)
        jwk = keys[line["key"]]
        payload = check(line, jwk)
        count += 1
        batches[line["batch"]] += 1
        expect(line["record"] == count, f"the number of {count}")
        expect(payload == base64.b64decode(line["payload"], validate=True), f"the payload of {count}")
        expect(line["digest"] == sha256(payload).hexdigest(), f"the digest of {count}")
        signature = base64.b64decode(line["signature"], validate=True)
        expect(enveloped_signature(line, jwk) in (signature, None), f"the signature of {count}")
        expect(line["batch"] == (count - 1) // max(batches[1], 1) + 1, f"the batch of {count}")
        if count == 1:
            refuse(dict(line), jwk, check)
    expect(count > 0, "the number of lines")
    return count


def enveloped_signature(line: Line, jwk: dict[str, Any]) -> bytes | None:
    """The signature that is in the envelope of a line, in the form that JOSE has; none without an envelope."""
    envelope = line.get("envelope")
    if envelope is None:
        return None
    if envelope.startswith("0x"):
        return bytes.fromhex(envelope[2:])
    if envelope.startswith("{"):
        signature = bytes.fromhex(Envelope.from_dict(json.loads(envelope)).signatures[jwk["kid"]].signature)
        key = public_key(jwk)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return signature
        length = (key.key_size + 7) // 8
        return b"".join(number.to_bytes(length, "big") for number in utils.decode_dss_signature(signature))
    if "." in envelope:
        return base64url_decode(envelope.rpartition(".")[2])
    return cbor2.loads(base64.b64decode(envelope, validate=True)).value[3]


def refuse(line: Line, jwk: dict[str, Any], check: Check) -> None:
    """Makes sure that what is altered is refused."""
    signature = bytearray(base64.b64decode(line["signature"]))
    signature[len(signature) // 3] ^= 1
    line["signature"] = base64.b64encode(signature).decode()
    if "envelope" in line:
        line["envelope"] = altered_envelope(line["envelope"])
    try:
        check(line, jwk)
    except _UNTRUE:
        return
    raise Wrong("what was altered is true")


def altered_envelope(envelope: str) -> str:
    """The same with another signature, which stands last."""
    place = len(envelope) - (30 if envelope.startswith("{") else 12)
    other = "0" if envelope[place] != "0" else "1"
    return envelope[:place] + other + envelope[place + 1 :]


def main() -> int:
    """The program; its exit code."""
    signed, jwks, envelope = sys.argv[1:4]
    keys = {jwk["kid"]: jwk for jwk in json.loads(Path(jwks).read_text())["keys"]}
    with Path(signed).open() as lines:
        print(f"{checked(lines, keys, CHECKS[envelope])} true")
    return 0


if __name__ == "__main__":
    sys.exit(main())
