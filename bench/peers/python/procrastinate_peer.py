"""procrastinate: `prepare` makes its tables and adds the jobs, `work` runs a worker until it is ended."""

import asyncio
import os
import sys
import threading

from signing import PEER, app, connections, sign


async def prepare():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await sign.batch_defer_async(*({"batch": batch} for batch in range(1, PEER["batches"] + 1)))


async def work():
    async with app.open_async(), connections:
        await app.run_worker_async(
            concurrency=PEER["concurrency"], fetch_job_polling_interval=0.5, listen_notify=False
        )


def end_with_the_bench():
    """The bench holds the other end of standard input. When it is gone, however it ended, so are we."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        threading.Thread(target=end_with_the_bench, daemon=True).start()
    asyncio.run({"prepare": prepare, "work": work}[sys.argv[1]]())
