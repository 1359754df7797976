"""Law 7, what a policy said of arrivals, as far as that can be told without evaluating its expressions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from asked import audit_asked
from findings import Findings
from ledger import Ledger
from rows import Intake, Run

LAW = 7
# Rules that have no name of their own in a policy.
OF_ALL = {"schema": "Reject", "unmatched": "Reject", "thresholds": None, "enrichments": None}
AT_MOST = 100


def audit_judged(ledger: Ledger, run: Run, intake: Intake, findings: Findings) -> None:
    """Checks the version of the policy, and what refers to its rules and to records of the run."""
    spec = _spec(ledger, run, findings)
    rules = None if spec is None else _rules(spec)
    if rules is None:
        _nothing_is_judged(ledger, run, findings)
        return
    _refusals(ledger, run, rules, findings)
    _marks(ledger, run, intake, rules, findings)
    _originals(ledger, run, intake, findings)
    audit_asked(ledger, run, spec, findings)
    for source, split, position in ledger.rows(
        """SELECT a.source, a.split, min(a.position)
             FROM (SELECT source, split, position FROM chancery.records WHERE run_id = %s
                   UNION ALL SELECT source, split, position FROM chancery.arrivals WHERE run_id = %s) a
            WHERE NOT EXISTS (SELECT FROM chancery.judgements j
                               WHERE j.run_id = %s AND j.source = a.source AND j.split = a.split AND j.position <= a.position)
            GROUP BY a.source, a.split""",
        run.id,
        run.id,
        run.id,
    ):
        findings.violation(LAW, _place(source, split, position), "was judged by no instant that is known")


def _spec(ledger: Ledger, run: Run, findings: Findings) -> dict[str, Any] | None:
    """What the run's policy says; none of a run without a policy."""
    if run.policy_hash is None:
        return None
    texts = ledger.rows("SELECT text FROM chancery.policies WHERE hash = %s", run.policy_hash)
    if len(texts) != 1:
        findings.violation(LAW, "the run", f"names a policy that is {len(texts)} times in the ledger")
        return {}
    text = texts[0][0]
    if hashlib.sha256(text.encode()).digest() != run.policy_hash:
        findings.violation(LAW, "the policy", "has a text that is not of its SHA-256")
    return json.loads(text)["spec"]


def _rules(spec: dict[str, Any]) -> dict[str, str | None]:
    """What each rule of a policy does, by its name."""
    rules: dict[str, str | None] = dict(OF_ALL)
    for kind in ("matchConditions", "variables", "scores", "webhooks"):
        rules.update({rule["name"]: None for rule in spec.get(kind, [])})
    rules.update({rule["field"]: None for rule in spec.get("enrichments", [])})
    rules.update({rule["name"]: rule.get("action", "Reject") for rule in spec.get("validations", [])})
    return rules


def _nothing_is_judged(ledger: Ledger, run: Run, findings: Findings) -> None:
    for table in ("flags", "alerts", "originals", "judgements", "pendings", "answers"):
        if ledger.rows(f"SELECT FROM chancery.{table} WHERE run_id = %s LIMIT 1", run.id):
            findings.violation(LAW, "the run", f"has no policy, and has {table}")
    for source, split, position in ledger.rows(
        "SELECT source, split, position FROM chancery.arrivals WHERE run_id = %s AND (rule IS NOT NULL OR state = 'Rejected') LIMIT %s",
        run.id,
        AT_MOST,
    ):
        findings.violation(LAW, _place(source, split, position), "is refused by a rule, and the run has no policy")


def _refusals(ledger: Ledger, run: Run, rules: dict[str, str | None], findings: Findings) -> None:
    for source, split, position, state, stage, rule, digest, raw in ledger.rows(
        """SELECT source, split, position, state::text, stage, rule, digest, raw FROM chancery.arrivals
            WHERE run_id = %s AND state <> 'Duplicate'""",
        run.id,
    ):
        place = _place(source, split, position)
        if (state == "Rejected" or stage == "Policy") != (rule is not None):
            findings.violation(LAW, place, f"is {state}, and names the rule {rule}")
        if rule is None:
            continue
        if rule not in rules:
            findings.violation(LAW, place, f"is refused by {rule}, which is no rule of the policy")
        elif state == "Rejected" and rules[rule] not in (None, "Reject"):
            findings.violation(LAW, place, f"is rejected by {rule}, which rejects nothing")
        if state == "Rejected" and raw is not None and hashlib.sha256(raw).digest() != digest:
            findings.violation(LAW, place, "is rejected, and its bytes are not of its digest")


def _marks(ledger: Ledger, run: Run, intake: Intake, rules: dict[str, str | None], findings: Findings) -> None:
    records = "EXISTS (SELECT FROM chancery.records r WHERE r.run_id = m.run_id AND r.record = m.record)"
    flags = ledger.rows(f"SELECT m.record, m.hits, {records} FROM chancery.flags m WHERE m.run_id = %s", run.id)
    alerts = ledger.rows(f"SELECT m.record, m.rule, {records} FROM chancery.alerts m WHERE m.run_id = %s", run.id)
    if (len(flags), len(alerts)) != (intake.flagged, intake.alerts):
        findings.violation(
            LAW, "the run", f"says {intake.flagged} flagged, {intake.alerts} alerts, there are {len(flags)} and {len(alerts)}"
        )
    alerted = {(record, rule) for record, rule, _ in alerts}
    for record, hits, exists in flags:
        place = f"record {record}"
        if not exists:
            findings.violation(LAW, place, "is flagged, and does not exist")
        for hit in hits:
            action = rules.get(hit["rule"], "no rule")
            if action not in (None, hit["action"]) and hit["action"] != "Ignored":
                findings.violation(LAW, place, f"is marked with {hit['action']} by {hit['rule']}, which is: {action}")
            if hit["action"] == "Alert" and (record, hit["rule"]) not in alerted:
                findings.violation(LAW, place, f"has no alert of {hit['rule']}, which says so")
    for record, rule, exists in alerts:
        if not exists:
            findings.violation(LAW, f"record {record}", "has an alert, and does not exist")
        if rules.get(rule, "no rule") not in (None, "Alert"):
            findings.violation(LAW, f"record {record}", f"has an alert of {rule}, which raises none")


def _originals(ledger: Ledger, run: Run, intake: Intake, findings: Findings) -> None:
    for record, payload, exists, identity, digest, found_by in ledger.rows(
        """SELECT o.record, o.payload, r.record IS NOT NULL, r.identity, r.digest, o.digest FROM chancery.originals o
             LEFT JOIN chancery.records r ON r.run_id = o.run_id AND r.record = o.record
            WHERE o.run_id = %s""",
        run.id,
    ):
        place = f"record {record}"
        if not exists:
            findings.violation(LAW, place, "was enriched, and does not exist")
        elif digest != found_by:
            findings.violation(LAW, place, "is found by a digest that is not its own")
        elif intake.idempotency == "Content" and hashlib.sha256(payload).digest() != identity:
            findings.violation(LAW, place, "is not known by what it was before it was enriched")


def _place(source: int, split: int, position: int) -> str:
    return f"the arrival at position {position} of split {split} of source {source}"
