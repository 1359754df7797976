"""Law 8, what was delivered: its digest is that of the batch, made again from what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

from envelopes import UnknownEnvelope
from findings import Findings
from ledger import Ledger
from lines import LineKey, line, line_key
from rows import Key, Keyring, Run, SignedLease, SignedRecord

LAW = 8


def audit_delivered(ledger: Ledger, name: str, run: Run, keyring: Keyring, findings: Findings) -> None:
    """Compares what sinks have that are given lines; `name` is the run's, with its namespace."""
    if not any(sink.is_lines and sink.delivered for sink in ledger.sinks(run)):
        return
    keys = {key.id: _opened(keyring, key) for key in ledger.keys(keyring)}
    contents = _contents(ledger, name, run, keyring, keys)
    batch, digest = next(contents, (None, b""))
    for delivered in ledger.delivered_lines(run):
        while batch is not None and batch < delivered.batch:
            batch, digest = next(contents, (None, b""))
        if (batch, digest) != (delivered.batch, delivered.digest):
            findings.violation(LAW, f"batch {delivered.batch}", f"was delivered to {delivered.sink} as something else than it is")


def _opened(keyring: Keyring, key: Key) -> LineKey | None:
    """None for what is no key, which is a matter of law 2: nothing can have been made with it."""
    try:
        return None if key.public_key is None else line_key(keyring, bytes(key.public_key))
    except (ValueError, UnknownEnvelope):
        return None


def _contents(
    ledger: Ledger, name: str, run: Run, keyring: Keyring, keys: dict[UUID, LineKey | None]
) -> Iterator[tuple[int, bytes]]:
    """Each batch that has signatures, in order, with the SHA-256 of its lines."""
    leases = ledger.signed_leases(run)
    lease: SignedLease | None = next(leases, None)
    records = ledger.records(run)
    record = next(records, None)
    marks = ledger.marks(run)
    mark = next(marks, None)
    traces = ledger.record_traces(run)
    trace = next(traces, None)
    batch, content = None, sha256()
    for signature in ledger.signatures(run):
        while lease is not None and lease.id != signature.lease_id:
            lease = next(leases, None)
        while record is not None and record.record < signature.record:
            record = next(records, None)
        if lease is None or record is None or record.record != signature.record:
            continue
        if lease.batch != batch:
            if batch is not None:
                yield batch, content.digest()
            batch, content = lease.batch, sha256()
        key = keys.get(lease.key_id)
        if key is not None and record.payload is not None and signature.signature is not None:
            payload, signed = bytes(record.payload), bytes(signature.signature)
            while mark is not None and mark.record < record.record:
                mark = next(marks, None)
            said = mark.of_line() if mark is not None and mark.record == record.record else None
            while trace is not None and trace.record < record.record:
                trace = next(traces, None)
            came = trace.traceparent if trace is not None and trace.record == record.record else None
            content.update(line(name, keyring, key, SignedRecord(record.record, batch, payload, signed, lease.signed_at, said, came)))
    if batch is not None:
        yield batch, content.digest()
