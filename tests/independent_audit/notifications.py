"""Law 8: whoever is to be told of what happened to a run is told of it, or a dead letter says why not."""

from __future__ import annotations

import re

from findings import Findings
from ledger import Ledger
from rows import Event, Intake, Notification, Run

LAW = 8
STATES = ("Pending", "Delivered", "Dead")
OF_BATCH = re.compile(r"[0-9]{1,18}")
OF_RECORD = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")


def audit_notifications(ledger: Ledger, run: Run, intakes: list[Intake], findings: Findings) -> None:
    """Checks the events of each notification against what the ledger has of the run."""
    notifications = ledger.notifications(run)
    for number, one in enumerate(notifications, start=1):
        if one.notification != number:
            findings.violation(LAW, f"notification {one.name}", f"has number {one.notification} where {number} is expected")
        _one_notification(ledger, run, intakes, one, findings)
    for number in sorted(ledger.notifications_of_events(run) - {one.notification for one in notifications}):
        findings.violation(LAW, f"notification {number}", "has events, and does not exist")


def _one_notification(ledger: Ledger, run: Run, intakes: list[Intake], one: Notification, findings: Findings) -> None:
    place = f"notification {one.name}"
    counted = dict.fromkeys(STATES, 0)
    told: dict[str, int] = {"record.rejected": 0, "record.dead": 0, "policy.alert": 0}
    batches: set[str] = set()
    dead: set[str] = set()
    plain: set[str] = set()
    one_by_one: dict[str, Event] = {}
    records = 0
    last: str | None = None
    for event in ledger.events(run, one):
        findings.looked_at["events"] += 1
        kind, _, about = event.what.partition("/")
        if kind == "record.signed" and OF_BATCH.fullmatch(about):
            # A batch counts the records of which it was told, whatever became of it.
            records += event.told or 0
            counted["Dead"] += event.state == "Dead"
        else:
            counted[event.state] = counted.get(event.state, 0) + 1
        if event.what == last:
            findings.violation(LAW, place, f"has {event.what} more than once")
        last = event.what
        if kind not in one.events:
            findings.violation(LAW, place, f"has {event.what}, which it does not list")
        if kind in told:
            told[kind] += event.count or 0
        elif kind == "batch.signed":
            batches.add(about)
        elif kind == "record.signed":
            one_by_one[about] = event
        elif kind == "delivery.dead":
            dead.add(about)
        else:
            plain.add(event.what)
        if event.state not in STATES:
            findings.violation(LAW, place, f"has {event.what} as {event.state}, which is no state")
        if event.state == "Dead" and (not event.says_why or event.attempts < one.attempt_limit and not run.complete):
            findings.violation(LAW, place, f"gave {event.what} up after {event.attempts} attempts of {one.attempt_limit}, or says not why")
        if event.state == "Pending" and event.attempts >= one.attempt_limit:
            findings.violation(LAW, place, f"has {event.what} pending after {event.attempts} attempts of {one.attempt_limit}")
    counted["Delivered"] += records
    if (counted["Delivered"], counted["Dead"]) != (one.told, one.dead):
        findings.violation(
            LAW, place, f"says it was told of {one.told} and {one.dead} are dead, there are {counted['Delivered']} and {counted['Dead']}"
        )
    _happened(ledger, run, intakes, one, (told, batches, dead, plain), findings)
    if "record.signed" in one.events or one_by_one:
        _confirmed(ledger, run, one, one_by_one, findings)


def _confirmed(ledger: Ledger, run: Run, one: Notification, events: dict[str, Event], findings: Findings) -> None:
    """Each record of a source that asks for it is told of, by its batch or, once it was refused, by itself."""
    place = f"notification {one.name}"
    refused: dict[int, set[int]] = {}
    for about in events:
        of_record = OF_RECORD.fullmatch(about)
        if of_record:
            refused.setdefault(int(of_record[1]), set()).add(int(of_record[2]))
        elif not OF_BATCH.fullmatch(about):
            findings.violation(LAW, place, f"is told that a record is signed, and of none: {about}")
    batches = {int(about) for about in events if OF_BATCH.fullmatch(about)}
    for batch in ledger.confirmed(run):
        asking = set(batch.records or ())
        apart = refused.pop(batch.batch, set())
        for record in sorted(apart - asking):
            findings.violation(LAW, f"record {record}", f"did not ask for it, or is not of batch {batch.batch}, and {one.name} is told")
        if batch.batch not in batches:
            findings.violation(LAW, f"batch {batch.batch}", f"is signed, and {one.name} is not told of its records")
            continue
        batches.discard(batch.batch)
        event = events[str(batch.batch)]
        told = (event.told or 0) + len(apart)
        if told > len(asking) or event.state == "Delivered" and told < len(asking):
            findings.violation(LAW, f"batch {batch.batch}", f"has {len(asking)} records to tell {one.name} of, which knows {told}")
        if event.told_to is not None and not batch.first_record <= event.told_to <= batch.last_record:
            findings.violation(LAW, f"batch {batch.batch}", f"is told to {one.name} up to record {event.told_to}, which is not in it")
    for batch in sorted(batches | set(refused)):
        findings.violation(LAW, f"batch {batch}", f"is not signed, and {one.name} is told of its records")


def _happened(ledger: Ledger, run: Run, intakes: list[Intake], one: Notification, said, findings: Findings) -> None:
    told, batches, dead, plain = said
    place = f"notification {one.name}"
    if "batch.signed" in one.events:
        signed = {str(batch) for batch in ledger.signed_batches(run)}
        for batch in sorted(signed - batches):
            findings.violation(LAW, f"batch {batch}", f"is signed, and {one.name} is not told")
        for batch in sorted(batches - signed):
            findings.violation(LAW, f"batch {batch}", f"is not signed, and {one.name} is told that it is")
    if "run.started" in one.events and "run.started" not in plain:
        findings.violation(LAW, place, "is not told that the run started")
    if "run.completed" in one.events and ("run.completed" in plain) != run.complete:
        findings.violation(LAW, place, "is told that the run is complete, or is not told, and the opposite is so")
    for intake in intakes:
        for event, stands in (("record.rejected", intake.rejected), ("policy.alert", intake.alerts)):
            if event in one.events and told[event] != stands:
                findings.violation(LAW, place, f"is told of {told[event]} by {event}, there are {stands}")
        # A dead letter may have been taken up since.
        if "record.dead" in one.events and told["record.dead"] < intake.dead:
            findings.violation(LAW, place, f"is told of {told['record.dead']} by record.dead, there are {intake.dead}")
    if "delivery.dead" in one.events:
        # One that was taken up again had been given up before, each time.
        given_up = {
            f"{sink}/{batch}/{time}"
            for sink, batch, redrives, is_dead in ledger.given_up(run)
            for time in range(redrives + is_dead)
        }
        for about in sorted(given_up - dead):
            sink, batch, _ = about.split("/")
            findings.violation(LAW, f"batch {batch}", f"was given up for sink {sink}, and {one.name} is not told")
        for about in sorted(dead - given_up):
            findings.violation(LAW, place, f"is told that a delivery was given up, which was not: {about}")
