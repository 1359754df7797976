"""Laws 4 and 5: replays the lease log of the ring in the order of use, over all runs that signed with it."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from uuid import UUID

from findings import Findings
from ledger import Ledger
from rows import Key, Keyring, Lease

OUTCOMES = (None, "signed", "expired", "abandoned")
FOR_EVER = Decimal("Infinity")


def audit_lease_log(ledger: Ledger, keyring: Keyring, keys: list[Key], findings: Findings) -> None:
    """Checks each lease by itself, and each choice of a key against all keys of the ring."""
    complete = ledger.runs_of(keyring)
    deleted = {run.run_id: run for run in ledger.deleted_runs() if run.keyring_id == keyring.id}
    replay = Replay(keyring, keys, findings)
    newest = keyring.forgotten_use
    for lease in ledger.leases_by_use(keyring):
        findings.looked_at["leases"] += 1
        if _check_lease(complete.get(lease.run_id, False), lease, findings):
            replay.lease(lease)
            newest = max(newest, lease.use_sequence)
            if lease.run_id in deleted and lease.use_sequence > deleted[lease.run_id].last_use:
                findings.violation(4, f"lease {lease.id}", f"came after the deletion of its run {lease.run_id}")
    replay.end(keys)
    for run in deleted.values():
        if run.last_use > newest:
            findings.violation(
                4, f"run {run.run_id}", f"was deleted after use {run.last_use}, the log ends with {newest}"
            )


def _check_lease(run_is_complete: bool, lease: Lease, findings: Findings) -> bool:
    """What a row says of itself. False if the replay can do nothing with it."""
    place = f"lease {lease.id}"
    if None in (lease.key_id, lease.use_sequence, lease.acquired_at, lease.expires_at):
        findings.violation(4, place, "lacks its key, its place in the order of use, its beginning or its expiry")
        return False
    released, outcome = lease.released_at, lease.outcome
    if outcome not in OUTCOMES:
        findings.violation(4, place, f"has the unknown outcome {outcome}")
    if released is not None and released <= lease.acquired_at:
        findings.violation(4, place, "gave its key back before it had it")
    if released is not None and outcome is None:
        findings.violation(4, place, "gave its key back, yet has no outcome")
    if released is None and outcome in ("expired", "abandoned"):
        findings.violation(4, place, f"ended {outcome}, yet never gave its key back")
    if released is not None and outcome == "expired" and released < lease.expires_at:
        findings.violation(4, place, "was taken over before it had run out")
    if released is not None and outcome == "expired" and (lease.doubted_until is None or released < lease.doubted_until):
        findings.violation(4, place, "was taken back before its holder had the time to renew it")
    if (outcome == "signed") != (lease.signed_at is not None):
        findings.violation(4, place, "says when it signed, or that it signed, but not both")
    if outcome is None and run_is_complete:
        findings.violation(4, place, "is open although its run is complete")
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

    def __init__(self, keyring: Keyring, keys: list[Key], findings: Findings) -> None:
        self._findings = findings
        self._keys: dict[UUID, Key] = {key.id: key for key in keys}
        # Keys that are yet to join, those of the highest use first.
        self._joining = sorted(self._keys.values(), key=lambda key: -key.joined_use)
        # Who may be chosen, least recently used first; of keys that nobody used since they joined, the lowest
        # number. A key whose last use was forgotten is not among them until it is used again.
        self._order: list[tuple[int, int, UUID]] = []
        self._last_use: dict[UUID, int] = {}
        # Until when a key is in somebody's hands, and by which lease.
        self._held_until: dict[UUID, tuple[Decimal, int]] = {}
        self._forgotten = keyring.forgotten_use
        self._newest = keyring.forgotten_use
        self._last: Lease | None = None
        self._order_is_known = True

    def lease(self, lease: Lease) -> None:
        """The next lease in the order of use."""
        place = f"lease {lease.id}"
        self._check_order(lease, place)
        self._join(lease.use_sequence)
        key = self._keys.get(lease.key_id)
        if key is None:
            self._findings.violation(5, place, f"took key {lease.key_id}, which is not in the ring")
            return
        if not self._is_member(key, lease.use_sequence):
            self._findings.violation(5, place, f"took key {key.id} before it joined the ring, or after it left")
        until, holder = self._held_until.get(key.id, (-FOR_EVER, 0))
        if until > lease.acquired_at:
            self._findings.violation(4, place, f"took key {key.id} while lease {holder} held it")
        elif self._order_is_known and self._is_member(key, lease.use_sequence):
            self._check_choice(key, lease, place)
        self._use(key, lease.use_sequence)
        released = FOR_EVER if lease.released_at is None else lease.released_at
        if released > until:
            self._held_until[key.id] = (released, lease.id)

    @staticmethod
    def _is_member(key: Key, use: int) -> bool:
        return key.joined_use < use and (key.retired_use is None or use <= key.retired_use)

    def _join(self, use: int) -> None:
        """Keys that joined before this use, unless their last use since was forgotten."""
        while self._joining and self._joining[-1].joined_use < use:
            key = self._joining.pop()
            if key.joined_use >= self._forgotten and key.id not in self._last_use:
                self._use(key, key.joined_use)

    def _use(self, key: Key, use: int) -> None:
        """Gives the key its new place in the order."""
        last = self._last_use.get(key.id)
        if last is not None:
            del self._order[bisect_left(self._order, (last, key.number, key.id))]
        self._last_use[key.id] = use
        insort(self._order, (use, key.number, key.id))

    def _check_order(self, lease: Lease, place: str) -> None:
        expected = self._newest + 1
        if lease.use_sequence != expected:
            self._findings.violation(5, place, f"has use sequence {lease.use_sequence}, expected is {expected}")
            # Which keys the missing leases used, nobody knows.
            self._order_is_known = False
        if self._last is not None and lease.acquired_at <= self._last.acquired_at:
            self._findings.violation(5, place, f"was not acquired later than lease {self._last.id} before it")
        self._last = lease
        self._newest = lease.use_sequence

    def _check_choice(self, key: Key, lease: Lease, place: str) -> None:
        """Law 5: every key before the chosen one, in the order of use, was held at that instant.

        A key whose last use was forgotten is older than all in the order.
        """
        chosen = self._last_use.get(key.id)
        if chosen is None:
            return
        for last_use, _, older in self._order:
            if older == key.id:
                self._findings.looked_at["choices"] += 1
                return
            until, _ = self._held_until.get(older, (-FOR_EVER, 0))
            if until <= lease.acquired_at and self._is_member(self._keys[older], lease.use_sequence):
                self._findings.violation(
                    5,
                    place,
                    f"took key {key.id} (last use {chosen}) while key {older} (last use {last_use}) was free",
                )
                return

    def end(self, keys: list[Key]) -> None:
        """What each key says of its life is what the log says."""
        self._join(self._newest + 1)
        for key in keys:
            place = f"key {key.id}"
            found = self._last_use.get(key.id)
            if key.last_use != found:
                said = "nothing" if found is None else found
                self._findings.violation(5, place, f"says that its last use was {key.last_use}, the log says {said}")
            for use in (key.joined_use, key.retired_use):
                if use is not None and use > self._newest:
                    self._findings.violation(
                        5, place, f"joined or left after use {use}, the log ends with {self._newest}"
                    )
