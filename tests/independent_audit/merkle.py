"""Merkle trees of RFC 6962, and the leaves of Chancery's (docs/internals/statements.md)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256

Field = bytes | int


def leaf(*fields: Field) -> bytes:
    """The hash of a leaf: 0x00, then each field after its length. A number is a field of eight bytes."""
    data = b"\0"
    for field in fields:
        raw = struct.pack(">q", field) if isinstance(field, int) else field
        data += struct.pack(">I", len(raw)) + raw
    return sha256(data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others."""
    return sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree of these leaves, in the words of RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node(root(leaves[:half]), root(leaves[half:]))


def root_by_path(start: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which a path leads from the leaf `index` of `size`; None if it has another length than that leaf's.

    By recursion over the tree's shape: section 2.1.1 of RFC 6962, read from the root down.
    """
    if not 0 <= index < size:
        return None
    if size == 1:
        return start if not path else None
    if not path:
        return None
    half = 1
    while half * 2 < size:
        half *= 2
    beside, below = path[-1], path[:-1]
    if index < half:
        left = root_by_path(start, index, half, below)
        return None if left is None else node(left, beside)
    right = root_by_path(start, index - half, size - half, below)
    return None if right is None else node(beside, right)
