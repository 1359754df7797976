"""Reads a ledger: one transaction, one instant, rows as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

# Rows that a stream holds at a time.
ROWS_AT_A_TIME = 1_000


class NoRun(Exception):
    """The ledger has no such run."""


@dataclass(frozen=True)
class Run:
    """What was declared, and the state of the run."""

    id: int
    keyring_id: int
    record_count: int
    record_size: int
    key_count: int
    batch_size: int
    batch_count: int
    algorithm: str
    key_size: int | None
    complete: bool


@dataclass(frozen=True)
class Key:
    """A key of the ring; algorithm and public key are missing if its material is."""

    id: UUID
    number: int
    last_use: int
    algorithm: str | None
    public_key: bytes | None


@dataclass(frozen=True)
class Batch:
    """A row of `batches`."""

    batch: int
    first_record: int
    last_record: int
    state: str
    lease_id: int | None


@dataclass(frozen=True)
class Lease:
    """A row of `leases`. Instants are seconds since 1970, exact to the microsecond; Infinity is one."""

    id: int
    run_id: int
    batch: int
    keyring_id: int
    key_id: UUID
    use_sequence: int
    acquired_at: Decimal
    expires_at: Decimal
    signed_at: Decimal | None
    released_at: Decimal | None
    outcome: str | None


@dataclass(frozen=True)
class Record:
    """A row of `records`."""

    record: int
    payload: bytes | None


@dataclass(frozen=True)
class Signature:
    """A row of `signatures`."""

    record: int
    lease_id: int | None
    signature: bytes | None


_LEASE = """SELECT id, run_id, batch, keyring_id, key_id, use_sequence,
                   extract(epoch FROM acquired_at) AS acquired_at, extract(epoch FROM expires_at) AS expires_at,
                   extract(epoch FROM signed_at) AS signed_at, extract(epoch FROM released_at) AS released_at,
                   outcome::text AS outcome
              FROM chancery.leases"""


class Ledger:
    """A ledger at one instant: every read sees the same."""

    def __init__(self, url: str) -> None:
        """Connects; raises psycopg.Error."""
        self._connection = psycopg.connect(url, connect_timeout=10, application_name="chancery-independent-audit")
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        self._streams = 0

    def runs(self, namespace: str, name: str) -> list[Run]:
        """All rows of that name; a sound ledger has at most one."""
        return self._all(
            Run,
            """SELECT id, keyring_id, record_count, record_size, key_count, batch_size, batch_count,
                      algorithm::text AS algorithm, key_size, completed_at IS NOT NULL AS complete
                 FROM chancery.runs WHERE namespace = %s AND name = %s ORDER BY id""",
            namespace,
            name,
        )

    def keys(self, run: Run) -> list[Key]:
        """The ring, in the order of the keys' numbers."""
        return self._all(
            Key,
            """SELECT k.id, k.number, k.last_use, m.algorithm::text AS algorithm, m.public_key
                 FROM chancery.keys k LEFT JOIN chancery.key_material m ON m.key_id = k.id
                WHERE k.keyring_id = %s ORDER BY k.number, k.id""",
            run.keyring_id,
        )

    def records(self, run: Run) -> Iterator[Record]:
        """Every record that is stored for the run."""
        return self._stream(
            Record, "SELECT record, payload FROM chancery.records WHERE run_id = %s ORDER BY record", run.id
        )

    def signatures(self, run: Run) -> Iterator[Signature]:
        """Every signature that is stored for the run."""
        return self._stream(
            Signature,
            "SELECT record, lease_id, signature FROM chancery.signatures WHERE run_id = %s ORDER BY record",
            run.id,
        )

    def batches(self, run: Run) -> Iterator[Batch]:
        """Every batch that is stored for the run."""
        return self._stream(
            Batch,
            """SELECT batch, first_record, last_record, state::text AS state, lease_id
                 FROM chancery.batches WHERE run_id = %s ORDER BY batch""",
            run.id,
        )

    def leases_by_batch(self, run: Run) -> Iterator[Lease]:
        """The run's leases, batch by batch."""
        return self._stream(Lease, f"{_LEASE} WHERE run_id = %s ORDER BY batch, use_sequence, id", run.id)

    def leases_by_use(self, run: Run) -> Iterator[Lease]:
        """The ring's leases in the order in which keys were chosen."""
        return self._stream(Lease, f"{_LEASE} WHERE keyring_id = %s ORDER BY use_sequence, id", run.keyring_id)

    def leases_elsewhere(self, run: Run) -> Iterator[Lease]:
        """Leases of this run, or of this ring's keys, that stand in the log of another ring."""
        return self._stream(
            Lease,
            f"""{_LEASE} WHERE keyring_id IS DISTINCT FROM %s
                   AND (run_id = %s OR key_id IN (SELECT id FROM chancery.keys WHERE keyring_id = %s))""",
            run.keyring_id,
            run.id,
            run.keyring_id,
        )

    def leases_of_no_run(self) -> Iterator[Lease]:
        """Leases whose run does not exist."""
        return self._stream(Lease, f"{_LEASE} WHERE run_id NOT IN (SELECT id FROM chancery.runs)")

    def tables_of_no_run(self) -> list[str]:
        """Partitions that are of no run that exists; a run's tables go before its row does."""
        runs = {row[0] for row in self._rows("SELECT id FROM chancery.runs")}
        found = []
        for name, bound in self._rows(
            """SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
                 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
                WHERE p.relnamespace = 'chancery'::regnamespace AND p.relname IN ('records', 'batches', 'signatures')
                ORDER BY c.oid"""
        ):
            of_run = re.fullmatch(r"FOR VALUES IN \((\d+)\)", bound)
            if of_run is None or int(of_run[1]) not in runs:
                found.append(name)
        return found

    def keys_of_no_ring(self) -> list[UUID]:
        """Keys whose keyring does not exist, and key material of no key."""
        return [
            row[0]
            for row in self._rows(
                """SELECT id FROM chancery.keys WHERE keyring_id NOT IN (SELECT id FROM chancery.keyrings)
                   UNION SELECT key_id FROM chancery.key_material WHERE key_id NOT IN (SELECT id FROM chancery.keys)
                   LIMIT 100"""
            )
        ]

    def _rows(self, query: str) -> list[tuple]:
        with self._connection.cursor() as cursor:
            return cursor.execute(query).fetchall()

    def _all(self, kind, query: str, *values):
        with self._connection.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(query, values).fetchall()

    def _stream(self, kind, query: str, *values):
        """Rows through a cursor of the server, so that few are in memory at a time."""
        self._streams += 1
        with self._connection.cursor(f"stream_{self._streams}", row_factory=class_row(kind)) as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            yield from cursor.execute(query, values)
