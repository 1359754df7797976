"""Asks a chain which addresses signed: python3 ethereum_on_chain.py RPC SIGNED.

RPC is the address of a node's JSON-RPC, SIGNED what `chancery export RUN signed` wrote of a run with the envelope EIP191. Prints how many
signatures the precompile `ecrecover` (the address 1 of every chain) finds to be of the address beside them. Needs the package eth_account.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from pathlib import Path

from eth_account.messages import defunct_hash_message


def recovered(rpc: str, message: bytes, signature: bytes) -> str:
    """The address that the chain finds."""
    hashed = bytes(defunct_hash_message(primitive=message))
    r, s, v = signature[:32], signature[32:64], signature[64]
    data = "0x" + (hashed + v.to_bytes(32, "big") + r + s).hex()
    call = {"to": "0x0000000000000000000000000000000000000001", "data": data}
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    body = json.dumps(request).encode()
    asked = urllib.request.Request(rpc, body, {"Content-Type": "application/json"})  # noqa: S310, it is whose address is given
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        return "0x" + json.load(answer)["result"][-40:]


def main() -> int:
    """The program; its exit code."""
    if len(sys.argv) != 3:  # noqa: PLR2004
        print(__doc__, file=sys.stderr)
        return 2
    rpc, export = sys.argv[1:]
    count = 0
    for text in Path(export).read_text().splitlines():
        line = json.loads(text)
        message, signature = base64.b64decode(line["payload"]), base64.b64decode(line["signature"])
        address = recovered(rpc, message, signature)
        if address != line["address"].lower():
            print(f"record {line['record']}: {address}, not {line['address']}")
            return 1
        count += 1
    print(f"{count} recovered")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
