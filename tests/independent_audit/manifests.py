"""Law 8, the manifests of sinks: what a sink was given says what the ledger has, as docs/reference/manifests.md has it."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from envelopes import UnknownEnvelope, required_members
from findings import Findings
from ledger import Ledger
from lines import line_key
from rows import Admission, Keyring, Manifest, Run, Sink

LAW = 8
_STATEMENT_TYPE = "application/vnd.chancery.statement.v1+json"


def audit_manifests(
    ledger: Ledger, name: tuple[str, str], run: Run, keyring: Keyring, admissions: list[Admission], findings: Findings
) -> None:
    """Checks that each sink has its manifest; `name` is the run's, its namespace first."""
    sinks = {sink.sink: sink for sink in ledger.sinks(run)}
    manifests = ledger.manifests(run)
    for number, sink in sinks.items():
        if [manifest.sink for manifest in manifests].count(number) != int(sink.is_lines):
            findings.violation(LAW, f"sink {sink.name}", "has no manifest, or one that it takes not")
    batches = max((row.batches for row in admissions), default=0)
    records = max((row.records for row in admissions), default=0)
    for manifest in manifests:
        sink = sinks.get(manifest.sink)
        if sink is None:
            findings.violation(LAW, f"sink {manifest.sink}", "has a manifest, and does not exist")
            continue
        _one_manifest(manifest, sink, run, batches, findings)
        if manifest.digest is not None:
            try:
                expected = _digest(ledger, name, run, keyring, sink, manifest, (records, batches))
            except (ValueError, UnknownEnvelope):
                # What is no key is a matter of law 2.
                expected = None
            if manifest.digest != expected:
                findings.violation(LAW, f"sink {sink.name}", f"has another manifest {manifest.number} than its batches make")


def _one_manifest(manifest: Manifest, sink: Sink, run: Run, batches: int, findings: Findings) -> None:
    place = f"sink {sink.name}"
    if manifest.ended and sink.delivered + sink.dead != batches:
        findings.violation(LAW, place, "has a manifest that has ended, and batches that have not")
    if (manifest.object is None) != (manifest.digest is None) or (manifest.object is not None and not manifest.ended):
        findings.violation(LAW, place, "has its manifest, and nothing says as what")
    if manifest.ended and manifest.object is None and (manifest.attempts < sink.attempt_limit or not manifest.says_why):
        findings.violation(LAW, place, f"has a manifest that was given up after {manifest.attempts} attempts of {sink.attempt_limit}")
    # After something was taken up again, another one may be on its way.
    if run.complete and not manifest.ended and manifest.number == 1:
        findings.violation(LAW, place, "waits for its manifest, and the run is complete")


def _digest(
    ledger: Ledger, name: tuple[str, str], run: Run, keyring: Keyring, sink: Sink, manifest: Manifest, totals: tuple[int, int]
) -> bytes:
    """Of the manifest, made again piece by piece."""
    namespace, of_run = name
    records, batches = totals
    head = {
        "version": 1,
        "namespace": namespace,
        "run": of_run,
        "uid": str(ledger.uid_of(run)),
        "sink": sink.name,
        "manifest": manifest.number,
        "counts": {"records": records, "batches": batches, "delivered": sink.delivered, "dead": sink.dead},
    }
    content = sha256(_json(head)[:-1] + b',"objects":[\n')
    for at, batch in enumerate(ledger.batches_of_manifest(run, sink)):
        became: dict[str, object] = {"batch": batch.batch, "firstRecord": batch.first_record, "lastRecord": batch.last_record}
        if batch.object is not None and batch.digest is not None:
            became |= {"name": batch.object, "sha256": bytes(batch.digest).hex()}
        else:
            became["dead"] = batch.last_error or ""
        content.update((b",\n" if at else b"") + _json(became))
    keys = [_jwk(keyring, spki) for spki in ledger.signing_keys(run)]
    content.update(b'\n],"keys":' + json.dumps(keys, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode())
    statements = ledger.statements_of(run) if manifest.stated else []
    envelopes = [
        {
            "payload": base64.b64encode(body).decode(),
            "payloadType": _STATEMENT_TYPE,
            "signatures": [{"keyid": key, "sig": base64.b64encode(signature).decode()}],
        }
        for key, body, signature in statements
    ]
    content.update(b',"statements":' + _json(envelopes) + b"}\n")
    return content.digest()


def _jwk(keyring: Keyring, spki: bytes) -> dict[str, str]:
    named = line_key(keyring, spki)
    members = required_members(keyring.algorithm, named.key) | {"alg": keyring.algorithm, "use": "sig", "kid": named.id}
    return members if named.address is None else members | {"address": named.address}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
