"""Laws 4 and 5: replays the lease log of the ring in the order of use."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from findings import Findings
from ledger import Key, Lease, Ledger, Run

OUTCOMES = (None, "signed", "expired", "abandoned")
FOR_EVER = Decimal("Infinity")


def audit_lease_log(ledger: Ledger, run: Run, keys: list[Key], findings: Findings) -> None:
    """Checks each lease by itself, and each choice of a key against all keys of the ring."""
    replay = Replay(keys, findings)
    for lease in ledger.leases_by_use(run):
        findings.looked_at["leases"] += 1
        if _check_lease(run, lease, findings):
            replay.lease(lease)
    replay.end(keys)


def _check_lease(run: Run, lease: Lease, findings: Findings) -> bool:
    """What a row says of itself. False if the replay can do nothing with it."""
    place = f"lease {lease.id}"
    if None in (lease.key_id, lease.use_sequence, lease.acquired_at, lease.expires_at):
        findings.violation(4, place, "lacks its key, its place in the order of use, its beginning or its expiry")
        return False
    released, outcome = lease.released_at, lease.outcome
    if outcome not in OUTCOMES:
        findings.violation(4, place, f"has the unknown outcome {outcome}")
    if lease.expires_at <= lease.acquired_at:
        findings.violation(4, place, "ran out before it began")
    if released is not None and released <= lease.acquired_at:
        findings.violation(4, place, "gave its key back before it had it")
    if released is not None and outcome is None:
        findings.violation(4, place, "gave its key back, yet has no outcome")
    if released is None and outcome in ("expired", "abandoned"):
        findings.violation(4, place, f"ended {outcome}, yet never gave its key back")
    if released is not None and outcome == "expired" and released < lease.expires_at:
        findings.violation(4, place, "was taken over before it had run out")
    if (outcome == "signed") != (lease.signed_at is not None):
        findings.violation(4, place, "says when it signed, or that it signed, but not both")
    if outcome is None and run.complete and lease.run_id == run.id:
        findings.violation(4, place, "is open although the run is complete")
    for name, instant in (
        ("acquired_at", lease.acquired_at),
        ("expires_at", lease.expires_at),
        ("signed_at", lease.signed_at),
        ("released_at", released),
    ):
        if instant is not None and not instant.is_finite():
            findings.violation(4, place, f"has no real instant as its {name}")
    return True


class Replay:
    """The ring, as far as the log has been read."""

    def __init__(self, keys: list[Key], findings: Findings) -> None:
        self._findings = findings
        # Least recently used first; among the unused the order of their numbers. A key that is used
        # moves to the end: dictionaries keep the order of insertion.
        self._last_use: dict[UUID, int] = {key.id: 0 for key in keys}
        # Until when a key is in somebody's hands, and by which lease.
        self._held_until: dict[UUID, tuple[Decimal, int]] = {}
        self._last: Lease | None = None
        self._order_is_known = True

    def lease(self, lease: Lease) -> None:
        """The next lease in the order of use."""
        place = f"lease {lease.id}"
        self._check_order(lease, place)
        if lease.key_id not in self._last_use:
            self._findings.violation(5, place, f"took key {lease.key_id}, which is not in the ring")
            return
        until, holder = self._held_until.get(lease.key_id, (-FOR_EVER, 0))
        if until > lease.acquired_at:
            self._findings.violation(4, place, f"took key {lease.key_id} while lease {holder} held it")
        elif self._order_is_known:
            self._check_choice(lease, place)
        del self._last_use[lease.key_id]
        self._last_use[lease.key_id] = lease.use_sequence
        released = FOR_EVER if lease.released_at is None else lease.released_at
        if released > until:
            self._held_until[lease.key_id] = (released, lease.id)

    def _check_order(self, lease: Lease, place: str) -> None:
        expected = 1 if self._last is None else self._last.use_sequence + 1
        if lease.use_sequence != expected:
            self._findings.violation(5, place, f"has use sequence {lease.use_sequence}, expected is {expected}")
            # Which keys the missing leases used, nobody knows.
            self._order_is_known = False
        if self._last is not None and lease.acquired_at <= self._last.acquired_at:
            self._findings.violation(5, place, f"was not acquired later than lease {self._last.id} before it")
        self._last = lease

    def _check_choice(self, lease: Lease, place: str) -> None:
        """Law 5: every key before the chosen one, in the order of use, was held at that instant."""
        for key, last_use in self._last_use.items():
            if key == lease.key_id:
                self._findings.looked_at["choices"] += 1
                return
            until, _ = self._held_until.get(key, (-FOR_EVER, 0))
            if until <= lease.acquired_at:
                chosen = self._last_use[lease.key_id]
                self._findings.violation(
                    5,
                    place,
                    f"took key {lease.key_id} (last use {chosen}) while key {key} (last use {last_use}) was free",
                )
                return

    def end(self, keys: list[Key]) -> None:
        """What each key says of its last use is what the log says."""
        for key in keys:
            if key.last_use != self._last_use[key.id]:
                self._findings.violation(
                    5,
                    f"key {key.id}",
                    f"says that its last use was {key.last_use}, the log says {self._last_use[key.id]}",
                )
