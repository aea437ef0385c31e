"""
Measures the cost of starting, making clients, turns, context policies and memory.

Memory is measured on Linux only.
"""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time

from dataclasses import replace
from pathlib import Path

from . import wire
from .calls import answer, calls, check, cost, warming
from .contenders import CONTENDERS, PACKAGES, function
from .limits import resource


CLIENT = (
    "from benchmarks.contenders import {name} as it; client = it.sync_client({url!r})"
)
CALL = "it.create_sync(client.__enter__(), 'small', [dict(role='user', content='Hi')])"
KIB = 1024
TIMES = 40  # how often a few runs with a tool are compared to `create`
ROUNDS = 10  # of `parse`
TICK = 0.001  # seconds between two steps of the task that a block delays
LOOK = 0.05  # seconds between two looks at the memory


class ImpossibleError(Exception):
    """The contender or the machine lacks something that the case needs."""


def starts(case, size, contender, url):
    """Return the CPU milliseconds of a program, minus those of an empty one."""
    name = contender.__name__.rpartition(".")[2]
    programs = {
        "import": f"import {name}",
        "import-names": CONTENDERS[name],
        "first-client": CLIENT.format(name=name, url=url),
        "first-answer": f"{CLIENT.format(name=name, url=url)}; {CALL}",
    }
    if (
        resource is None
        or (case.name == "import" and name in PACKAGES)  # as without the other library
        or (case.name.startswith("first") and not hasattr(contender, "sync_client"))
    ):
        raise ImpossibleError
    bare, program = "pass", programs[case.name]
    if size.calls > 1:  # the first run may compile bytecode
        spent(bare)
        spent(program)
    costs = [spent(program) - spent(bare) for _ in range(size.calls)]
    return sum(costs) / len(costs) * 1000


def spent(program):
    """Run a program in a new interpreter; return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def construct(_case, size, contender, url):
    """Return the CPU microseconds of making a further client, in a running loop."""
    return asyncio.run(made(size, contender, url, time.process_time)) * 1e6


def construct_memory(_case, size, contender, url):
    """Return the KiB that a further client takes before it is used."""
    return asyncio.run(made(size, contender, url, lambda: status("VmRSS")))


async def made(size, contender, url, meter):
    """Make a client, then more; return what each of those adds to the meter."""
    clients = [contender.async_client(url)]
    gc.collect()
    before = meter()
    clients += [contender.async_client(url) for _ in range(size.calls)]
    taken = meter() - before
    for client in clients:
        async with client:
            pass
    return taken / size.calls


def turn(case, size, contender, url):
    """Return the CPU microseconds of one turn of a conversation."""
    return asyncio.run(turns(case, size, contender, url))


async def turns(case, size, contender, url):
    """Time turns, each after the same messages, so that the history does not grow."""
    model, messages = answer(case, size.chunks), wire.conversation(case.messages)
    async with contender.async_client(url) as client:
        begin = function(contender, case.operation)
        take_turn = await begin(client, model, messages, wire.QUESTION)
        for _ in warming(case, size):
            check(await take_turn(), model)
        began = time.process_time()
        for _ in range(size.calls):
            check(await take_turn(), model)
        return cost(began, size)


def parse(case, size, contender, url):
    """Return the cost of `parse` in per cent of that of `create`, for one answer."""
    plain = replace(case, operation=case.operation.replace("parse", "create"))
    shares = [
        calls(case, size, contender, url) / calls(plain, size, contender, url)
        for _ in range(ROUNDS)
    ]
    return statistics.median(shares) * 100


def plan(case, size, contender, _url):
    """Return the CPU milliseconds of cutting a history to half its size."""
    messages = wire.conversation(case.messages)
    cut = contender.planner(messages)
    fitted = cut(messages)
    if not len(messages) // 3 < len(fitted) < len(messages) * 2 // 3:
        raise ValueError(
            f"{len(fitted)} of {len(messages)} messages are left, not half"
        )
    began = time.process_time()
    for _ in range(size.calls):
        cut(messages)
    return cost(began, size) / 1000


def tool_round(case, size, contender, url):
    """Return the cost of a run with a tool in per cent of that of two `create`."""
    plain = replace(case, operation=case.operation.replace("round", "creates"))
    shares = [
        calls(case, size, contender, url) / calls(plain, size, contender, url)
        for _ in range(TIMES)
    ]
    return statistics.median(shares) * 100


def watched(case, size, contender, url):
    """Return the cost of `create` with hooks in per cent of that without."""
    plain = replace(case, operation="create_async")
    try:
        shares = [
            calls(case, size, contender, url) / calls(plain, size, contender, url)
            for _ in range(TIMES)
        ]
    except ImportError:  # OpenTelemetry is not installed
        raise ImpossibleError from None
    return statistics.median(shares) * 100


def peak(case, size, contender, url):
    """Return the peak memory of the process in MiB, after it has read one stream."""
    calls(case, size, contender, url)
    return status("VmHWM") / KIB


def open_streams(case, size, contender, url):
    """Return the KiB that each of many open streams takes."""
    return asyncio.run(opened(case, size, contender, url))


async def opened(case, size, contender, url):
    """Open streams, and return by how much the memory has grown while all are open."""
    model, messages = answer(case, size.chunks), wire.conversation(1)
    stream = function(contender, case.operation)
    async with contender.async_client(url, size.at_once) as client:
        await stream(client, model, messages)
        gc.collect()
        before = most = status("VmRSS")
        streams = asyncio.gather(
            *(stream(client, model, messages) for _ in range(size.at_once))
        )
        while not streams.done():
            await asyncio.sleep(LOOK)
            most = max(most, status("VmRSS"))
        await streams
    return (most - before) / size.at_once


def loop_block(case, _size, contender, url):
    """Return the milliseconds for which a program's first call blocks its loop most."""
    return asyncio.run(first_call(case, contender, url)) * 1000


async def first_call(case, contender, url):
    """Make a client and one call; return the longest time without the other task."""
    longest = 0.0

    async def tick():
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - began - TICK)

    model, create = answer(case, 1), function(contender, case.operation)
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    async with contender.async_client(url) as client:
        check(await create(client, model, wire.conversation(1)), model)
    await asyncio.sleep(TICK)
    ticking.cancel()
    return longest


def status(field):
    """
    Return a field of Linux's report about this process's memory, in KiB.

    ``getrusage`` is not used: its peak may be that of the parent process.
    """
    path = Path(f"/proc/{os.getpid()}/status")
    if not path.exists():
        raise ImpossibleError
    line = next(line for line in path.read_text().splitlines() if field in line)
    return int(line.split()[1])
