"""The task: sign one batch with one key in one transaction."""

import asyncio
import json
import os
from pathlib import Path

import procrastinate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_private_key
from psycopg import AsyncRawCursor
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

PEER = json.loads(os.environ["PEER"])
URL = os.environ["DATABASE_URL"]
SQL = {path.stem: path.read_text() for path in (Path(__file__).parent.parent / "sql").glob("*.sql")}

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))
connections = AsyncConnectionPool(
    URL, min_size=PEER["concurrency"], open=False, kwargs={"cursor_factory": AsyncRawCursor, "prepare_threshold": 0}
)
opened = {}


async def open_key(cursor, key):
    if key not in opened:
        await cursor.execute(SQL["key_material"], (key,))
        ((pkcs8,),) = await cursor.fetchall()
        opened[key] = load_der_private_key(pkcs8, None)
    return opened[key]


def sign_all(key, payloads):
    if PEER["algorithm"] == "RS256":
        scheme, digest = padding.PKCS1v15(), hashes.SHA256()
        return [key.sign(payload, scheme, digest) for payload in payloads]
    return [key.sign(payload) for payload in payloads]


@app.task(name="sign", retry=True)
async def sign(batch):
    first = (batch - 1) * PEER["batch"] + 1
    try:
        # One transaction, committed at the end of the block.
        async with connections.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(SQL["key_take"])
            taken = await cursor.fetchone()
            if taken is None:
                raise RuntimeError("every key is in use: the queue tries the job again")
            key = await open_key(cursor, taken[0])
            await cursor.execute(SQL["records_fetch"], (first, first + PEER["batch"] - 1))
            payloads = [payload for (payload,) in await cursor.fetchall()]
            # In a thread of the pool, so that other jobs go on with the database meanwhile.
            work = asyncio.to_thread(sign_all, key, payloads) if PEER["pool"] else None
            signatures = await work if work else sign_all(key, payloads)
            await cursor.execute(SQL["batch_store"], (first, batch, taken[0], signatures))
    except UniqueViolation:
        # The job is finished by a statement of its own, after the commit. Should the worker die in between,
        # the job comes again.
        pass
