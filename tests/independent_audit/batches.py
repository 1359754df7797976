"""Laws 1 to 3: walks the run batch by batch, with the records, signatures and leases of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby, islice
from typing import Generic, TypeVar
from uuid import UUID

from findings import Findings
from ledger import Ledger
from rows import Batch, Lease, Record, Run, Signature
from signatures import PublicKey

Row = TypeVar("Row")


class Ordered(Generic[Row]):
    """Rows in the order of a number, taken number by number."""

    def __init__(self, rows: Iterator[Row], number: Callable[[Row], int]) -> None:
        self._rows = rows
        self._number = number
        self._next = next(rows, None)

    def up_to(self, last: int) -> Iterator[Row]:
        """Takes the next rows as long as their number is not beyond `last`."""
        while self._next is not None and self._number(self._next) <= last:
            row = self._next
            self._next = next(self._rows, None)
            yield row

    def rest(self) -> Iterator[Row]:
        """Takes all that is left."""
        while self._next is not None:
            row = self._next
            self._next = next(self._rows, None)
            yield row


def audit_batches(
    ledger: Ledger, run: Run, records_of_run: int, ring: dict[UUID, PublicKey | None], findings: Findings
) -> None:
    """Checks every batch and every record, and that nothing lies outside of the run."""
    _Walk(ledger, run, records_of_run, ring, findings).walk()


class _Walk:
    """The run's rows, each kind in the order of its numbers, read side by side."""

    def __init__(
        self, ledger: Ledger, run: Run, count: int, ring: dict[UUID, PublicKey | None], findings: Findings
    ) -> None:
        self._ledger = ledger
        self._run = run
        self._count = count
        self._ring = ring
        self._findings = findings
        self._batches = Ordered(ledger.batches(run), lambda row: row.batch)
        self._leases = Ordered(ledger.leases_by_batch(run), lambda row: row.batch)
        self._records = Ordered(ledger.records(run), lambda row: row.record)
        self._signatures = Ordered(ledger.signatures(run), lambda row: row.record)
        # The newest batch, and the first record that was not looked at yet.
        self._last: Batch | None = None
        self._next_record = 1

    def walk(self) -> None:
        """All of the run."""
        self._strays(self._records.up_to(0), self._signatures.up_to(0), self._leases.up_to(0))
        for row in self._batches.up_to(0):
            self._findings.violation(3, f"batch {row.batch}", "is outside of the run")
        for number, group in groupby(self._batches.rest(), lambda row: row.batch):
            rows = list(islice(group, 2))
            rows_there_are = len(rows) + sum(1 for _ in group)
            if rows[0].first_record > self._count:
                self._findings.violation(3, f"batch {number}", "is outside of the run")
            else:
                self._batch(rows[0], rows_there_are)
        self._look_at_records(self._count, None, [])
        self._check_end()
        self._strays(self._records.rest(), self._signatures.rest(), self._leases.rest())

    def _batch(self, row: Batch, rows_there_are: int) -> None:
        place = f"batch {row.batch}"
        self._findings.looked_at["batches"] += 1
        if rows_there_are > 1:
            self._findings.violation(3, place, f"stands {rows_there_are} times")
        missing = range(1 if self._last is None else self._last.batch + 1, row.batch)
        for number in missing:
            self._findings.violation(3, f"batch {number}", "is missing")
        expected = self._next_record if self._last is None else self._last.last_record + 1
        if not missing and row.first_record != expected:
            self._findings.violation(3, place, f"begins with record {row.first_record} instead of {expected}")
        if self._last is not None and self._last.closed_by == "Sealed":
            self._findings.violation(3, place, f"follows batch {self._last.batch}, which the sealing had closed")
        self._last = row
        _check_closing(self._run, row, self._findings)
        log: list[Lease] = []
        for number, of_batch in groupby(self._leases.up_to(row.batch), lambda lease: lease.batch):
            log = list(of_batch)
            _check_leases(number, log, self._findings)
        log = log if log and log[0].batch == row.batch else []
        _check_state(row, log, self._findings)
        self._look_at_records(min(row.first_record - 1, self._count), None, [])
        is_whole = self._next_record == row.first_record and row.last_record <= self._count
        stored = self._look_at_records(min(row.last_record, self._count), row, log)
        if is_whole and stored is not None and stored != row.payload_bytes:
            self._findings.violation(
                3, place, f"says that its payloads have {row.payload_bytes} bytes instead of {stored}"
            )

    def _look_at_records(self, last: int, row: Batch | None, log: list[Lease]) -> int | None:
        """The records up to this one. The bytes of their payloads, unless one is missing or stands twice."""
        by_id = {lease.id: lease for lease in log}
        stored: int | None = 0
        for record in range(self._next_record, last + 1):
            rows = list(self._records.up_to(record))
            length = rows[0].length if len(rows) == 1 else None
            stored = None if stored is None or length is None else stored + length
            payload = _payload(record, rows, self._findings)
            for signature in _signatures(self._run, record, list(self._signatures.up_to(record)), self._findings):
                lease = by_id.get(signature.lease_id)
                _check_signature(row, lease, payload, signature, self._ring, self._findings)
        self._next_record = max(self._next_record, last + 1)
        return stored

    def _check_end(self) -> None:
        """The batches end where the run says that they do."""
        batches, batched = (0, 0) if self._last is None else (self._last.batch, self._last.last_record)
        if self._run.sealed and batched != self._count:
            self._findings.violation(
                3, f"batch {batches}", f"is the last and ends with record {batched}, the run with {self._count}"
            )
        for said in self._ledger.admissions(self._run):
            if (said.batches, said.batched) != (batches, batched):
                self._findings.violation(
                    3,
                    "the run",
                    f"says {said.batched} records in {said.batches} batches instead of {batched} in {batches}",
                )

    def _strays(self, records: Iterator[Record], signatures: Iterator[Signature], leases: Iterator[Lease]) -> None:
        """Rows whose number is none of the run's."""
        made: set[int] = set()
        size = 1
        if not self._run.sealed:
            # Chunks of the source are made in any order: what comes after a missing one is not admitted yet.
            made = self._ledger.chunks(self._run)
            size = next((source.chunk_size for source in self._ledger.sources(self._run)), 1)
        for row in records:
            if row.record < 1 or (row.record - 1) // size + 1 not in made:
                self._findings.violation(1, f"record {row.record}", "is outside of the run")
        for signature in signatures:
            self._findings.violation(1, f"signature {signature.record}", "is outside of the run")
        for lease in leases:
            self._findings.violation(
                3, f"lease {lease.id}", f"is of batch {lease.batch}, which the run does not have"
            )


