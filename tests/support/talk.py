"""In-process clients, hand-made streams and ways to wait, for the tests of clients."""

from __future__ import annotations

import importlib.util
import json
import time

from collections.abc import Callable
from typing import Any

import anyio
import pytest

import asi1

from asi1.testing import Data, FakeASI1, Head


__all__ = [
    "DONE",
    "SSE",
    "TEXT",
    "Event",
    "backend_of",
    "chunk",
    "in_process",
    "until",
    "wait_for",
]

# The text that `FakeASI1` sends under most of its faults, one word per chunk.
TEXT = "one two three four five six seven eight"

SSE = Head(200, (("content-type", "text/event-stream"),))
DONE = Data(b"data: [DONE]\n\n")


def Event(*chunks: dict[str, Any]) -> Data:  # noqa: N802 - named like `Data`
    """
    Return bytes of a response body with one server-sent event for each of *chunks*.
    """
    return Data(b"".join(b"data: %b\n\n" % json.dumps(c).encode() for c in chunks))


def chunk(text: str = "", *, finish: str | None = None) -> dict[str, Any]:
    """Return a chunk of choice 0 with a text and a finish reason."""
    delta = {"content": text} if text else {}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def backend_of(name: str) -> tuple[str, dict[str, Any]]:
    """Return anyio's backend and its options for the event loop *name*."""
    if name != "uvloop":
        return name, {}
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    return "asyncio", {"use_uvloop": True}


def in_process(fake: FakeASI1, **options: Any) -> asi1.AsyncASI1:
    """Return a client of *fake* that needs no socket, so that virtual time works."""
    return asi1.AsyncASI1(
        "test-key", fake.base_url, transport=fake.transport, **options
    )


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """
    Wait until *condition* returns a true value; raise TimeoutError after *seconds*.
    """
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - any condition, without an event
            await anyio.sleep(0.005)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until *condition* returns true; fail the test after a minute."""
    for _ in range(12_000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("the condition never held")
