"""The keys of a run's ring: as many as were declared, all different, all usable."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from findings import Findings
from ledger import Key, Run
from signatures import PublicKey, UnusableKey


def open_ring(run: Run, keys: list[Key], findings: Findings) -> dict[UUID, PublicKey | None]:
    """The public keys by id; None for one with which nothing can be verified."""
    findings.looked_at["keys"] = len(keys)
    if len(keys) != run.key_count:
        findings.violation(5, "the ring", f"has {len(keys)} keys, the run declares {run.key_count}")
    for expected, key in enumerate(keys, start=1):
        if key.number != expected:
            findings.violation(5, f"key {key.id}", f"has number {key.number} in the ring, expected is {expected}")
            break
    times = Counter(key.public_key for key in keys if key.public_key is not None)
    for key in keys:
        if key.public_key is not None and times[key.public_key] > 1:
            findings.violation(4, f"key {key.id}", "has the public key of another key of the ring")
    return {key.id: _open(run, key, findings) for key in keys}


def _open(run: Run, key: Key, findings: Findings) -> PublicKey | None:
    place = f"key {key.id}"
    if key.algorithm is None or key.public_key is None:
        findings.violation(2, place, "has no material")
        return None
    if key.algorithm != run.algorithm:
        findings.violation(2, place, f"is for {key.algorithm}, the run signs with {run.algorithm}")
        return None
    try:
        public = PublicKey(key.algorithm, bytes(key.public_key))
    except UnusableKey as error:
        findings.violation(2, place, f"can not be used: {error}")
        return None
    if public.bits != run.key_size:
        findings.violation(2, place, f"has {public.bits} bits, the run declares {run.key_size}")
    return public
