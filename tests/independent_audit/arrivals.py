"""Law 7: every arrival of a run with sources is in exactly one state, and the counts add up."""

from __future__ import annotations

import hashlib
from collections import Counter
from heapq import merge
from itertools import zip_longest

from findings import Findings
from judged import audit_judged
from ledger import Ledger
from letters import Letters
from rows import Arrival, Intake, Run, Split

LAW = 7
STATES = ("Admitted", "Duplicate", "Dead", "Rejected", "Pending")
COUNTS = ("admitted", "duplicates", "dead", "rejected", "pending")


def audit_arrivals(ledger: Ledger, run: Run, intake: Intake, findings: Findings) -> None:
    """Checks the splits against the rows, the rows against each other, and what the ring knows against the records."""
    letters = Letters(ledger, run)
    seen, others = _walk(ledger, run, intake, letters, findings)
    letters.finish(findings)
    _splits(ledger, run, intake, seen, findings)
    audit_judged(ledger, run, intake, findings)
    if intake.idempotency != "None":
        _ring(ledger, run, findings)
    whole = ledger.runs_whole()
    # Of a run that was deleted since, the number is all that is left.
    for other in sorted(others & whole.keys()):
        if whole[other] != run.keyring_id:
            findings.violation(LAW, f"run {other}", "is repeated by this run, and signs with another ring")
        for source, split, position, record in ledger.false_duplicates(run, other):
            findings.violation(
                LAW, _place(source, split, position), f"repeats record {record} of run {other}, which has not what it is known by"
            )


