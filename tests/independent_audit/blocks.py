"""Blocks of signatures, taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace

from rows import Block, Signature

# Bytes that a block has at the most, and so signatures.
BLOCK_BYTES = 4 << 20


def signatures_of(blocks: Iterator[Block]) -> Iterator[Signature]:
    """The signatures of blocks that come in the order of their first records, in the order of their records.

    No two blocks of a sound ledger have a record in common. Where some have, each gives its signature of it.
    """
    begun: list[tuple[int, int, Block]] = []
    for number, block in enumerate(blocks):
        yield from _up_to(block.first_record - 1, begun)
        heappush(begun, (block.first_record, number, block))
    yield from _up_to(None, begun)


def _up_to(last: int | None, begun: list[tuple[int, int, Block]]) -> Iterator[Signature]:
    """Takes signatures of the blocks that have begun, no further than those of the record `last`."""
    while begun and (last is None or begun[0][0] <= last):
        record, number, block = begun[0]
        yield _signature(block, record)
        # A signature has a byte at least.
        most = BLOCK_BYTES if block.signatures is None else len(block.signatures)
        if record < min(block.last_record, block.first_record + most - 1):
            heapreplace(begun, (record + 1, number, block))
        else:
            heappop(begun)


def _signature(block: Block, record: int) -> Signature:
    """The signature of a record of the block: its share of the bytes; of the last record, all that are left.

    A block that ends before it begins is taken to be of its first record.
    """
    if block.signatures is None:
        return Signature(record, block.lease_id, None)
    each = len(block.signatures) // max(block.last_record - block.first_record + 1, 1)
    start = (record - block.first_record) * each
    end = len(block.signatures) if record >= block.last_record else start + each
    return Signature(record, block.lease_id, block.signatures[start:end])
