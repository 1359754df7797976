"""What is signed around a payload: JWS (RFC 7515, RFC 7797), COSE_Sign1 (RFC 9052), DSSE, and messages of Ethereum (ERC-191)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Makes what is signed of a payload.
Framed = Callable[[bytes], bytes]

# The names of curves in JOSE (RFC 7518, RFC 8812), and the bytes of a coordinate.
_CURVES = {"secp256r1": ("P-256", 32), "secp384r1": ("P-384", 48), "secp256k1": ("secp256k1", 32)}

# What JSON needs no escape for; and what a text may be as the content type of COSE (RFC 9052, section 3.1).
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9!#$%&^_.+/;=:?~]*")
_MEDIA_TYPE = re.compile(r"[^/;]+/[^/;]+(;.*)?")

# The numbers of algorithms in COSE (RFC 9053, RFC 8812, RFC 8230, and the registry of COSE).
_COSE = {
    "RS256": -257,
    "PS256": -37,
    "ES256": -7,
    "ES384": -35,
    "ES256K": -47,
    "EdDSA": -8,
    "ML-DSA-44": -48,
    "ML-DSA-65": -49,
    "ML-DSA-87": -50,
}


class UnknownEnvelope(Exception):
    """An envelope that nobody knows; the message says why."""


def framed(envelope: str, content_type: str | None, algorithm: str, key: object) -> Framed:
    """What is signed in this envelope with this public key. Raises UnknownEnvelope."""
    _require_form(envelope, content_type, algorithm)
    if envelope == "Raw":
        return lambda payload: payload
    if envelope == "EIP191":
        return lambda payload: b"\x19Ethereum Signed Message:\n%d%b" % (len(payload), payload)
    key_id = thumbprint(algorithm, key)
    if envelope == "JWS":
        protected = jose_header({"alg": algorithm, "kid": key_id}, content_type)
        return lambda payload: protected + b"." + _base64url(payload)
    if envelope == "JWSDetached":
        protected = jose_header({"alg": algorithm, "b64": False, "crit": ["b64"], "kid": key_id}, content_type)
        return lambda payload: protected + b"." + payload
    if envelope == "COSESign1":
        header = cose_header(algorithm, content_type, key_id)
        return lambda payload: b"\x84" + cbor("Signature1") + cbor(header) + cbor(b"") + cbor(payload)
    if envelope == "DSSE":
        typed = (content_type or "application/octet-stream").encode()
        return lambda payload: b"DSSEv1 %d %b %d %b" % (len(typed), typed, len(payload), payload)
    raise UnknownEnvelope(f"signs in the envelope {envelope}, which is unknown")


def _require_form(envelope: str, content_type: str | None, algorithm: str) -> None:
    if envelope == "EIP191" and algorithm != "ES256K":
        raise UnknownEnvelope(f"signs in the envelope EIP191, which is for ES256K, by {algorithm}")
    if content_type is None:
        return
    if envelope in ("Raw", "EIP191"):
        raise UnknownEnvelope(f"has a content type, of which the envelope {envelope} says nothing")
    if len(content_type) > 255 or not _CONTENT_TYPE.fullmatch(content_type):
        raise UnknownEnvelope("has a content type that is none")
    if envelope == "COSESign1" and not _MEDIA_TYPE.fullmatch(content_type):
        raise UnknownEnvelope("has a content type that is no media type, which COSESign1 needs")


def thumbprint(algorithm: str, key: object) -> str:
    """What names a key in a JWK set (RFC 7638)."""
    members = required_members(algorithm, key)
    return _base64url(sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()).decode()


def required_members(algorithm: str, key: object) -> dict[str, str]:
    """What a JWK needs to have of a key of its type."""
    members: dict[str, str]
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    elif isinstance(key, ec.EllipticCurvePublicKey):
        (name, length), point = _CURVES[key.curve.name], key.public_numbers()
        x, y = (_base64url(value.to_bytes(length, "big")).decode() for value in (point.x, point.y))
        members = {"crv": name, "kty": "EC", "x": x, "y": y}
    elif isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw).decode()}
    elif isinstance(key, (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)):
        members = {"alg": algorithm, "kty": "AKP", "pub": _base64url(key.public_bytes_raw()).decode()}
    else:
        raise UnknownEnvelope("its public key has no thumbprint")
    return members


def cose_header(algorithm: str, content_type: str | None, key_id: str) -> bytes:
    """The protected header of a COSE_Sign1: algorithm, content type if there is one, and key."""
    entries = [cbor(1) + cbor(_COSE[algorithm])]
    entries += [cbor(3) + cbor(content_type)] if content_type is not None else []
    entries += [cbor(4) + cbor(key_id.encode())]
    return bytes([0xA0 | len(entries)]) + b"".join(entries)


def jose_header(members: dict[str, object], content_type: str | None) -> bytes:
    if content_type is not None:
        members["typ"] = content_type
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def cbor(value: int | str | bytes) -> bytes:
    """A number or string in the shortest form (RFC 8949, section 4.2.1)."""
    if isinstance(value, int):
        return _cbor_head(0, value) if value >= 0 else _cbor_head(1, -1 - value)
    data = value.encode() if isinstance(value, str) else value
    return _cbor_head(3 if isinstance(value, str) else 2, len(data)) + data


def _cbor_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for more, length in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * length:
            return bytes([major << 5 | more]) + argument.to_bytes(length, "big")
    raise UnknownEnvelope("a number is too great for CBOR")
