"""Checks a proof that a record is in a signed run, sharing no code with Chancery and without any database.

    python check_proof.py PROOF --trusted-key FILE

It is written from docs/internals/statements.md. FILE holds the public key of statements in PEM.

Exit code 0: the record is proven. 1: it is not; a line says why. 2: the check could not be made.
"""

from __future__ import annotations

import argparse
import base64
import json
import struct
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from guard import guarded
from merkle import leaf, root_by_path
from signatures import PublicKey, UnusableKey

PROVEN, NOT_PROVEN, NOT_CHECKED = 0, 1, 2

PAYLOAD_TYPE = b"application/vnd.chancery.statement.v1+json"


class NotProven(Exception):
    """The proof proves nothing; the message says why."""


def open_statement(envelope: dict[str, Any], trusted: Ed25519PublicKey) -> dict[str, Any]:
    """The statement in a DSSE envelope, once its signature is verified. Raises NotProven."""
    body = _decode(envelope["payload"])
    if envelope["payloadType"].encode() != PAYLOAD_TYPE or len(envelope["signatures"]) != 1:
        raise NotProven("the envelope is none of a statement")
    key_id = sha256(trusted.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    if envelope["signatures"][0]["keyid"] != key_id:
        raise NotProven("the statement is signed with a key that is not trusted")
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(body), body)
    try:
        trusted.verify(_decode(envelope["signatures"][0]["sig"]), signed)
    except InvalidSignature as error:
        raise NotProven("the statement was altered") from error
    return json.loads(body)


def check(proof: dict[str, Any], trusted: Ed25519PublicKey) -> str:
    """What is proven, in words. Raises NotProven."""
    statement = open_statement(proof["statement"], trusted)
    claim = statement["claim"]
    if claim["kind"] != "Signed":
        raise NotProven("the statement says nothing of signatures")
    batch, record = proof["batch"], proof["record"]
    payload, signature, spki = (_decode(text) for text in (proof["payload"], proof["signature"], batch["publicKey"]))

    first, last = batch["firstRecord"], batch["lastRecord"]
    place, size = record - first, last - first + 1
    payloads = root_by_path(leaf(b"chancery/payload/v1", record, payload), place, size, _path(proof["pathInPayloads"]))
    signature_leaf = leaf(b"chancery/signature/v1", record, signature, batch["lease"])
    signatures = root_by_path(signature_leaf, place, size, _path(proof["pathInSignatures"]))
    if payloads is None or signatures is None:
        raise NotProven("a path does not fit the batch")
    of_batch = leaf(
        b"chancery/batch-of-signatures/v1",
        batch["batch"],
        first,
        last,
        leaf(b"chancery/batch-of-payloads/v1", batch["batch"], first, last, payloads),
        batch["lease"],
        batch["useSequence"],
        UUID(batch["key"]).bytes,
        sha256(spki).digest(),
        batch["holder"].encode(),
        batch["acquiredAt"],
        batch["signedAt"],
        signatures,
    )
    in_run = root_by_path(of_batch, batch["batch"] - 1, claim["batches"], _path(proof["pathInRun"]))
    if in_run is None or in_run.hex() != claim["signatures"]:
        raise NotProven("the paths do not lead to the root that was stated")
    try:
        is_true = _key(claim["keyring"], spki).verifies(payload, signature)
    except UnusableKey as error:
        raise NotProven(f"the record's key cannot be used: {error}") from error
    if not is_true:
        raise NotProven("the record's signature is false")
    run = statement["run"]
    return f"record {record} of {run['namespace']}/{run['name']}, by statement {statement['number']}"


def _key(keyring: dict[str, Any], spki: bytes) -> PublicKey:
    return PublicKey(keyring["algorithm"], spki, keyring["envelope"], keyring.get("contentType"))


def _path(nodes: list[str]) -> list[bytes]:
    return [bytes.fromhex(node) for node in nodes]


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def main() -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Checks a proof of a record, without any database.")
    parser.add_argument("proof", type=Path)
    parser.add_argument("--trusted-key", type=Path, required=True, help="public key of statements, PEM")
    arguments = parser.parse_args()
    trusted = load_pem_public_key(arguments.trusted_key.read_bytes())
    if not isinstance(trusted, Ed25519PublicKey):
        parser.error("the trusted key is none of Ed25519")
    try:
        print(f"proven: {check(json.loads(arguments.proof.read_text()), trusted)}")
    except (NotProven, KeyError, TypeError, ValueError, struct.error) as error:
        print(f"not proven: {error}")
        return NOT_PROVEN
    return PROVEN


if __name__ == "__main__":
    sys.exit(guarded(main, NOT_CHECKED))
