"""Calls cut off at any moment leave nothing behind, and a client that works."""

from __future__ import annotations

import gc
import os
import random
import sys

from collections import Counter

import anyio
import pytest

import asi1

from ...support.talk import until
from .sweep import NOTHING, call, idle_connections, left_behind, slowly, sweep


# Cancellations in all; `nox -s soak` asks for ten thousand.
CALLS = int(os.environ.get("SOAK_CALLS", "2000"))


def client_of(fake):
    limits = asi1.Limits(max_connections=20)
    patience = asi1.Timeouts(pool=5, first_token=10)
    return asi1.AsyncASI1("sk-test", fake.base_url, limits=limits, timeout=patience)


@pytest.mark.timeout(600)
async def pace(client, parallel):
    """How many seconds calls take here and now, of which *parallel* run at once."""
    dice, began = random.Random(2), anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(parallel):
            group.start_soon(call, client, dice)
    return anyio.current_time() - began


@pytest.mark.parametrize(("parallel", "pause"), [(1, 0.001), (20, 0.01)])
async def test_calls_cut_off_at_any_moment_leave_nothing_behind(
    fake, anyio_backend_name, parallel, pause
):
    """
    After hundreds of calls were cut off while they connected, waited, read and tidied
    up, natively and by cancel scopes, no place, task or connection is in use, and a
    hundred further calls are answered.
    """
    native = anyio_backend_name == "asyncio"
    fake._script.put(slowly(pause), None)
    many = CALLS // 4

    async with client_of(fake) as client:
        await pace(client, 1)
        longest = 1.5 * await pace(client, parallel)
        uncut = len(fake.requests)
        counts = await sweep(
            client, many, parallel=parallel, longest=longest, native=native
        )
        gc.collect()
        await until(lambda: not client._engine.tasks)
        await until(lambda: fake.open_connections == idle_connections(client))
        after = left_behind(client)
        ends = Counter(request.outcome for request in fake.requests)
        dice = random.Random(1)
        with anyio.fail_after(60):
            for _ in range(100):
                await call(client, dice)

    sys.stdout.write(f"\n{dict(counts)}, seen by the server: {dict(ends)}\n")
    assert NOTHING == after
    # It would prove nothing if the calls were cut off too early or too late.
    assert many == counts.total()
    assert many * 0.3 <= counts["task"] + counts["scope"]
    assert native == (counts["task"] > many * 0.1)
    assert counts["scope"] > many * 0.1
    assert ends["left"] > many * 0.05  # while the server answered
    assert len(fake.requests) - uncut - 100 < many  # before it had heard of it
    await until(lambda: fake.open_connections == 0)


async def test_a_call_under_way_is_seen(fake):
    """
    What the tests of this module look for is there while a call is under way.
    """
    fake.fault("stall_before_headers")

    async with client_of(fake) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: client.chat.completions.create(messages="Hi"))
        await until(lambda: fake.requests)
        seen = left_behind(client)
        tasks.cancel_scope.cancel()

    assert {
        "pumps": 1,
        "tasks": ["asi1 call"],
        "taken": 1,
        "busy": 1,
        "queued": 1,
        "active": 1,
    } == seen
