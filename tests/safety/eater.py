"""
A program that asks a server once without and once with a stream, and tells what it ate.

Run as ``python eater.py URL [OPTION=SECONDS ...]``, with time limits as options. It
prints, as JSON, how each call ended and the peak of this process's memory in MiB.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from pathlib import Path

import asi1


def peak():
    """Return the most memory that this process has had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage tells on Linux includes the process this one was forked from.
        (line,) = [x for x in status.read_text().splitlines() if "VmHWM" in x]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


async def ask(client, *, stream):
    """Return how the call ended, and what the event loop was kept from meanwhile."""
    made, began, longest = None, time.monotonic(), 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        made = await client.chat.completions.create(messages="Hi", stream=stream)
        answer = await made.get_final_completion() if stream else made
        end = f"{len(answer.text)} characters"
    except asi1.ASI1Error as error:
        end = type(error).__name__
    finally:
        watching.cancel()
        if stream and made is not None:
            await made.aclose()
    return {"end": end, "seconds": time.monotonic() - began, "blocked": longest}


async def main(url, *options):
    """Make both calls."""
    limits = {name: float(value) for name, value in (o.split("=") for o in options)}
    timeout = asi1.Timeouts(**{"total": 30, **limits})
    async with asi1.AsyncASI1("key", url, timeout=timeout, max_retries=0) as client:
        calls = [await ask(client, stream=stream) for stream in (False, True)]
    json.dump({"calls": calls, "peak": peak()}, sys.stdout)


asyncio.run(main(*sys.argv[1:]))
