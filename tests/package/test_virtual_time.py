"""The virtual clock that `pytest.mark.virtual_time` gives to a test."""

from __future__ import annotations

import anyio
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.virtual_time
async def test_sleep_moves_the_virtual_clock_and_takes_no_real_time():
    """
    A sleep in a test with virtual time moves the virtual clock by the length of the
    sleep, and does not wait in real time.
    """
    began = anyio.current_time()

    await anyio.sleep(3600)

    assert pytest.approx(3600) == anyio.current_time() - began


@pytest.mark.virtual_time
async def test_sleeping_tasks_wake_in_order_and_a_timeout_cancels_later_tasks():
    """
    With virtual time, sleeping tasks wake in the order of their wake times. A timeout
    cancels the tasks that would wake after it.
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
    A sleep of any length ends. A very short sleep ends even if adding its length to the
    virtual clock does not change the clock, because of rounding.
    """
    await anyio.sleep(seconds)
