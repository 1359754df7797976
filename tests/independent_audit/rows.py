"""The rows of a ledger, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class Keyring:
    """What a ring declares, and the use after which its log begins."""

    id: int
    algorithm: str
    key_size: int | None
    key_count: int
    provider: str
    envelope: str
    content_type: str | None
    forgotten_use: int
    filled: bool


@dataclass(frozen=True)
class Run:
    """What was declared, and the state of the run."""

    id: int
    keyring_id: int
    batch_size: int
    # Seconds after which a batch may be closed that is not full.
    period: Decimal | None
    record_count: int | None
    sealed: bool
    complete: bool
    deleted: bool
    policy_hash: bytes | None


@dataclass(frozen=True)
class Admission:
    """A row of `admissions`."""

    records: int
    batches: int
    batched: int
    waiting: bool


@dataclass(frozen=True)
class Source:
    """A row of `generated_sources`."""

    record_count: int
    chunk_size: int


@dataclass(frozen=True)
class Intake:
    """A row of `intakes`."""

    idempotency: str
    record_limit: int | None
    received: int
    admitted: int
    duplicates: int
    dead: int
    rejected: int
    pending: int
    flagged: int
    alerts: int


@dataclass(frozen=True)
class Split:
    """A row of `splits`, and whether its source has been listed."""

    source: int
    split: int
    start: int
    position: int
    pushed: bool
    done: bool
    received: int
    admitted: int
    duplicates: int
    dead: int
    rejected: int
    pending: int


@dataclass(frozen=True)
class Sink:
    """A row of `sinks`."""

    sink: int
    name: str
    ordered: bool
    attempt_limit: int
    is_lines: bool
    delivered: int
    dead: int
    redriven: int


@dataclass(frozen=True)
class Delivery:
    """A row of `deliveries`: of the object's name, the MD5."""

    batch: int
    state: str
    attempts: int
    says_why: bool
    name_hash: bytes | None
    digest: bytes | None
    redrives: int
    discarded: bool


@dataclass(frozen=True)
class DeliveryMove:
    """A row of `delivery_moves`."""

    sink: int
    batch: int
    attempt: int
    kind: str
    attempts: int


@dataclass(frozen=True)
class Manifest:
    """A row of `manifests`."""

    sink: int
    number: int
    stated: bool
    attempts: int
    says_why: bool
    object: str | None
    digest: bytes | None
    ended: bool


@dataclass(frozen=True)
class BatchOfManifest:
    """A batch, and what became of it at a sink."""

    batch: int
    first_record: int
    last_record: int
    object: str | None
    digest: bytes | None
    last_error: str | None


@dataclass(frozen=True)
class DeliveredLines:
    """What a sink has of a batch, that is given lines."""

    batch: int
    sink: str
    digest: bytes


@dataclass(frozen=True)
class Notification:
    """A row of `notifications`."""

    notification: int
    name: str
    events: list[str]
    attempt_limit: int
    told: int
    dead: int


@dataclass(frozen=True)
class Event:
    """A row of `events`: of those that tell of several, of how many."""

    what: str
    state: str
    attempts: int
    says_why: bool
    count: int | None
    told_to: int | None
    told: int | None


@dataclass(frozen=True)
class Confirmed:
    """A signed batch, and which of its records come from sources that ask for confirmations; None for none."""

    batch: int
    first_record: int
    last_record: int
    records: list[int] | None


@dataclass(frozen=True)
class SignedLease:
    """A lease that ended with signatures, and when, as RFC 3339."""

    id: int
    batch: int
    key_id: UUID
    signed_at: str


@dataclass(frozen=True)
class SignedRecord:
    """A record with its signature."""

    record: int
    batch: int
    payload: bytes
    signature: bytes
    signed_at: str
    marks: dict[str, object] | None
    traceparent: str | None


@dataclass(frozen=True)
class RecordTrace:
    """In which trace a record came."""

    record: int
    traceparent: str


@dataclass(frozen=True)
class Marks:
    """What a policy said of a record: a row of `flags`, and those of `alerts`."""

    record: int
    score: int | None
    hits: list[dict[str, str]] | None
    alerts: list[list[str]] | None

    def of_line(self) -> dict[str, object]:
        """As docs/reference/exports.md has them."""
        if self.hits is None:
            return {"hits": [{"rule": rule, "action": "Alert", "message": message} for rule, message in sorted(self.alerts or [])]}
        hits = [{name: hit[name] for name in ("rule", "action", "message")} for hit in self.hits]
        return {"score": self.score, "hits": hits} if self.score else {"hits": hits}


@dataclass(frozen=True)
class BatchNumber:
    """The number of a batch."""

    batch: int


@dataclass(frozen=True)
class Arrival:
    """A record with where it came from, a row of `arrivals`, or one of `pendings`; whether it waited for others to be asked."""

    source: int | None
    split: int | None
    position: int | None
    state: str
    record: int | None
    digest: bytes | None
    identity: bytes | None
    payload: bytes | None
    duplicate_run: int | None
    duplicate_record: int | None
    stage: str | None
    rule: str | None
    reason: str | None
    kept: bool
    waited: bool


@dataclass(frozen=True)
class Known:
    """What a record is known by in its ring: a row of `digests`, or what the record itself says."""

    record: int
    digest: bytes


@dataclass(frozen=True)
class Key:
    """A key of the ring; its public key is missing if its material is."""

    id: UUID
    number: int
    state: str
    last_use: int
    joined_use: int
    retired_use: int | None
    retired: bool
    public_key: bytes | None


@dataclass(frozen=True)
class DeletedRun:
    """A row of `deleted_runs`."""

    run_id: int
    keyring_id: int
    last_use: int


@dataclass(frozen=True)
class Batch:
    """A row of `batches`. Instants are seconds since 1970."""

    batch: int
    first_record: int
    last_record: int
    payload_bytes: int
    opened_at: Decimal
    closed_at: Decimal
    closed_by: str
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
    doubted_until: Decimal | None
    signed_at: Decimal | None
    released_at: Decimal | None
    outcome: str | None


@dataclass(frozen=True)
class Record:
    """A row of `records`; of a payload that is longer than any may be, only the length."""

    record: int
    length: int | None
    payload: bytes | None


@dataclass(frozen=True)
class Block:
    """A row of `signature_blocks`; of one that is longer than any may be, not the bytes."""

    first_record: int
    last_record: int
    lease_id: int | None
    signatures: bytes | None


@dataclass(frozen=True)
class Signature:
    """A record's part of a block."""

    record: int
    lease_id: int | None
    signature: bytes | None
