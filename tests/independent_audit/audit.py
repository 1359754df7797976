"""Audits a run of Chancery, or a keyring, from the tables alone, sharing no code with Chancery.

    python audit.py --database-url URL --namespace NS --run NAME [--json]
    python audit.py --database-url URL --namespace NS --keyring NAME [--json]

It is written from the documentation (docs/internals/audit.md,
docs/internals/lease-protocol.md, docs/reference/key-formats.md), so that a
mistake in the project's own audit is not repeated here. URL is a connection string of libpq.

Exit code 0: all laws hold. 1: at least one does not; each violation is a line. 2: the audit could not
be made.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys

import psycopg

from arrivals import audit_arrivals
from batches import audit_batches
from deliveries import audit_deliveries
from delivered import audit_delivered
from findings import LAWS, Findings
from guard import guarded
from lease_log import audit_lease_log
from ledger import Ledger, NotFound
from manifests import audit_manifests
from notifications import audit_notifications
from ring import audit_keys, open_ring
from rows import Admission, Keyring, Run

HOLDS, VIOLATED, NOT_MADE = 0, 1, 2


def audit_run(url: str, namespace: str, name: str) -> Findings:
    """Checks everything that is stored for a run and its ring. Raises NotFound and psycopg.Error."""
    ledger = Ledger(url)
    findings = Findings()
    run = _the_run(ledger, namespace, name, findings)
    keyring = _the_only(ledger.keyrings_of(run), f"ring {run.keyring_id} of run {namespace}/{name}", findings)
    if run.complete and not keyring.filled:
        findings.violation(5, "the ring", "is not filled, yet the run is complete")
    admissions = ledger.admissions(run)
    _audit_input(ledger, run, admissions, findings)
    admitted = max((row.records for row in admissions), default=0)
    count = admitted if run.record_count is None else run.record_count
    keys = ledger.keys(keyring)
    audit_batches(ledger, run, count, open_ring(keyring, keys, findings), findings)
    audit_deliveries(ledger, run, findings)
    audit_notifications(ledger, run, ledger.intakes(run), findings)
    audit_delivered(ledger, f"{namespace}/{name}", run, keyring, findings)
    audit_manifests(ledger, (namespace, name), run, keyring, admissions, findings)
    for table in ledger.tables_of_no_run():
        findings.violation(1, f"table {table}", "is of a run that does not exist")
    _audit_ring(ledger, keyring, findings)
    return findings


def audit_keyring(url: str, namespace: str, name: str) -> Findings:
    """Checks a ring over all runs that sign or signed with it. Raises NotFound and psycopg.Error."""
    ledger = Ledger(url)
    findings = Findings()
    keyring = _the_only(ledger.keyrings(namespace, name), f"keyring {namespace}/{name}", findings)
    _audit_ring(ledger, keyring, findings)
    return findings


def _the_run(ledger: Ledger, namespace: str, name: str, findings: Findings) -> Run:
    runs = ledger.runs(namespace, name)
    if not runs:
        raise NotFound(f"the ledger has no run {namespace}/{name}")
    if runs[0].deleted:
        raise NotFound(
            f"the run {namespace}/{name} is being deleted, and its records with it; if nobody deletes it any more, "
            f"`chancery delete {namespace}/{name}` finishes that"
        )
    if len(runs) > 1:
        findings.violation(1, f"run {namespace}/{name}", f"stands {len(runs)} times")
    return runs[0]


def _the_only(keyrings: list[Keyring], what: str, findings: Findings) -> Keyring:
    if not keyrings:
        raise NotFound(f"the ledger has no {what}")
    if len(keyrings) > 1:
        findings.violation(5, what, f"stands {len(keyrings)} times")
    return keyrings[0]


def _audit_input(ledger: Ledger, run: Run, admissions: list[Admission], findings: Findings) -> None:
    """The input is complete, and what was admitted is what the source had."""
    if not run.sealed:
        findings.violation(1, "the run", "is not sealed: its input is not complete")
        if run.complete:
            findings.violation(1, "the run", "is complete although it is not sealed")
    if run.sealed != (run.record_count is not None):
        findings.violation(1, "the run", "says that it is sealed, or with how many records, but not both")
    if len(admissions) != 1:
        findings.violation(1, "the run", f"says {len(admissions)} times how far its input is")
    sources = ledger.sources(run)
    intakes = ledger.intakes(run)
    if len(sources) + len(intakes) != 1:
        findings.violation(1, "the run", f"has {len(sources)} generated sources, and {len(intakes)} accounts of others")
    for intake in intakes:
        for row in admissions:
            if row.records != intake.admitted:
                findings.violation(7, "the run", f"has {row.records} records, and says that {intake.admitted} are admitted")
        audit_arrivals(ledger, run, intake, findings)
    for row in admissions:
        if run.record_count is not None and row.records != run.record_count:
            findings.violation(1, "the run", f"is sealed with {run.record_count} records, {row.records} are admitted")
        if row.waiting != (row.batched < row.records):
            findings.violation(3, "the run", "says that records wait for a batch, or since when, but not both")
        for source in sources:
            if row.records > source.record_count:
                findings.violation(1, "the run", f"admitted {row.records} records of {source.record_count}")
    for source in sources:
        if run.record_count not in (None, source.record_count):
            findings.violation(
                1, "the run", f"is sealed with {run.record_count} records, its source has {source.record_count}"
            )


def _audit_ring(ledger: Ledger, keyring: Keyring, findings: Findings) -> None:
    """Laws 4 and 5: keys, log, and rows that belong to nothing."""
    keys = ledger.keys(keyring)
    audit_keys(keyring, keys, findings)
    audit_lease_log(ledger, keyring, keys, findings)
    for lease in ledger.leases_elsewhere(keyring):
        findings.violation(4, f"lease {lease.id}", f"of key {lease.key_id} is in the log of another ring")
    for lease in ledger.leases_of_no_run():
        findings.violation(4, f"lease {lease.id}", f"is of run {lease.run_id}, which its ring does not have")
    for batch, run in ledger.batches_of_no_lease(keyring):
        findings.violation(4, f"batch {batch}", f"of {run} names a lease that is in no log")
    runs, rings = ledger.runs_there_are(), ledger.rings_there_are()
    for deleted in ledger.deleted_runs():
        if deleted.run_id in runs:
            findings.violation(4, f"run {deleted.run_id}", "was deleted, yet it is in the ledger")
        if deleted.keyring_id not in rings:
            findings.violation(4, f"run {deleted.run_id}", "was deleted from a ring that does not exist")
    for key in ledger.keys_of_no_ring():
        findings.violation(5, f"key {key}", "belongs to no ring")


def _print_text(findings: Findings) -> None:
    for violation in findings.violations:
        print(f"law {violation.law} ({LAWS[violation.law]}): {violation.sentence}")
    looked_at = ", ".join(f"{count} {what}" for what, count in sorted(findings.looked_at.items()))
    total = findings.violated.total()
    verdict = "all laws hold" if findings.holds else f"{total} violation{'' if total == 1 else 's'}"
    print(f"{verdict}; looked at {looked_at}")


def _print_json(findings: Findings) -> None:
    report = {
        "holds": findings.holds,
        "violated": {str(law): count for law, count in sorted(findings.violated.items())},
        "violations": [dataclasses.asdict(violation) for violation in findings.violations],
        "lookedAt": dict(sorted(findings.looked_at.items())),
    }
    print(json.dumps(report))


def main() -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(description="Audits a run or a keyring of Chancery from the tables alone.")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL")
    parser.add_argument("--namespace", required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", help="a run, and its keyring")
    what.add_argument("--keyring", help="a keyring, over all its runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.database_url is None:
        parser.error("--database-url or DATABASE_URL is needed")
    try:
        if arguments.run is not None:
            findings = audit_run(arguments.database_url, arguments.namespace, arguments.run)
        else:
            findings = audit_keyring(arguments.database_url, arguments.namespace, arguments.keyring)
    except (NotFound, psycopg.Error) as error:
        print(f"the audit could not be made: {error}", file=sys.stderr)
        return NOT_MADE
    (_print_json if arguments.json else _print_text)(findings)
    return HOLDS if findings.holds else VIOLATED


if __name__ == "__main__":
    sys.exit(guarded(main, NOT_MADE))
