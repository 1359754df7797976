"""Laws 1 to 3: walks the run batch by batch, with the records, signatures and leases of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar
from uuid import UUID

from findings import Findings
from ledger import Batch, Lease, Ledger, Record, Run, Signature
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


def audit_batches(ledger: Ledger, run: Run, ring: dict[UUID, PublicKey | None], findings: Findings) -> None:
    """Checks every batch, and that nothing lies outside of the run."""
    batches = Ordered(ledger.batches(run), lambda row: row.batch)
    leases = Ordered(ledger.leases_by_batch(run), lambda row: row.batch)
    records = Ordered(ledger.records(run), lambda row: row.record)
    signatures = Ordered(ledger.signatures(run), lambda row: row.record)

    def strays(before_the_run: bool) -> None:
        # The numbers of a run begin with 1.
        for law, kind, rows, number in (
            (1, "record", records, lambda row: row.record),
            (1, "signature", signatures, lambda row: row.record),
            (3, "batch", batches, lambda row: row.batch),
        ):
            for row in rows.up_to(0) if before_the_run else rows.rest():
                findings.violation(law, f"{kind} {number(row)}", "is outside of the run")
        for lease in leases.up_to(0) if before_the_run else leases.rest():
            findings.violation(3, f"lease {lease.id}", f"is of batch {lease.batch}, which the run does not have")

    strays(before_the_run=True)
    for number in range(1, -(-run.record_count // run.batch_size) + 1):
        first = (number - 1) * run.batch_size + 1
        last = min(number * run.batch_size, run.record_count)
        log = list(leases.up_to(number))
        _check_leases(number, log, findings)
        row = _check_row(number, first, last, list(batches.up_to(number)), log, findings)
        by_id = {lease.id: lease for lease in log}
        for record in range(first, last + 1):
            payload = _payload(run, record, list(records.up_to(record)), findings)
            for signature in _signatures(run, record, list(signatures.up_to(record)), findings):
                _check_signature(run, row, by_id.get(signature.lease_id), payload, signature, ring, findings)
    strays(before_the_run=False)


def _check_leases(batch: int, log: list[Lease], findings: Findings) -> None:
    """A batch is in one signer's hands at a time, and is signed under one lease, its last."""
    for earlier, later in zip(log, log[1:]):
        place = f"lease {later.id}"
        if earlier.outcome == "signed":
            findings.violation(3, place, f"is of batch {batch}, which lease {earlier.id} had signed")
        elif earlier.released_at is None or earlier.released_at > later.acquired_at:
            findings.violation(3, place, f"is of batch {batch} while lease {earlier.id} held that")


def _check_row(
    number: int, first: int, last: int, rows: list[Batch], log: list[Lease], findings: Findings
) -> Batch | None:
    """The batch's one row: its records, and that its state is what the log says."""
    place = f"batch {number}"
    findings.looked_at["batches"] += len(rows)
    if len(rows) != 1:
        findings.violation(3, place, "is missing" if not rows else f"stands {len(rows)} times")
        return None
    row = rows[0]
    if (row.first_record, row.last_record) != (first, last):
        findings.violation(
            3, place, f"holds the records {row.first_record} to {row.last_record} instead of {first} to {last}"
        )
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
    return row


def _payload(run: Run, number: int, rows: list[Record], findings: Findings) -> bytes | None:
    """The payload of the record's one row."""
    place = f"record {number}"
    findings.looked_at["records"] += len(rows)
    if len(rows) != 1:
        findings.violation(1, place, "is missing" if not rows else f"stands {len(rows)} times")
        return None
    payload = rows[0].payload
    if payload is None:
        findings.violation(1, place, "has no payload")
    elif len(payload) != run.record_size:
        findings.violation(1, place, f"has {len(payload)} bytes instead of {run.record_size}")
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
    run: Run,
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
        findings.violation(2, place, f"was signed with key {lease.key_id}, which can not be used")
    elif key.verifies(payload, row.signature):
        findings.looked_at["true signatures"] += 1
    else:
        findings.violation(2, place, f"has a signature that does not verify with key {lease.key_id}")
