"""The timer of an attempt: when an attempt times out, and when the timer is freed."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref

import anyio
import pytest

from asi1 import Timeouts
from asi1._call.timer import Timer


pytestmark = pytest.mark.virtual_time

IDLE = Timeouts(total=None, first_token=5, idle=7)


def started(timeouts=IDLE):
    return Timer(anyio.current_time(), timeouts, stream=True)


async def test_arming_the_timer_again_sets_a_later_deadline():
    """
    Each call of `Timer.arm` sets a new deadline. So the attempt times out only when a
    full idle timeout has passed since the last call of `arm`.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        for _ in range(4):
            await anyio.sleep(3)
            timer.arm("idle")
        await anyio.sleep(1000)

    assert pytest.approx(4 * 3 + 7) == timer.elapsed
    assert "idle" == timer.deadline.phase


async def test_idle_timeout_replaces_a_later_deadline_of_first_token():
    """
    Arming the idle timeout replaces the deadline of the first-token timeout, even if
    the new deadline is earlier.
    """
    timer = started(Timeouts(first_token=50, idle=1))
    with timer:
        timer.arm("first_token")
        await anyio.sleep(2)
        timer.arm("idle")
        await anyio.sleep(1000)

    assert pytest.approx(3) == timer.elapsed


@pytest.mark.parametrize("seconds", [9.5, 10, 10.5, 35])
async def test_deadline_of_any_length_passes_at_its_time(seconds):
    """
    An attempt times out at its deadline, even if the timer's handle fires earlier.
    """
    timer = started(Timeouts(total=None, first_token=seconds))
    with timer:
        timer.arm("first_token")
        await anyio.sleep(1000)

    assert pytest.approx(seconds) == timer.elapsed


@pytest.mark.parametrize(("seconds", "end"), [(0.5, 0.5), (50, 5), (0, 0)])
async def test_timer_shorten_never_makes_the_deadline_later(seconds, end):
    """
    `Timer.shorten` sets the deadline to the given number of seconds from now, unless
    the current deadline is earlier.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        timer.shorten(seconds)
        await anyio.sleep(1000)

    assert pytest.approx(end) == timer.elapsed


async def test_disarmed_timer_does_not_time_out_until_armed_again():
    """
    A timer that was disarmed does not time out until `Timer.arm` is called again.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        await anyio.sleep(1)
        timer.disarm()
        await anyio.sleep(100)
        timer.arm("idle")
        await anyio.sleep(1000)

    assert pytest.approx(108) == timer.elapsed


async def test_deadline_of_one_attempt_does_not_end_the_next_attempt():
    """
    The deadline of one attempt does not end the next attempt, which has no deadline
    until the timer is armed again.
    """
    timer = started()
    for _ in range(2):
        with timer:
            timer.arm("first_token")
            await anyio.sleep(3)
    with timer:
        await anyio.sleep(20)

    assert pytest.approx(26) == timer.elapsed


async def test_timer_of_an_ended_call_is_freed_at_once(anyio_backend_name):
    """
    Once a call has ended, its timer is freed without a garbage collection, and
    asyncio's event loop has no callback of the timer scheduled.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        timer.arm("idle")
    left = weakref.ref(timer)

    gc.disable()
    try:
        del timer
        assert left() is None
    finally:
        gc.enable()
    if anyio_backend_name == "asyncio":
        handles = asyncio.get_running_loop()._scheduled
        assert [] == [handle for handle in handles if not handle.cancelled()]


async def test_arming_the_timer_again_schedules_no_second_callback(anyio_backend_name):
    """
    On asyncio, a later deadline reuses the callback that is scheduled for the earlier
    deadline, so that a stream does not schedule a callback for each chunk.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        for _ in range(10):
            timer.arm("idle")

        if anyio_backend_name == "asyncio":
            assert 1 == len(asyncio.get_running_loop()._scheduled)


@pytest.mark.parametrize(
    ("timeouts", "stream", "left"),
    [
        (Timeouts(total=60), True, 57),
        (Timeouts(total=60), False, 57),
        (Timeouts(), True, math.inf),
        (Timeouts(), False, 597),
        (Timeouts(total=None), False, math.inf),
    ],
)
async def test_timer_left_is_the_rest_of_the_total_timeout(timeouts, stream, left):
    """
    `Timer.left` is the total timeout minus the seconds since the call began. Without a
    total timeout, as for streams by default, `Timer.left` is infinite.
    """
    await anyio.sleep(1000)
    timer = Timer(anyio.current_time(), timeouts, stream=stream)
    await anyio.sleep(3)

    assert (3, left) == pytest.approx((timer.elapsed, timer.left))