def _check_closing(run: Run, row: Batch, findings: Findings) -> None:
    """What closed the batch, when, and how many records that allows."""
    place = f"batch {row.batch}"
    records = row.last_record - row.first_record + 1
    if records < 1:
        findings.violation(3, place, f"ends with record {row.last_record}, before its first, {row.first_record}")
    if row.closed_by == "Full":
        if records != run.batch_size:
            findings.violation(3, place, f"was closed as full with {records} records instead of {run.batch_size}")
    elif row.closed_by == "Sealed":
        if not run.sealed:
            findings.violation(3, place, "was closed by the sealing of a run that is not sealed")
        if records > run.batch_size:
            findings.violation(3, place, f"has {records} records, more than {run.batch_size}")
    elif row.closed_by == "Period":
        if run.period is None:
            findings.violation(3, place, "was closed after a period, and its run declares none")
        elif records >= run.batch_size:
            findings.violation(3, place, f"was closed after a period, and has {records} records, which fill it")
        elif row.closed_at - row.opened_at < run.period:
            findings.violation(3, place, f"was closed before its period of {run.period} seconds had passed")
    else:
        findings.violation(3, place, f"was closed by {row.closed_by}, which is unknown")
    if not (row.opened_at.is_finite() and row.closed_at.is_finite()):
        findings.violation(3, place, "was opened or closed at no real instant")
    elif row.closed_at < row.opened_at:
        findings.violation(3, place, "was closed before it was opened")


