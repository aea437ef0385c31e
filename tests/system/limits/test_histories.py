"""The local rate limiter in generated histories, on several event loops."""

import os

import pytest

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from .history import on


# The soak session of noxfile.py generates 20,000 for each.
HISTORIES = int(os.environ.get("SOAK_HISTORIES", "40"))
KINDS = {
    "asyncio": ("asyncio", "asyncio", "asyncio"),
    "trio": ("trio", "trio", "trio"),
}


@pytest.mark.timeout(300 + HISTORIES)
@pytest.mark.parametrize("loops", KINDS.values(), ids=KINDS)
def test_limits_order_and_progress_hold_in_generated_histories(loops):
    """
    However calls on three event loops begin, end, fail, are refused and cancelled, and
    whichever loops are blocked meanwhile: no permit exceeds a limit in any window, the
    oldest call is served first unless its loop is blocked, and no call waits that may
    go.
    """
    run_state_machine_as_test(
        on(*loops),
        settings=settings(max_examples=HISTORIES, stateful_step_count=16),
    )
