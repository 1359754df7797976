"""Checks what was delivered of a run by its manifest, sharing no code with Chancery and without any database.

    python check_manifest.py MANIFEST --folder FOLDER | --lines FILE | --rows FILE [--trusted-key FILE]

FOLDER is what the sink's url names, or a copy of it; objects have to be lines of JSON (`NDJSON`), compressed or not. Or it is where a
service keeps each body that it was sent, under its `webhook-id`. --lines has all lines that it was sent in one file; --rows has the rows of
a table, as `to_json` writes them. It is written from docs/reference/manifests.md. With --trusted-key, the public key of statements in PEM,
the records have to be those that were stated.

Exit code 0: nothing is missing, and nothing was altered. 1: something is; each is a line. 2: the check could not be made.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from check_proof import NotProven, open_statement
from guard import guarded
from merkle import leaf, root
from received import Received, in_folder, in_lines, in_rows

COMPLETE, DIFFERS, NOT_CHECKED = 0, 1, 2


def differences(manifest: dict[str, Any], received: Received, trusted: Ed25519PublicKey | None) -> Iterator[str]:
    """What is missing, or another than the manifest says."""
    counts, objects = manifest["counts"], manifest["objects"]
    dead = [batch for batch in objects if "dead" in batch]
    if (counts["batches"], counts["dead"], counts["delivered"]) != (len(objects), len(dead), len(objects) - len(dead)):
        yield f"the manifest counts {counts}, and names {len(objects)} batches, {len(dead)} of them dead"
    kids = {key["kid"] for key in manifest["keys"]}
    batches: list[bytes] = []
    expected_record = 1
    for number, batch in enumerate(objects, start=1):
        if (batch["batch"], batch["firstRecord"]) != (number, expected_record):
            yield f"batch {number} is missing, or does not begin with record {expected_record}"
        expected_record = batch["lastRecord"] + 1
        if "dead" in batch:
            yield f"batch {batch['batch']} was not delivered: {batch['dead']}"
            continue
        try:
            batches.append(_object(batch, received, kids))
        except (OSError, EOFError, ValueError, KeyError) as error:
            yield f"batch {batch['batch']}: {error}"
    if counts["records"] != expected_record - 1:
        yield f"the manifest counts {counts['records']} records, and names {expected_record - 1}"
    if trusted is not None:
        yield from _stated(manifest, batches, trusted)


def _object(batch: dict[str, Any], received: Received, kids: set[str]) -> bytes:
    """What stands for the payloads of a batch in the statement about the run. Raises ValueError, and whatever reading raises."""
    content = received(batch)
    if sha256(content).hexdigest() != batch["sha256"]:
        raise ValueError(f"{batch['name']} was altered")
    leaves = []
    for record, text in enumerate(content.splitlines(), start=batch["firstRecord"]):
        line = json.loads(text)
        payload = base64.b64decode(line["payload"], validate=True)
        if line["record"] != record or sha256(payload).hexdigest() != line["digest"] or line["key"] not in kids:
            raise ValueError(f"record {record} is not what its line says")
        leaves.append(leaf(b"chancery/payload/v1", record, payload))
    if batch["firstRecord"] + len(leaves) - 1 != batch["lastRecord"]:
        raise ValueError(f"{batch['name']} has {len(leaves)} records")
    return leaf(b"chancery/batch-of-payloads/v1", batch["batch"], batch["firstRecord"], batch["lastRecord"], root(leaves))


def _stated(manifest: dict[str, Any], batches: list[bytes], trusted: Ed25519PublicKey) -> Iterator[str]:
    """What the statements about the run say otherwise."""
    try:
        statements = [open_statement(envelope, trusted) for envelope in manifest["statements"]]
    except NotProven as error:
        yield str(error)
        return
    kinds = [statement["claim"]["kind"] for statement in statements]
    if kinds != ["Sealed", "Signed"]:
        yield f"the manifest has the statements {kinds}"
        return
    counts = manifest["counts"]
    for statement in statements:
        claim = statement["claim"]
        if (statement["run"]["uid"], claim["records"], claim["batches"]) != (manifest["uid"], counts["records"], counts["batches"]):
            yield f"{claim['kind']}: it is about another run, or about other records"
    if statements[0]["claim"]["payloads"] != root(batches).hex():
        yield "Sealed: its payloads are not those that were delivered"


def _received(arguments: argparse.Namespace) -> Received:
    """Raises OSError, ValueError or KeyError for what is none of what it should be."""
    if arguments.folder is not None:
        return in_folder(arguments.folder)
    return in_lines(arguments.lines) if arguments.lines is not None else in_rows(arguments.rows)


def main() -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Checks what was delivered of a run by its manifest.")
    parser.add_argument("manifest", type=Path)
    kept = parser.add_mutually_exclusive_group(required=True)
    kept.add_argument("--folder", type=Path, help="what the url of the sink names, or bodies under their webhook-id")
    kept.add_argument("--lines", type=Path, help="all lines that a service was sent")
    kept.add_argument("--rows", type=Path, help="the rows of a table, as to_json writes them")
    parser.add_argument("--trusted-key", type=Path, help="the public key of statements in PEM")
    arguments = parser.parse_args()
    try:
        manifest = json.loads(arguments.manifest.read_bytes())
        trusted = None if arguments.trusted_key is None else load_pem_public_key(arguments.trusted_key.read_bytes())
        received = _received(arguments)
    except (OSError, ValueError, KeyError) as error:
        print(f"the check could not be made: {error}", file=sys.stderr)
        return NOT_CHECKED
    if trusted is not None and not isinstance(trusted, Ed25519PublicKey):
        print("the check could not be made: the key is none of statements", file=sys.stderr)
        return NOT_CHECKED
    found = list(differences(manifest, received, trusted))
    for difference in found:
        print(difference)
    counts = manifest["counts"]
    print(f"{'complete' if not found else 'NOT COMPLETE'}: {counts['records']} records in {counts['batches']} batches")
    return DIFFERS if found else COMPLETE


if __name__ == "__main__":
    sys.exit(guarded(main, NOT_CHECKED))
