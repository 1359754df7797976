"""Verifies what a run has signed by PyJWT, with what the API shows and nothing else.

    verify_results.py URL-OF-RUN     with the token in the environment, as TOKEN

Prints how many signatures were verified, and ends with 1 and a sentence if one does not verify, or a key is not what it is called.
"""

import base64
import hashlib
import json
import os
import sys
import urllib.request

from jwt import PyJWK
from jwt.utils import base64url_decode, base64url_encode

# What a thumbprint is of (RFC 7638, section 3.2; RFC 8037, section 2).
MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


def read(path):
    request = urllib.request.Request(sys.argv[1] + path)
    request.add_header("authorization", f"Bearer {os.environ['TOKEN']}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def keys():
    found = {}
    for shown in json.loads(read("/jwks.json"))["keys"]:
        members = {name: shown[name] for name in MEMBERS[shown["kty"]]}
        text = json.dumps(members, sort_keys=True, separators=(",", ":"))
        thumbprint = base64url_encode(hashlib.sha256(text.encode()).digest()).decode()
        if shown["kid"] != thumbprint or shown["use"] != "sig" or set(shown) - set(members) != {"alg", "kid", "use"}:
            sys.exit(f"the key of the thumbprint {thumbprint} is shown as {shown}")
        found[thumbprint] = PyJWK.from_dict(shown)
    return found


def main():
    known, used, verified = keys(), set(), 0
    for line in read("/results").splitlines():
        line = json.loads(line)
        record = json.loads(read(f"/records/{line['record']}"))
        payload, signed = base64.b64decode(record["payload"], validate=True), line["signed"]
        digest = hashlib.sha256(payload).hexdigest()
        if not signed == record["signed"] or not digest == signed["digest"] == record["payloadDigest"]:
            sys.exit(f"the record {line['record']} is not that of the results: {record} and {line}")
        key, signature = known[signed["keyId"]], base64url_decode(signed["signature"])
        if key.algorithm_name != signed["algorithm"]:
            sys.exit(f"the key is of {key.algorithm_name}: {line}")
        if not key.Algorithm.verify(payload, key.key, signature):
            sys.exit(f"the signature does not verify: {line}")
        strangers = [other for name, other in known.items() if name != signed["keyId"]]
        if key.Algorithm.verify(payload + b" ", key.key, signature):
            sys.exit(f"the signature verifies over another payload: {line}")
        if any(other.Algorithm.verify(payload, other.key, signature) for other in strangers):
            sys.exit(f"the signature verifies by another key: {line}")
        used.add(signed["keyId"])
        verified += 1
    print(verified, len(used))


main()
