"""A call cancelled at any moment leaves nothing in use, and the client stays usable."""

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


# The number of calls that the test below cancels over all its parameters. `nox -s soak`
# sets 10,000.
CALLS = int(os.environ.get("SOAK_CALLS", "2000"))


def client_of(fake):
    limits = asi1.Limits(max_connections=20)
    timeout = asi1.Timeouts(pool=5, first_token=10)
    return asi1.AsyncASI1("sk-test", fake.base_url, limits=limits, timeout=timeout)


async def duration_of_calls(client, parallel):
    """Return how many seconds *parallel* concurrent calls take on this machine."""
    rng, began = random.Random(2), anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(parallel):
            group.start_soon(call, client, rng)
    return anyio.current_time() - began


@pytest.mark.timeout(600)  # seconds, for hundreds of calls
@pytest.mark.parametrize(("parallel", "pause"), [(1, 0.001), (20, 0.01)])
async def test_calls_cancelled_at_any_moment_leave_no_connection_or_task_in_use(
    fake, anyio_backend_name, parallel, pause
):
    """
    Hundreds of calls are cancelled while they connect, wait, read or clean up.
    Afterwards no connection, connection slot or task is in use, and a hundred more
    calls succeed.
    """
    native = anyio_backend_name == "asyncio"
    fake._script.put(slowly(pause), None, "slowly()")
    many = CALLS // 4

    async with client_of(fake) as client:
        await duration_of_calls(client, 1)
        longest = 1.5 * await duration_of_calls(client, parallel)
        uncancelled = len(fake.requests)
        counts = await sweep(
            client, many, parallel=parallel, longest=longest, native=native
        )
        gc.collect()
        await until(lambda: not client._engine.tasks)
        await until(lambda: fake.open_connections == idle_connections(client))
        after = left_behind(client)
        ends = Counter(request.outcome for request in fake.requests)
        rng = random.Random(1)
        with anyio.fail_after(60):
            for _ in range(100):
                await call(client, rng)

    sys.stdout.write(f"\n{dict(counts)}, seen by the server: {dict(ends)}\n")
    assert NOTHING == after
    # This test would prove nothing if nearly all calls were cancelled before they had
    # begun or after they had ended.
    assert many == counts.total()
    assert many * 0.3 <= counts["task"] + counts["scope"]
    assert native == (counts["task"] > many * 0.1)
    assert counts["scope"] > many * 0.1
    # The outcome "left" means that the client disconnected while the server was sending
    # its reply.
    assert ends["left"] > many * 0.05
    # Some calls were cancelled before their request reached the server, so the server
    # saw fewer requests than there were calls.
    assert len(fake.requests) - uncancelled - 100 < many
    await until(lambda: fake.open_connections == 0)


async def test_function_left_behind_reports_the_task_of_a_running_call(
    fake, anyio_backend_name
):
    """
    While a call is running, `left_behind` reports its task and its connection. This
    shows that the zeros which `left_behind` reports after cancelled calls mean
    something.
    """
    fake.fault("stall_before_headers")

    async with client_of(fake) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: client.chat.completions.create(messages="Hi"))
        await until(lambda: fake.requests)
        seen = left_behind(client)
        tasks.cancel_scope.cancel()

    assert {
        "call_tasks": 1,
        "tasks": ["asi1 call"],
        "taken": 1,
        "busy": 1,
        # On asyncio, asi1's own connections need no queue.
        "queued": int(anyio_backend_name == "trio"),
        "active": 1,
    } == seen
