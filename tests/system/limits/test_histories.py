"""The local rate limiter in generated histories, on several event loops."""

import os

from itertools import pairwise

import anyio
import pytest

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from asi1 import RateLimit
from asi1._call.rate_limiter import LocalLimiter

from ...support.many_loops import Loops
from .history import on


# The soak session of noxfile.py generates 20,000 histories for each kind of event
# loops.
HISTORIES = int(os.environ.get("SOAK_HISTORIES", "40"))
KINDS = {
    "asyncio": ("asyncio", "asyncio", "asyncio"),
    "trio": ("trio", "trio", "trio"),
}


@pytest.mark.timeout(300 + HISTORIES)
@pytest.mark.parametrize("loops", KINDS.values(), ids=KINDS)
def test_limits_and_order_are_kept_in_generated_histories(loops):
    """
    However calls on three event loops begin, end, fail, are refused and cancelled, and
    whichever loops are blocked meanwhile: no permit exceeds a limit in any window, the
    oldest call is served first unless its loop is blocked, and a call that may start
    does not wait.
    """
    run_state_machine_as_test(
        on(*loops),
        settings=settings(max_examples=HISTORIES, stateful_step_count=16),
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("number", [1, 2])
def test_blocked_event_loops_delay_other_loops_by_a_second_or_two_each(number, backend):
    """
    If the event loops of the calls at the front are blocked when their turn comes, a
    call of another event loop gets its permit one or two seconds later for each blocked
    loop. The blocked calls are next, once their event loops run again.
    """
    loops, went = Loops((backend,) * 4), []
    limiter = LocalLimiter(RateLimit(requests_per_minute=1), clock=loops.clock)

    async def call(loop):
        await limiter.acquire(1)
        went.append((loop, loops.now))
        loops.steps += 1

    try:
        began = loops.now
        for loop in range(4):
            loops.run(loop, call, loop)
            loops.settle()
        for blocked in loops.each[1 : number + 1]:
            blocked.frozen = True
        loops.advance(59)
        early = list(went)
        loops.advance(2 + 2 * number)
        late = list(went)
        for blocked in loops.each:
            blocked.frozen = False
        loops.advance(200)
    finally:
        loops.close()

    assert [(0, began)] == early
    assert [0, number + 1] == [loop for loop, _ in late]
    assert began + 60 < late[1][1] <= began + 60 + 2 * number + 1
    assert {0, 1, 2, 3} == {loop for loop, _ in went}
    rest = [loop for loop, _ in went[2:]]
    assert sorted(rest) == rest
    assert all(b - a >= 60 for (_, a), (_, b) in pairwise(went))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_blocked_loop_delays_other_loops_briefly_after_a_cancelled_call(backend):
    """
    When the call at the front is cancelled, and the next one belongs to a blocked event
    loop, a later call of an event loop that runs gets its permit within three seconds.
    """
    loops, went, scopes = Loops((backend,) * 2), [], []
    limiter = LocalLimiter(RateLimit(tokens_per_minute=50), clock=loops.clock)

    async def call(name, tokens):
        scopes.append(anyio.CancelScope())
        with scopes[-1]:
            await limiter.acquire(tokens)
            went.append(name)

    try:
        for loop, name, tokens in [(0, "a", 1), (1, "b", 50), (0, "c", 0), (1, "d", 0)]:
            loops.run(loop, call, name, tokens)
            loops.settle()
        loops.each[0].frozen = True
        loops.each[1].post(lambda _: scopes[1].cancel())
        loops.advance(3)
        early = list(went)
        loops.each[0].frozen = False
        loops.advance(3)
    finally:
        loops.close()

    assert (["a", "d"], ["a", "d", "c"]) == (early, went)
