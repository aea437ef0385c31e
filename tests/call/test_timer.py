"""The timer of a try: when it gives up, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import weakref

import anyio
import pytest

from asi1 import Timeouts
from asi1._call.timer import Timer


pytestmark = pytest.mark.virtual_time

IDLE = Timeouts(total=None, first_token=5, idle=7)


def started(timeouts=IDLE):
    return Timer(anyio.current_time(), timeouts, stream=True)


async def test_signs_of_life_put_the_end_off():
    """
    A stream is given up when nothing came for its time, however early it was timed
    first.
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


async def test_an_earlier_end_counts():
    """
    A phase that ends before the one that was timed is given up at its own end.
    """
    timer = started(Timeouts(first_token=50, idle=1))
    with timer:
        timer.arm("first_token")
        await anyio.sleep(2)
        timer.arm("idle")
        await anyio.sleep(1000)

    assert pytest.approx(3) == timer.elapsed


@pytest.mark.parametrize(("seconds", "end"), [(0.5, 0.5), (50, 5), (0, 0)])
async def test_a_phase_can_be_shortened_only(seconds, end):
    """
    Shortening gives up so many seconds from now, or at the phase's end if that is
    earlier.
    """
    timer = started()
    with timer:
        timer.arm("first_token")
        timer.shorten(seconds)
        await anyio.sleep(1000)

    assert pytest.approx(end) == timer.elapsed


async def test_a_disarmed_timer_takes_nothing_back():
    """
    Once disarmed, nothing is given up; and armed again it is.
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


async def test_each_try_is_timed_anew():
    """
    The alarm of one try does not ring in the next.
    """
    timer = started()
    for _ in range(2):
        with timer:
            timer.arm("first_token")
            await anyio.sleep(3)
    with timer:
        await anyio.sleep(20)

    assert pytest.approx(26) == timer.elapsed


async def test_a_call_that_ended_leaves_no_alarm(anyio_backend_name):
    """
    Nothing in the event loop keeps a call that is over, whatever its time was.
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
        alarms = asyncio.get_running_loop()._scheduled
        assert [] == [alarm for alarm in alarms if not alarm.cancelled()]
