"""The virtual clock that `pytest.mark.virtual_time` gives to a test."""

from __future__ import annotations

import anyio
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.virtual_time
async def test_sleep_moves_the_clock_and_takes_no_time():
    """
    A sleep in a test with virtual time moves the virtual clock by the length of the
    sleep, and does not wait in real time.
    """
    began = anyio.current_time()

    await anyio.sleep(3600)

    assert pytest.approx(3600) == anyio.current_time() - began


@pytest.mark.virtual_time
async def test_timers_fire_in_order_and_timeouts_cancel():
    """
    Sleeping tasks wake in the order of their wake times, and a timeout cancels those
    that would wake after it.
    """
    woken = []

    async def sleeper(seconds):
        await anyio.sleep(seconds)
        woken.append(seconds)

    with anyio.move_on_after(86_400) as scope:
        async with anyio.create_task_group() as tasks:
            for seconds in (1e9, 3600, 0.001, 60):
                tasks.start_soon(sleeper, seconds)

    assert [0.001, 60, 3600] == woken
    assert scope.cancelled_caught


@pytest.mark.virtual_time
@settings(max_examples=20)
@given(seconds=st.floats(min_value=0, max_value=1e9))
async def test_sleep_of_any_length_ends(seconds):
    """
    A sleep of any length ends, even one so short that rounding leaves the virtual clock
    unchanged when the length is added.
    """
    await anyio.sleep(seconds)
