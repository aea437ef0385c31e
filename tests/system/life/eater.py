"""
A program that calls a server many times, and reports the peak of its own memory.

Run as ``python eater.py URL COUNT [OPTION=NUMBER ...]``. The program makes COUNT calls
without streaming and COUNT streams, alternating. An option is a timeout in seconds, or
``max_event_bytes``. The program prints, as JSON, how each call ended, how many seconds
the call took, and the peak of the process's memory after the call, in MiB.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from pathlib import Path

import httpx_sse  # noqa: F401 - loaded first: its memory is not that of a call

import asi1


def peak():
    """Return the peak of this process's memory so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage also counts the peak of the parent process before the fork,
        # so VmHWM in /proc/self/status is read instead.
        (line,) = [x for x in status.read_text().splitlines() if "VmHWM" in x]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


async def ask(client, *, stream):
    """
    Make one call; return how it ended, its duration in seconds, and the peak of this
    process's memory in MiB.
    """
    began = time.monotonic()
    try:
        if stream:
            async with client.chat.completions.stream(messages="Hi") as opened:
                answer = await opened.get_final_completion()
        else:
            answer = await client.chat.completions.create(messages="Hi")
        end = f"{len(answer.text)} characters"
    except asi1.ASI1Error as error:
        end = type(error).__name__
    return {"end": end, "seconds": time.monotonic() - began, "peak": peak()}


async def main(url, count, *options):
    """Make all calls, one after another; print as JSON how each call ended."""
    given = {name: float(value) for name, value in (o.split("=") for o in options)}
    most = int(given.pop("max_event_bytes", 16 * 1024 * 1024))
    timeout = asi1.Timeouts(**{"total": 30, **given})
    async with asi1.AsyncASI1(
        "key", url, timeout=timeout, max_retries=0, max_event_bytes=most
    ) as client:
        calls = [
            await ask(client, stream=stream)
            for _ in range(int(count))
            for stream in (False, True)
        ]
    json.dump(calls, sys.stdout)


asyncio.run(main(*sys.argv[1:]))
