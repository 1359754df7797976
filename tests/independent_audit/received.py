"""What somebody has who received a run's batches: the lines of each, from files, from lines, or from the rows of a table."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# The lines of a batch, as its manifest names it. Raises OSError, EOFError or ValueError where they cannot be had.
Received = Callable[[dict[str, Any]], bytes]


def in_folder(folder: Path) -> Received:
    """Of files that are named as the manifest names batches: objects, or what a service was sent, each under its `webhook-id`."""

    def lines(batch: dict[str, Any]) -> bytes:
        file = folder / batch["name"]
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()

    return lines


def in_lines(file: Path) -> Received:
    """Of all lines in one file, in any order. Raises OSError or ValueError."""
    return _by_record(file, lambda line: (json.loads(line)["record"], line.rstrip(b"\n") + b"\n"))


def in_rows(file: Path) -> Received:
    """Of the rows of a table, one object of JSON for each, as `to_json` of PostgreSQL writes them. Raises OSError or ValueError."""

    def of_row(line: bytes) -> tuple[int, bytes]:
        row = json.loads(line)
        return row["record"], _line(row)

    return _by_record(file, of_row)


def _by_record(file: Path, read: Callable[[bytes], tuple[int, bytes]]) -> Received:
    known: dict[int, bytes] = {}
    with file.open("rb") as lines:
        for text in lines:
            record, line = read(text)
            # One that came twice is the same.
            if known.setdefault(record, line) != line:
                raise ValueError(f"record {record} is there twice, and differs")

    def of_batch(batch: dict[str, Any]) -> bytes:
        numbers = range(batch["firstRecord"], batch["lastRecord"] + 1)
        missing = next((number for number in numbers if number not in known), None)
        if missing is not None:
            raise ValueError(f"record {missing} is not there")
        return b"".join(known[number] for number in numbers)

    return of_batch


def _line(row: dict[str, Any]) -> bytes:
    """As docs/reference/exports.md has it for `signed`."""
    signed_at = datetime.fromisoformat(row["signed_at"]).astimezone(timezone.utc)
    line = {name: row[name] for name in ("run", "record", "batch", "digest")}
    line |= {"payload": _base64(row["payload"]), "key": row["key"], "algorithm": row["algorithm"], "signature": _base64(row["signature"])}
    line["signedAt"] = signed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line |= {name: row[name] for name in ("envelope", "address") if row[name] is not None}
    if row["marks"] is not None:
        # The database keeps the members of an object in an order of its own.
        hits = [{name: hit[name] for name in ("rule", "action", "message")} for hit in row["marks"]["hits"]]
        line["marks"] = {name: row["marks"][name] for name in ("score",) if name in row["marks"]} | {"hits": hits}
    # Last, and of a table that has no such column of nothing.
    if row.get("traceparent") is not None:
        line["traceparent"] = row["traceparent"]
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _base64(text: str) -> str:
    """Of bytes in hexadecimal behind a backslash and an x."""
    if not text.startswith("\\x"):
        raise ValueError("bytes are not in hexadecimal; set bytea_output to hex")
    return base64.b64encode(bytes.fromhex(text[2:])).decode()
