"""An answer as server-sent events for blocking services."""

from __future__ import annotations

from typing import Self

from .._call.answer_events import AnswerEvents
from .._models.base_types import public
from .loop_thread import close_on_loop, loop_thread


__all__ = ["EventBytes"]


@public
class EventBytes:
    """Same as `AsyncEventBytes`, but blocks."""

    def __init__(self, events: AnswerEvents) -> None:
        """Users do not construct this class; the stream does."""
        self._events = events

    def open(self) -> None:
        """Same as `AsyncEventBytes.open`, but blocks."""
        loop_thread().run(self._events.open())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        data = loop_thread().run(self._events.next())
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """Same as `AsyncEventBytes.aclose`, but blocks."""
        self._events.shut()  # needs no event loop: runs in the caller's thread
        close_on_loop(self._events.aclose)
