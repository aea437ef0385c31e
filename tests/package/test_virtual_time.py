"""The virtual clock that the tests themselves use."""

from __future__ import annotations

import anyio
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.virtual_time
async def test_sleep_moves_the_clock_and_takes_no_time():
    """
    A sleeping test moves the clock by exactly its sleep, and takes no real time.
    """
    began = anyio.current_time()

    await anyio.sleep(3600)

    assert pytest.approx(3600) == anyio.current_time() - began


@pytest.mark.virtual_time
async def test_timers_fire_in_order_and_timeouts_cancel():
    """
    Tasks wake in the order of their timers, and a timeout cancels later ones.
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
    No length of sleep makes the clock stand still, however it is rounded.
    """
    await anyio.sleep(seconds)
