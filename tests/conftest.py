"""What all tests share: both event loops, on the real clock or on a virtual one."""

from __future__ import annotations

import signal

from typing import Any

import pytest

from hypothesis import HealthCheck, settings
from trio.testing import MockClock

from .virtual_time import VirtualTimeLoop


# How long an example takes tells of the machine, and not of the package.
settings.register_profile(
    "asi1", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("asi1")

# A shell that runs the tests in the background has them, and all that they start,
# ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """
    Run each async test on asyncio and on trio, each test on a loop of its own.

    With ``@pytest.mark.virtual_time`` on the test, or ``pytestmark =
    pytest.mark.virtual_time`` in the module, the clock is virtual: it stands still
    while anything can run, then jumps to the next timer. ``anyio.sleep(3600)`` returns
    at once and `anyio.current_time` has moved by 3600. Tests with sockets, threads or
    subprocesses need the real clock: the virtual one would not wait for them.

    A module for one loop only overrides this fixture and returns that loop's name.
    """
    virtual = request.node.get_closest_marker("virtual_time") is not None
    options: dict[str, dict[str, Any]] = {
        "asyncio": {"loop_factory": VirtualTimeLoop} if virtual else {},
        "trio": {"clock": MockClock(autojump_threshold=0)} if virtual else {},
    }
    return request.param, options[request.param]