def _check_leases(batch: int, log: list[Lease], findings: Findings) -> None:
    """A batch is in one signer's hands at a time, and is signed under one lease, its last."""
    for earlier, later in zip(log, log[1:]):
        place = f"lease {later.id}"
        if earlier.outcome == "signed":
            findings.violation(3, place, f"is of batch {batch}, which lease {earlier.id} had signed")
        elif earlier.released_at is None or earlier.released_at > later.acquired_at:
            findings.violation(3, place, f"is of batch {batch} while lease {earlier.id} held that")


def _check_state(row: Batch, log: list[Lease], findings: Findings) -> None:
    """The batch's state is what the log says."""
    place = f"batch {row.batch}"
    named = next((lease for lease in log if lease.id == row.lease_id), None)
    signed = [lease.id for lease in log if lease.outcome == "signed"]
    if row.state == "signed":
        if named is None or named.outcome != "signed":
            findings.violation(3, place, f"is marked signed under lease {row.lease_id}, which did not sign it")
    elif row.state == "leased":
        if named is None or named.outcome is not None:
            findings.violation(3, place, f"is marked leased under lease {row.lease_id}, which does not hold it")
    elif row.state == "unsigned":
        if row.lease_id is not None:
            findings.violation(3, place, f"is marked unsigned, yet names lease {row.lease_id}")
    else:
        findings.violation(3, place, f"is in the unknown state {row.state}")
    if signed and row.state != "signed":
        findings.violation(3, place, f"is marked {row.state}, though lease {signed[0]} signed it")


def _payload(number: int, rows: list[Record], findings: Findings) -> bytes | None:
    """The payload of the record's one row."""
    place = f"record {number}"
    findings.looked_at["records"] += len(rows)
    if len(rows) != 1:
        findings.violation(1, place, "is missing" if not rows else f"stands {len(rows)} times")
        return None
    payload = rows[0].payload
    if rows[0].length is None:
        findings.violation(1, place, "has no payload")
    elif payload is None:
        findings.violation(1, place, f"has {rows[0].length} bytes, more than a payload may have")
    return payload


def _signatures(run: Run, number: int, rows: list[Signature], findings: Findings) -> list[Signature]:
    """The record's signatures: there is to be one."""
    findings.looked_at["signatures"] += len(rows)
    if not rows:
        findings.looked_at["unsigned records"] += 1
        findings.violation(1, f"record {number}", "has no signature")
        if run.complete:
            findings.violation(6, f"record {number}", "has no signature although the run is complete")
    elif len(rows) > 1:
        findings.violation(1, f"record {number}", f"has {len(rows)} signatures")
    return rows


def _check_signature(
    batch: Batch | None,
    lease: Lease | None,
    payload: bytes | None,
    row: Signature,
    ring: dict[UUID, PublicKey | None],
    findings: Findings,
) -> None:
    """The signature is true, and was stored under the lease that its batch names."""
    place = f"record {row.record}"
    if batch is not None and batch.lease_id != row.lease_id:
        findings.violation(3, place, f"was signed under lease {row.lease_id}, its batch under {batch.lease_id}")
    if lease is None:
        findings.violation(4, place, f"was signed under lease {row.lease_id}, which is none of its batch")
        return
    if lease.outcome != "signed":
        findings.violation(4, place, f"was signed under lease {lease.id}, whose outcome is {lease.outcome}")
    if lease.key_id not in ring:
        findings.violation(2, place, f"was signed with key {lease.key_id}, which is not in the ring")
        return
    key = ring[lease.key_id]
    if payload is None:
        findings.violation(2, place, "has a signature over nothing")
    elif row.signature is None:
        findings.violation(2, place, "has an empty place for its signature")
    elif key is None:
        findings.violation(2, place, f"was signed with key {lease.key_id}, which cannot be used")
    elif key.verifies(payload, row.signature):
        findings.looked_at["true signatures"] += 1
    else:
        findings.violation(2, place, f"has a signature that does not verify with key {lease.key_id}")
