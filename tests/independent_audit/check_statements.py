"""Checks whether a ledger still holds what was stated of a run, sharing no code with Chancery.

    python check_statements.py STATEMENTS --database-url URL --trusted-key FILE

STATEMENTS is what `chancery export RUN statements` wrote. It is written from docs/internals/statements.md.
Everything is computed from records, signatures, batches, leases and keys; nothing that the ledger keeps of statements is
read.

Exit code 0: the ledger holds it. 1: it does not; each difference is a line. 2: the check could not be made.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from blocks import signatures_of
from check_proof import NotProven, open_statement
from guard import guarded
from merkle import leaf, root
from rows import Block

HOLDS, DIFFERS, NOT_CHECKED = 0, 1, 2

MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"


def differences(connection: psycopg.Connection[Any], statement: dict[str, Any]) -> Iterator[str]:
    """In what the ledger differs from a statement."""
    run = connection.execute(
        """SELECT r.id, r.keyring_id, r.record_count, (SELECT uid FROM chancery.ledger), k.uid, k.algorithm::text
             FROM chancery.runs r JOIN chancery.keyrings k ON k.id = r.keyring_id WHERE r.uid = %s""",
        [UUID(statement["run"]["uid"])],
    ).fetchone()
    if run is None:
        yield "the run is not in the ledger"
        return
    run_id, keyring_id, records, ledger, keyring, algorithm = run
    claim = statement["claim"]
    same = {
        "ledger": (statement["ledger"], str(ledger)),
        "records": (claim["records"], records),
        "keyring": (claim["keyring"]["uid"], str(keyring)),
        "algorithm": (claim["keyring"]["algorithm"], algorithm),
    }
    if claim["kind"] == "Sealed":
        leaves = [payloads for payloads, _ in _batches(connection, run_id)]
        same["batches"] = (claim["batches"], len(leaves))
        same["payloads"] = (claim["payloads"], root(leaves).hex())
        same["keys"] = (claim["keys"]["root"], root(_keys(connection, keyring_id, claim["keys"]["count"])).hex())
    else:
        leaves = [signatures for _, signatures in _batches(connection, run_id)]
        log = claim["leaseLog"]
        leases = _leases(connection, keyring_id, log["firstUse"], log["lastUse"])
        same["batches"] = (claim["batches"], len(leaves))
        same["signatures"] = (claim["signatures"], root(leaves).hex())
        same["lease log"] = (log["root"], root(leases).hex())
    for what, (stated, found) in same.items():
        if stated != found:
            yield f"{claim['kind']}: its {what} is {stated} in the statement, {found} in the ledger"


def _batches(connection: psycopg.Connection[Any], run: int) -> Iterator[tuple[bytes, bytes]]:
    """The leaves of each batch: of its payloads, and of its signatures."""
    batches = connection.execute(
        f"""SELECT b.batch, b.first_record, b.last_record, l.id, l.use_sequence, l.key_id, m.public_key, l.holder,
                   {MICROSECONDS.format('l.acquired_at')}, {MICROSECONDS.format('l.signed_at')}
              FROM chancery.batches b
              LEFT JOIN chancery.leases l ON l.id = b.lease_id
              LEFT JOIN chancery.key_material m ON m.key_id = l.key_id
             WHERE b.run_id = %s ORDER BY b.batch""",
        [run],
    ).fetchall()
    for batch, first, last, lease, use, key, spki, holder, acquired, signed in batches:
        payloads = connection.execute(
            "SELECT record, payload FROM chancery.records WHERE run_id = %s AND record BETWEEN %s AND %s ORDER BY 1",
            [run, first, last],
        )
        blocks = connection.execute(
            """SELECT first_record, last_record, lease_id, signatures FROM chancery.signature_blocks
                WHERE run_id = %s AND first_record <= %s AND last_record >= %s ORDER BY 1""",
            [run, last, first],
        )
        signatures = [
            (row.record, row.signature, row.lease_id)
            for row in signatures_of(Block(*block) for block in blocks)
            if first <= row.record <= last
        ]
        own = root([leaf(b"chancery/payload/v1", record, payload) for record, payload in payloads])
        of_payloads = leaf(b"chancery/batch-of-payloads/v1", batch, first, last, own)
        if signed is None:
            yield of_payloads, b""
            continue
        own = root([leaf(b"chancery/signature/v1", *row) for row in signatures])
        yield of_payloads, leaf(
            b"chancery/batch-of-signatures/v1",
            batch,
            first,
            last,
            of_payloads,
            lease,
            use,
            key.bytes,
            sha256(spki).digest(),
            holder.encode(),
            acquired,
            signed,
            own,
        )


def _keys(connection: psycopg.Connection[Any], keyring: int, count: int) -> list[bytes]:
    keys = connection.execute(
        """SELECT k.number, k.id, m.public_key FROM chancery.keys k JOIN chancery.key_material m ON m.key_id = k.id
            WHERE k.keyring_id = %s AND k.number <= %s ORDER BY k.number""",
        [keyring, count],
    )
    return [leaf(b"chancery/key/v1", number, key.bytes, spki) for number, key, spki in keys]


def _leases(connection: psycopg.Connection[Any], keyring: int, first: int, last: int) -> list[bytes]:
    leases = connection.execute(
        f"""SELECT use_sequence, id, run_id, batch, key_id, holder, {MICROSECONDS.format('acquired_at')}
              FROM chancery.leases WHERE keyring_id = %s AND use_sequence BETWEEN %s AND %s ORDER BY 1""",
        [keyring, first, last],
    )
    return [
        leaf(b"chancery/lease/v1", use, lease, run, batch, key.bytes, holder.encode(), acquired)
        for use, lease, run, batch, key, holder, acquired in leases
    ]


def main() -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Checks a ledger against what was stated of a run.")
    parser.add_argument("statements", type=Path)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL")
    parser.add_argument("--trusted-key", type=Path, required=True, help="public key of statements, PEM")
    arguments = parser.parse_args()
    trusted = load_pem_public_key(arguments.trusted_key.read_bytes())
    if arguments.database_url is None or not isinstance(trusted, Ed25519PublicKey):
        parser.error("a database URL and an Ed25519 key are needed")
    found = []
    with psycopg.connect(arguments.database_url) as connection:
        for line in arguments.statements.read_text().splitlines():
            try:
                statement = open_statement(json.loads(line), trusted)
            except NotProven as why:
                found.append(str(why))
                continue
            found.extend(differences(connection, statement))
    print("\n".join(found) if found else "the ledger holds what was stated")
    return DIFFERS if found else HOLDS


if __name__ == "__main__":
    sys.exit(guarded(main, NOT_CHECKED))
