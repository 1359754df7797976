"""Audits a finished run of Chancery from its tables alone, sharing no code with Chancery.

    python audit.py --database-url URL --namespace NS --run NAME [--json]

It is written from the documentation (docs/audit.md, docs/lease-protocol.md, docs/keys.md), so that a
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

from batches import audit_batches
from findings import LAWS, Findings
from lease_log import audit_lease_log
from ledger import Ledger, NoRun, Run
from ring import open_ring

HOLDS, VIOLATED, NOT_MADE = 0, 1, 2


def audit(url: str, namespace: str, name: str) -> Findings:
    """Checks everything that is stored for a run. Raises NoRun and psycopg.Error."""
    ledger = Ledger(url)
    findings = Findings()
    run = _the_run(ledger, namespace, name, findings)
    keys = ledger.keys(run)
    ring = open_ring(run, keys, findings)
    audit_batches(ledger, run, ring, findings)
    audit_lease_log(ledger, run, keys, findings)
    _audit_strays(ledger, run, findings)
    return findings


def _the_run(ledger: Ledger, namespace: str, name: str, findings: Findings) -> Run:
    runs = ledger.runs(namespace, name)
    if not runs:
        raise NoRun(f"the ledger has no run {namespace}/{name}")
    if len(runs) > 1:
        findings.violation(1, f"run {namespace}/{name}", f"stands {len(runs)} times")
    run = runs[0]
    batches = -(-run.record_count // run.batch_size)
    if run.batch_count != batches:
        findings.violation(3, f"run {namespace}/{name}", f"says {run.batch_count} batches instead of {batches}")
    return run


def _audit_strays(ledger: Ledger, run: Run, findings: Findings) -> None:
    """Rows that belong to nothing."""
    for lease in ledger.leases_elsewhere(run):
        findings.violation(4, f"lease {lease.id}", f"of key {lease.key_id} is in the log of another ring")
    for lease in ledger.leases_of_no_run():
        findings.violation(4, f"lease {lease.id}", f"is of run {lease.run_id}, which does not exist")
    for table in ledger.tables_of_no_run():
        findings.violation(1, f"table {table}", "is of a run that does not exist")
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
    parser = argparse.ArgumentParser(description="Audits a finished run of Chancery from its tables alone.")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: DATABASE_URL")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.database_url is None:
        parser.error("--database-url or DATABASE_URL is needed")
    try:
        findings = audit(arguments.database_url, arguments.namespace, arguments.run)
    except (NoRun, psycopg.Error) as error:
        print(f"the audit could not be made: {error}", file=sys.stderr)
        return NOT_MADE
    (_print_json if arguments.json else _print_text)(findings)
    return HOLDS if findings.holds else VIOLATED


def guarded() -> int:
    """`main`, so that a mistake in this program is not taken for a broken law: Python would exit with 1."""
    try:
        return main()
    except Exception:  # pylint: disable=broad-except
        sys.excepthook(*sys.exc_info())
        return NOT_MADE


if __name__ == "__main__":
    sys.exit(guarded())
