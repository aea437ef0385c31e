"""`AnswerEvents`: its reads after an error, and its pings."""

from __future__ import annotations

import anyio
import pytest

from asi1._call.answer_events import AnswerEvents

from ..support.browser import seen


pytestmark = pytest.mark.virtual_time


class Source:
    """A source of events whose read raises *error* after *seconds*."""

    def __init__(self, error, seconds=0.0):
        self.error = error
        self.seconds = seconds

    def unread(self):
        return b""

    async def read(self):
        await anyio.sleep(self.seconds)
        raise self.error

    def leave(self):
        """Do nothing; called after an error that is not an `ASI1Error`."""

    def abandon(self):
        """Do nothing; called when the `AnswerEvents` is garbage-collected."""


async def test_error_that_is_not_an_asi1_error_is_raised_once_after_its_event():
    """
    An error that is not an `ASI1Error` is first sent as the event ``failed``. The next
    read raises the error, and each read after that returns no event.
    """
    events = AnswerEvents(Source(KeyError("x")), None)

    [(name, _)] = seen(await events.next())
    with pytest.raises(KeyError):
        await events.next()

    assert "failed" == name
    assert [b"", b""] == [await events.next() for _ in range(2)]


async def test_ping_interval_may_be_a_fraction_of_a_second():
    """
    With a *ping* of 0.5, a comment is sent every half second while no event arrives.
    """
    events = AnswerEvents(Source(KeyError("x"), seconds=60), 0.5)
    began = anyio.current_time()

    assert [b": ping\n\n"] * 2 == [await events.next() for _ in range(2)]
    assert pytest.approx(1) == anyio.current_time() - began
