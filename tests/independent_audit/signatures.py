"""Public keys and signatures: RFC 7518 (RS256, PS256, ES256, ES384), RFC 8812 (ES256K), RFC 8037 (EdDSA with Ed25519), FIPS 204."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

from envelopes import UnknownEnvelope, framed
from ethereum import ORDER, recovers

# Checks a signature over a signing input; raises InvalidSignature or ValueError.
Check = Callable[[bytes, bytes], None]


_ML_DSA = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
}


class UnusableKey(Exception):
    """A public key with which nothing can be verified; the message says why."""


class PublicKey:
    """A key that verifies for one algorithm in one envelope."""

    def __init__(self, algorithm: str, spki: bytes, envelope: str = "Raw", content_type: str | None = None) -> None:
        """Reads a SubjectPublicKeyInfo in DER (RFC 5280)."""
        try:
            key = load_der_public_key(spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableKey(f"its public key cannot be read: {error}") from error
        self.bits: int | None = key.key_size if isinstance(key, rsa.RSAPublicKey) else None
        self._check = _check_for(algorithm, key, is_recoverable=envelope == "EIP191")
        try:
            self._framed = framed(envelope, content_type, algorithm, key)
        except UnknownEnvelope as error:
            raise UnusableKey(str(error)) from error

    def verifies(self, payload: bytes, signature: bytes) -> bool:
        """Whether the signature is true for exactly this payload."""
        try:
            self._check(self._framed(payload), signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def _check_for(algorithm: str, key: object, *, is_recoverable: bool) -> Check:
    if algorithm in ("RS256", "PS256"):
        if not isinstance(key, rsa.RSAPublicKey):
            raise UnusableKey(f"its public key is no RSA key, which {algorithm} needs")
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm == "PS256":
            # The salt is as long as the hash (RFC 7518, section 3.5).
            scheme = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)
        return lambda payload, signature: key.verify(signature, payload, scheme, SHA256())
    if algorithm == "ES256":
        if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
            raise UnusableKey("its public key is not on P-256, which ES256 needs")
        return lambda payload, signature: key.verify(_der(signature, 32), payload, ec.ECDSA(SHA256()))
    if algorithm == "ES384":
        if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)):
            raise UnusableKey("its public key is not on P-384, which ES384 needs")
        return lambda payload, signature: key.verify(_der(signature, 48), payload, ec.ECDSA(SHA384()))
    if algorithm == "ES256K":
        if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256K1)):
            raise UnusableKey("its public key is not on secp256k1, which ES256K needs")
        return _check_recoverable(key) if is_recoverable else _check_lower(key)
    for name, kind in _ML_DSA.items():
        if algorithm == name:
            if not isinstance(key, kind):
                raise UnusableKey(f"its public key is none of {name}")
            return lambda payload, signature: key.verify(signature, payload)
    if algorithm == "EdDSA":
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise UnusableKey("its public key is not of Ed25519")
        return lambda payload, signature: key.verify(signature, payload)
    raise UnusableKey(f"its algorithm {algorithm} is unknown")


def _check_lower(key: ec.EllipticCurvePublicKey) -> Check:
    def check(payload: bytes, signature: bytes) -> None:
        if int.from_bytes(signature[32:], "big") > ORDER // 2:
            raise ValueError("s is the higher one of both")
        key.verify(_der(signature, 32), payload, ec.ECDSA(SHA256()))

    return check


def _check_recoverable(key: ec.EllipticCurvePublicKey) -> Check:
    numbers = key.public_numbers()

    def check(payload: bytes, signature: bytes) -> None:
        if not recovers((numbers.x, numbers.y), payload, signature):
            raise InvalidSignature

    return check


def _der(signature: bytes, length: int) -> bytes:
    """ECDSA as DER has it, from the bytes r || s (RFC 7518, section 3.4)."""
    if len(signature) != 2 * length:
        raise ValueError(f"{2 * length} bytes are wanted")
    r, s = int.from_bytes(signature[:length], "big"), int.from_bytes(signature[length:], "big")
    return utils.encode_dss_signature(r, s)
