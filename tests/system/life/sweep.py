"""Cancel calls at random moments, and list what stays in use afterwards."""

from __future__ import annotations

import asyncio
import random

from collections import Counter

import anyio

from anyio.lowlevel import checkpoint

from asi1._transport.event_loop import loop_token
from asi1.testing import Data, Pause
from asi1.testing._answer import Answer


__all__ = [
    "NOTHING",
    "TEXT",
    "call",
    "idle_connections",
    "left_behind",
    "slowly",
    "sweep",
]

TEXT = "one two three four five six seven eight"
NOTHING = {
    "call_tasks": 0,
    "tasks": [],
    "taken": 0,
    "busy": 0,
    "queued": 0,
    "active": 0,
}

# About the number of event loop steps that a short call takes.
_STEPS = 150
_answer = Answer(text=TEXT, chunk_words=1)


def slowly(pause):
    """
    Return a reply sent in small parts, with up to *pause* seconds between the parts.
    """

    def plan(ask):
        steps = [Pause(ask.rng.choice((0, 0, pause)))]
        for step in _answer(ask):
            for piece in _pieces(step, 1 if ask.stream else 3):
                steps += [piece, Pause(ask.rng.choice((0, pause * ask.rng.random())))]
        return tuple(steps)

    return plan


def _pieces(step, count):
    if not isinstance(step, Data):
        return [step]
    size = len(step.data) // count + 1
    return [Data(step.data[n : n + size]) for n in range(0, len(step.data), size)]


async def _create(completions):
    return (await completions.create(messages="Hi")).text


async def _entered(completions):
    async with completions.stream(messages="Hi") as stream:
        return "".join([piece async for piece in stream.text_stream])


async def _dropped(completions):
    stream = await completions.create(messages="Hi", stream=True)
    return "".join([chunk.text async for chunk in stream])


async def _final(completions):
    return (await completions.stream(messages="Hi").get_final_completion()).text


_WAYS = (_create, _create, _create, _entered, _dropped, _final)


async def call(client, rng):
    """Make one call by a randomly chosen method, and check the text of the answer."""
    text = await rng.choice(_WAYS)(client.chat.completions)

    assert TEXT == text


def _random_moment(rng, longest):
    # A moment is an int or a float with equal probability. An int is a number of event
    # loop steps, to cancel a call at one of its first steps. A float is a number of
    # seconds, to cancel a call at any later time.
    if rng.random() < 0.5:
        return rng.randrange(1, _STEPS)
    return longest * 10 ** rng.uniform(-2.5, 0)


async def _until(moment):
    if isinstance(moment, float):
        await anyio.sleep(moment)
    else:
        for _ in range(moment):
            await checkpoint()


async def _cancel_by_task(client, rng, moment):
    task = asyncio.ensure_future(call(client, rng))
    await _until(moment)
    # A second cancellation interrupts the clean-up that the first cancellation started.
    for _ in range(rng.choice((1, 1, 2))):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task])
    if not task.cancelled():
        await task
    return task.cancelled()


async def _cancel_by_scope(client, rng, moment):
    scope = anyio.CancelScope()

    async def scoped():
        with scope:
            await call(client, rng)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scoped)
        await _until(moment)
        scope.cancel()
    return scope.cancelled_caught


async def sweep(client, calls, *, parallel, longest, native):
    """
    Begin *calls* calls, *parallel* at once; cancel each at a random moment.

    If *native*, every second call is cancelled by ``Task.cancel()``, all others by
    cancel scopes. *longest* is the latest moment, in seconds after a call began,
    adapted as the sweep goes on, because a busy machine slows calls down. Returns how
    many calls were cancelled by "task" and by "scope"; "whole" counts the calls that
    ended before they were cancelled.
    """
    counts = Counter()
    rng = random.Random(parallel)
    numbers = iter(range(calls))

    async def work():
        nonlocal longest
        for number in numbers:
            by_task = native and number % 2 == 0
            cut = _cancel_by_task if by_task else _cancel_by_scope
            moment = _random_moment(rng, longest)
            early = await cut(client, rng, moment)
            counts[("task" if by_task else "scope") if early else "whole"] += 1
            if isinstance(moment, float):
                longest *= 1.02 if early else 0.9

    async with anyio.create_task_group() as tasks:
        for _ in range(parallel):
            tasks.start_soon(work)
    return counts


def left_behind(client):
    """
    Return the tasks, connection slots and connections that *client* uses in this event
    loop.
    """
    engine = client._engine
    names = [task.name for task in anyio.get_running_tasks()]
    loop = engine.resources.transport.pools._by_loop[loop_token()]
    transports = [pool.transport for pool in loop.pools]
    pools = [each.by_httpx._pool for each in transports if each.by_httpx]
    connections = [each for pool in pools for each in pool.connections]
    plain = [each for transport in transports for each in transport._plain]
    return {
        "call_tasks": len(engine.tasks),
        "tasks": [name for name in names if name and name.startswith("asi1")],
        "taken": engine.config.limits.max_connections - loop.free_slots.value,
        "busy": sum(pool.busy for pool in loop.pools),
        "queued": sum(len(pool._requests) for pool in pools),
        "active": sum(not each.is_idle() for each in connections)
        + sum(each.busy and not each.closed for each in plain),
    }


def idle_connections(client):
    """Return how many connections *client* has open in the running event loop."""
    loop = client._engine.resources.transport.pools._by_loop[loop_token()]
    transports = [pool.transport for pool in loop.pools]
    pools = [each.by_httpx._pool for each in transports if each.by_httpx]
    plain = sum(each.connections for each in transports)
    return plain + sum(len(pool.connections) for pool in pools)
