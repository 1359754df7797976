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
    judged_anew = _judged_anew(ledger, run)
    asked: set[tuple[int, int, int]] = set()
    for source, split, position, letter, attempts, text, said, record, pushed, rule, waits in ledger.rows(
        """SELECT w.source, w.split, w.position, w.letter, w.attempts, w.answers, w.record, r.record,
                  (SELECT s.description ? 'http' FROM chancery.sources s WHERE s.run_id = w.run_id AND s.source = w.source),
                  a.rule, p.source IS NOT NULL
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
        attempts_of_letter = judged_anew.get((source, split, position), [0])
        if letter and letter not in attempts_of_letter:
            findings.violation(LAW, place, f"has answers of attempt {letter} of a dead letter, which is none")
        if said is not None and said != record:
            findings.violation(LAW, place, f"is record {said} by its answers, and is {record}")
        # What was said before it was taken up again stays, and says nothing of what it is now.
        is_last = letter == max(attempts_of_letter)
        if is_last and (waits or (record is None and rule is None)):
            findings.violation(LAW, place, "has answers of others, and is neither a record nor refused by a rule")
        if is_last and pushed and said != record:
            findings.violation(LAW, place, f"was pushed, is record {record}, and its answers say {said}")
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
        if is_last and answers.keys() >= webhooks:
            asked.add((source, split, position))
    if webhooks and not spec.get("matchConditions"):
        _all_asked(ledger, run, asked, findings)
    for source, split, position, rule in ledger.rows(
        "SELECT source, split, position, rule FROM chancery.arrivals WHERE run_id = %s AND rule = ANY (%s)", run.id, list(webhooks)
    ):
        if (source, split, position) not in asked:
            findings.violation(LAW, _place(source, split, position), f"is refused by {rule}, whose answer is not there")


def _judged_anew(ledger: Ledger, run: Run) -> dict[tuple[int, int, int], list[int]]:
    """Of each dead letter that was taken up in this run, the attempts by which that was."""
    attempts: dict[tuple[int, int, int], list[int]] = {}
    for source, split, position, attempt in ledger.rows(
        "SELECT source, split, position, attempt FROM chancery.letter_moves WHERE run_id = %s AND judged_at IS NOT NULL", run.id
    ):
        attempts.setdefault((source, split, position), []).append(attempt)
    return attempts


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
