"""Public keys and signatures: RFC 7518 (RS256, PS256, ES256) and RFC 8037 (EdDSA with Ed25519)."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

# Checks a signature over a payload; raises InvalidSignature or ValueError.
Check = Callable[[bytes, bytes], None]


class UnusableKey(Exception):
    """A public key with which nothing can be verified; the message says why."""


class PublicKey:
    """A key that verifies for one algorithm."""

    def __init__(self, algorithm: str, spki: bytes) -> None:
        """Reads a SubjectPublicKeyInfo in DER (RFC 5280)."""
        try:
            key = load_der_public_key(spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableKey(f"its public key cannot be read: {error}") from error
        self.bits: int | None = key.key_size if isinstance(key, rsa.RSAPublicKey) else None
        self._check = _check_for(algorithm, key)

    def verifies(self, payload: bytes, signature: bytes) -> bool:
        """Whether the signature is true for exactly this payload."""
        try:
            self._check(payload, signature)
        except (InvalidSignature, ValueError):
            return False
        return True


def _check_for(algorithm: str, key: object) -> Check:
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
        return lambda payload, signature: key.verify(_der(signature), payload, ec.ECDSA(SHA256()))
    if algorithm == "EdDSA":
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise UnusableKey("its public key is not of Ed25519")
        return lambda payload, signature: key.verify(signature, payload)
    raise UnusableKey(f"its algorithm {algorithm} is unknown")


def _der(signature: bytes) -> bytes:
    """ECDSA as DER has it, from the 64 bytes r || s (RFC 7518, section 3.4)."""
    if len(signature) != 64:
        raise ValueError("64 bytes are wanted")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return utils.encode_dss_signature(r, s)