class _Seen:
    """What the rows of one split are."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.first: int | None = None
        self.last: int | None = None


def _walk(
    ledger: Ledger, run: Run, intake: Intake, letters: Letters, findings: Findings
) -> tuple[dict[tuple[int, int], _Seen], set[int]]:
    """All arrivals in the order of their places: what each split has, and the runs that are repeated."""
    seen: dict[tuple[int, int], _Seen] = {}
    others: set[int] = set()
    newest_record = 0
    before: tuple[int, int, int] | None = None
    arrivals = merge(ledger.admitted(run), ledger.not_admitted(run), ledger.pending(run), key=_order)
    for arrival in arrivals:
        findings.looked_at["arrivals"] += 1
        if None in (arrival.source, arrival.split, arrival.position):
            findings.violation(LAW, f"record {arrival.record}", "says not where it came from")
            continue
        place = (arrival.source, arrival.split, arrival.position)
        split = seen.setdefault(place[:2], _Seen())
        if place == before:
            findings.violation(LAW, _place(*place), "stands twice")
        if before is None or before[:2] != place[:2]:
            newest_record = 0
        before = place
        split.states[arrival.state] += 1
        letters.arrival(place, arrival, findings)
        split.first = arrival.position if split.first is None else split.first
        split.last = arrival.position
        if arrival.state == "Admitted":
            # What was taken up again, or waited for others, became a record when that was, wherever it lay.
            if not arrival.waited and not letters.was_dead(place):
                if arrival.record < newest_record:
                    findings.violation(LAW, f"record {arrival.record}", f"comes after record {newest_record} in its split")
                newest_record = arrival.record
            _digest(arrival, run, intake, findings)
        else:
            _refused(arrival, run, intake, others, findings)
    return seen, others


def _digest(arrival: Arrival, run: Run, intake: Intake, findings: Findings) -> None:
    has = (arrival.digest is not None, arrival.identity is not None)
    if has not in _wanted(run, intake):
        findings.violation(LAW, f"record {arrival.record}", f"has digests {has}, with idempotency {intake.idempotency}")
    elif arrival.digest is not None and arrival.payload is not None:
        if hashlib.sha256(arrival.payload).digest() != arrival.digest:
            findings.violation(LAW, f"record {arrival.record}", "has a digest that its payload has not")


def _wanted(run: Run, intake: Intake) -> set[tuple[bool, bool]]:
    """Whether what is known in the ring has a digest of its payload, and an identity; a policy may give it one."""
    wanted = {(intake.idempotency != "None", intake.idempotency == "Expression")}
    if intake.idempotency == "Content" and run.policy_hash is not None:
        wanted.add((True, True))
    return wanted


def _refused(arrival: Arrival, run: Run, intake: Intake, others: set[int], findings: Findings) -> None:
    """A duplicate says of what, a dead letter says why, and what was rejected by which rule."""
    place = _place(arrival.source, arrival.split, arrival.position)
    if arrival.state == "Duplicate":
        if None in (arrival.digest, arrival.duplicate_run, arrival.duplicate_record):
            findings.violation(LAW, place, "is a duplicate, and says not of what")
        else:
            if (arrival.digest is not None, arrival.identity is not None) not in _wanted(run, intake):
                findings.violation(LAW, place, f"has digests that do not go with idempotency {intake.idempotency}")
            others.add(arrival.duplicate_run)
    elif arrival.state == "Dead":
        if None in (arrival.stage, arrival.reason):
            findings.violation(LAW, place, "is dead, and says not why")
    elif arrival.state == "Rejected":
        if None in (arrival.rule, arrival.reason, arrival.digest):
            findings.violation(LAW, place, "is rejected, and says not by which rule")
    elif arrival.state == "Pending":
        if run.sealed:
            findings.violation(LAW, place, "waits to be judged, and the run is sealed")
    else:
        findings.violation(LAW, place, f"is {arrival.state}, which is no state")


def _splits(
    ledger: Ledger, run: Run, intake: Intake, seen: dict[tuple[int, int], _Seen], findings: Findings
) -> None:
    total: Counter[str] = Counter()
    stopped = intake.record_limit is not None and intake.admitted >= intake.record_limit
    for source in ledger.unlisted(run):
        if run.sealed and not stopped:
            findings.violation(LAW, f"source {source}", "was not listed, and the run is sealed")
    number = (0, 0)
    for split in ledger.splits(run):
        findings.looked_at["splits"] += 1
        place = f"split {split.split} of source {split.source}"
        expected = number[1] + 1 if number[0] == split.source else 1
        number = (split.source, split.split)
        if split.split != expected:
            findings.violation(LAW, place, f"comes where split {expected} is expected")
        _one_split(split, seen.pop((split.source, split.split), _Seen()), place, findings)
        if run.sealed and not split.done and not stopped:
            findings.violation(LAW, place, "was not read to its end, and the run is sealed")
        for word in ("received", *COUNTS):
            total[word] += getattr(split, word)
    for source, split in seen:
        findings.violation(LAW, f"split {split} of source {source}", "has arrivals, and does not exist")
    for word in ("received", *COUNTS):
        said = getattr(intake, word)
        if said != total[word]:
            findings.violation(LAW, "the run", f"says that {said} arrivals are {word}, its splits say {total[word]}")


def _one_split(split: Split, seen: _Seen, place: str, findings: Findings) -> None:
    counted = tuple(seen.states[state] for state in STATES)
    said = tuple(getattr(split, word) for word in COUNTS)
    if counted != said or split.received != sum(said):
        findings.violation(LAW, place, f"says {split.received} arrivals, {said}, there are {counted}")
    if split.pushed and split.received != split.position - split.start:
        findings.violation(LAW, place, f"is pushed up to {split.position}, and has {split.received} arrivals")
    if seen.first is not None and (seen.first < split.start or seen.last >= split.position):
        findings.violation(LAW, place, f"has arrivals outside of what was read, {split.start} to {split.position}")


def _ring(ledger: Ledger, run: Run, findings: Findings) -> None:
    """What the ring knows is what the records say, row by row; a digest stands once in a ring, by its primary key."""
    for known, record in zip_longest(ledger.digests(run), ledger.digests_of_records(run)):
        if known != record:
            place = f"record {(record or known).record}"
            findings.violation(LAW, place, "is not what the ring knows by its digest")
            # From here on, one side is shifted against the other.
            return


def _order(arrival: Arrival) -> tuple[int, int, int]:
    return (
        -1 if arrival.source is None else arrival.source,
        -1 if arrival.split is None else arrival.split,
        -1 if arrival.position is None else arrival.position,
    )


def _place(source: int | None, split: int | None, position: int | None) -> str:
    return f"the arrival at position {position} of split {split} of source {source}"
