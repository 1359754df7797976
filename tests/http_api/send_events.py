"""Sends CloudEvents in each mode of HTTP by the SDK of Python, and reads back what was signed by that SDK.

    send_events.py URL-OF-RUN     with the token in the environment, as TOKEN

Prints how many events were sent, and ends with 1 and a sentence if one did not come back as it was sent.
"""

import base64
import json
import os
import sys
import urllib.request
from datetime import datetime, timezone

from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

FORMAT = JSONFormat()


def event(number, data, **attributes):
    return CloudEvent(
        {
            "id": f"event {number} \u20ac",
            "source": "/tests/http api",
            "type": "dev.chancery.test",
            "time": datetime(2026, 11, 29, 1, 2, 3, tzinfo=timezone.utc),
            **attributes,
        },
        data,
    )


def ask(method, path, headers=None, body=None):
    request = urllib.request.Request(sys.argv[1] + path, data=body, method=method, headers=headers or {})
    request.add_header("authorization", f"Bearer {os.environ['TOKEN']}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def push(headers, body):
    return [state for state in ask("POST", "/records", headers, body)["records"]]


def check(sent, state):
    if state["state"] != "admitted":
        sys.exit(f"{sent}: {state}")
    record = ask("GET", f"/records/{state['record']}")
    found = FORMAT.read(None, base64.b64decode(record["payload"]))
    wanted, came = sent.get_attributes(), found.get_attributes()
    # What has no type is of this one, by the binding.
    came = {name: value for name, value in came.items() if name in wanted or name != "datacontenttype"}
    if came != wanted or found.get_data() != sent.get_data():
        sys.exit(f"sent {wanted} {sent.get_data()!r}\n came {came} {found.get_data()!r}")


def main():
    each = [
        event(1, {"amount": 12.5, "to": "M\u00fcller"}, datacontenttype="application/json"),
        event(2, "a \"text\"\nof lines", datacontenttype="text/plain"),
        event(3, bytes(range(256)), datacontenttype="application/octet-stream", subject="bytes"),
    ]
    structured = [
        event(4, {"amount": 1}, datacontenttype="application/json", traceparent="00-1-2-03"),
        event(5, b"\x00\xff", datacontenttype="image/png"),
    ]
    batch = [event(number, {"number": number}, datacontenttype="application/json") for number in (6, 7, 8)]
    for one in each:
        message = to_binary(one, FORMAT)
        [state] = push(dict(message.headers), message.body)
        check(one, state)
    for one in structured:
        message = to_structured(one, FORMAT)
        [state] = push(dict(message.headers), message.body)
        check(one, state)
    # The SDK writes events one by one: a batch is an array of them.
    written = b"[" + b",".join(FORMAT.write(one) for one in batch) + b"]"
    states = push({"content-type": "application/cloudevents-batch+json; charset=utf-8"}, written)
    for one, state in zip(batch, states, strict=True):
        check(one, state)
    print(len(each) + len(structured) + len(batch))


main()
