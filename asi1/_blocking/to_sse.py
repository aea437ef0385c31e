"""The server-sent events of an answer or a tool run, for blocking services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from .._call.answer_events import AnswerEvents, Recording
from .._models.base_types import public
from .loop_thread import close_on_loop, loop_thread


__all__ = ["EventBytes"]


@public
class EventBytes:
    """
    An answer, or a run with tools, as server-sent events: an iterator of bytes.

    Same as `AsyncEventBytes`, but blocks.
    """

    def __init__(
        self, events: AnswerEvents, record: Callable[[Any], None] | None = None
    ) -> None:
        """Users do not construct this class; the stream or the run does."""
        self._events = events
        self._record = record

    def open(self) -> None:
        """
        Wait for the first event, but no longer than the ``ping`` seconds of `to_sse`.

        Same as `AsyncEventBytes.open`, but blocks.

        Raises:
            ASI1Error: As for reading the stream or the run.
        """
        while (recording := loop_thread().run(self._events.open)) is not None:
            self._run(recording)

    def _run(self, recording: Recording) -> None:
        with recording as event:  # in the caller's thread: a journal may block
            if self._record is not None:
                self._record(event)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        while not isinstance(data := loop_thread().run(self._events.next), bytes):
            self._run(data)
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """
        Close the stream or the run; may be called twice, by any thread.

        Same as `AsyncEventBytes.aclose`, but blocks.
        """
        self._events.shut()  # needs no event loop: runs in the caller's thread
        close_on_loop(self._events.aclose)
