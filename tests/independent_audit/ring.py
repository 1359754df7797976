"""The keys of a ring: as many as were declared, all different, each with a life that can be; and usable."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from findings import Findings
from rows import Key, Keyring
from signatures import PublicKey, UnusableKey

STATES = ("active", "retired")


def open_ring(keyring: Keyring, keys: list[Key], findings: Findings) -> dict[UUID, PublicKey | None]:
    """Law 2: the public keys by id; None for one with which nothing can be verified."""
    return {key.id: _open(keyring, key, findings) for key in keys}


def audit_keys(keyring: Keyring, keys: list[Key], findings: Findings) -> None:
    """Laws 4 and 5: what can be said of the keys before any is used."""
    findings.looked_at["keys"] = len(keys)
    if keyring.provider != "Local":
        findings.violation(4, "the ring", f"keeps its keys with {keyring.provider}, which is unknown")
    _check_numbers(keyring, keys, findings)
    times = Counter(key.public_key for key in keys if key.public_key is not None)
    ids = Counter(key.id for key in keys)
    for key in keys:
        place = f"key {key.id}"
        if ids[key.id] > 1:
            findings.violation(5, place, f"stands {ids[key.id]} times")
        elif key.public_key is not None and times[key.public_key] > 1:
            findings.violation(4, place, "has the public key of another key of the ring")
        _check_life(keyring, key, place, findings)


def _check_numbers(keyring: Keyring, keys: list[Key], findings: Findings) -> None:
    """Keys are numbered from 1 on; until the ring is filled, some may be missing."""
    active = sum(key.state == "active" for key in keys)
    if active > keyring.key_count:
        findings.violation(5, "the ring", f"has {active} keys to choose from, it declares {keyring.key_count}")
    if keyring.filled and len(keys) < keyring.key_count:
        findings.violation(5, "the ring", f"has {len(keys)} keys, it declares {keyring.key_count}")
    earlier = 0
    for key in keys:
        if key.number <= earlier or (keyring.filled and key.number != earlier + 1):
            findings.violation(5, f"key {key.id}", f"has number {key.number}, the key before it {earlier}")
            break
        earlier = key.number


def _check_life(keyring: Keyring, key: Key, place: str, findings: Findings) -> None:
    """A key joins, is used, and leaves, in this order; what was forgotten is older than its last use."""
    retired = key.state == "retired"
    if key.state not in STATES:
        findings.violation(5, place, f"is in the unknown state {key.state}")
    elif (key.retired_use is not None, key.retired) != (retired, retired):
        findings.violation(5, place, f"is {key.state}, which does not fit with when it left the ring")
    if not 0 <= key.joined_use <= key.last_use:
        findings.violation(5, place, f"joined after use {key.joined_use}, yet was last used at {key.last_use}")
    if key.retired_use is not None and key.retired_use < key.last_use:
        findings.violation(5, place, f"left after use {key.retired_use}, yet was last used at {key.last_use}")
    if 0 < keyring.forgotten_use >= key.last_use:
        findings.violation(
            5, place, f"was last used at {key.last_use}, and the log begins after {keyring.forgotten_use}"
        )


def _open(keyring: Keyring, key: Key, findings: Findings) -> PublicKey | None:
    place = f"key {key.id}"
    if key.public_key is None:
        findings.violation(2, place, "has no material")
        return None
    try:
        public = PublicKey(keyring.algorithm, bytes(key.public_key), keyring.envelope, keyring.content_type)
    except UnusableKey as error:
        findings.violation(2, place, f"cannot be used: {error}")
        return None
    if public.bits != keyring.key_size:
        findings.violation(2, place, f"has {public.bits} bits, the ring declares {keyring.key_size}")
        return None
    return public
