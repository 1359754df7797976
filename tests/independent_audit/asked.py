"""Law 7, what others said of arrivals: it is kept with each verdict that needed it, and nobody was asked too often."""

from __future__ import annotations

import json
from typing import Any

from findings import Findings
from ledger import Ledger
from rows import Run

LAW = 7
# Of a policy that does not say.
RETRIES = 3


def audit_asked(ledger: Ledger, run: Run, spec: dict[str, Any], findings: Findings) -> None:
    """Checks what waits, and the answers that were kept, against the policy."""
    retries = spec.get("retryStrategy", {}).get("limit", RETRIES)
    webhooks = {webhook["name"] for webhook in spec.get("webhooks", [])}
    # A record does not wait until one of these is back that is away.
    ignored = {webhook["name"] for webhook in spec.get("webhooks", []) if webhook.get("failurePolicy") == "Ignore"}
    for source, split, position, attempts in ledger.rows(
        "SELECT source, split, position, attempts FROM chancery.pendings WHERE run_id = %s AND attempts > %s", run.id, retries
    ):
        findings.violation(LAW, _place(source, split, position), f"waits after {attempts} attempts of {retries + 1}")
    asked: set[tuple[int, int, int]] = set()
    for source, split, position, attempts, text, is_record, rule, waits in ledger.rows(
        """SELECT w.source, w.split, w.position, w.attempts, w.answers, r.record IS NOT NULL, a.rule, p.source IS NOT NULL
             FROM chancery.answers w
             LEFT JOIN chancery.records r
               ON r.run_id = w.run_id AND r.source = w.source AND r.split = w.split AND r.position = w.position
             LEFT JOIN chancery.arrivals a
               ON a.run_id = w.run_id AND a.source = w.source AND a.split = w.split AND a.position = w.position
             LEFT JOIN chancery.pendings p
               ON p.run_id = w.run_id AND p.source = w.source AND p.split = w.split AND p.position = w.position
            WHERE w.run_id = %s""",
        run.id,
    ):
        place = _place(source, split, position)
        if waits or (not is_record and rule is None):
            findings.violation(LAW, place, "has answers of others, and is neither a record nor refused by a rule")
        if attempts > retries + 1:
            findings.violation(LAW, place, f"was judged after {attempts} attempts of {retries + 1}")
        answers = _read(text)
        if answers is None:
            findings.violation(LAW, place, "has answers that cannot be read")
            continue
        if not answers.keys() <= webhooks:
            findings.violation(LAW, place, f"has answers of {sorted(answers.keys() - webhooks)}, which the policy does not ask")
        given_up = any("failed" in answer for name, answer in answers.items() if name not in ignored)
        if attempts <= retries and (given_up or _lookups_failed(text)):
            findings.violation(LAW, place, f"was judged without an answer after {attempts} attempts of {retries + 1}")
        if answers.keys() >= webhooks:
            asked.add((source, split, position))
    if webhooks and not spec.get("matchConditions"):
        _all_asked(ledger, run, asked, findings)
    for source, split, position, rule in ledger.rows(
        "SELECT source, split, position, rule FROM chancery.arrivals WHERE run_id = %s AND rule = ANY (%s)", run.id, list(webhooks)
    ):
        if (source, split, position) not in asked:
            findings.violation(LAW, _place(source, split, position), f"is refused by {rule}, whose answer is not there")


def _all_asked(ledger: Ledger, run: Run, asked: set[tuple[int, int, int]], findings: Findings) -> None:
    """A policy that is for every record asks all its webhooks about each before it is admitted."""
    for record, source, split, position in ledger.rows(
        "SELECT record, source, split, position FROM chancery.records WHERE run_id = %s", run.id
    ):
        if (source, split, position) not in asked:
            findings.violation(LAW, f"record {record}", "is admitted, and not every webhook of the policy has answered")


def _lookups_failed(text: str) -> bool:
    """Whether a lookup was given up."""
    return bool(json.loads(text).get("failed"))


def _read(text: str) -> dict[str, dict[str, Any]] | None:
    """What each webhook said; none if that is not what it says."""
    try:
        webhooks = json.loads(text).get("webhooks", {})
    except (ValueError, AttributeError):
        return None
    return webhooks if isinstance(webhooks, dict) and all(isinstance(one, dict) for one in webhooks.values()) else None


def _place(source: int, split: int, position: int) -> str:
    return f"the arrival at position {position} of split {split} of source {source}"
