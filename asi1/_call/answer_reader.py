"""Reads the answer from one HTTP reply, for a call without streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.completion import ChatCompletion
from .._models.response import ResponseInfo, Usage
from .json_reader import JSONReader
from .reply_reader import Body


if TYPE_CHECKING:
    from .chunk_reader import EventAnswerReader


__all__ = ["AnswerReader"]


@run_apart_once
def _event_reader() -> type[EventAnswerReader]:
    from .chunk_reader import EventAnswerReader  # noqa: PLC0415 - rarely needed

    return EventAnswerReader


@define(eq=False, repr=False)
class AnswerReader(JSONReader[ChatCompletion]):
    """Reads an answer for a call without streaming, even if the server streams it."""

    _events: EventAnswerReader | None = field(default=None, init=False)

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return self._events.whole if self._events else super().whole

    @property
    def begun(self) -> bool:
        """Whether a part of a streamed answer has arrived; False for a JSON body."""
        return self._events is not None and self._events.begun

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server has reported; None if it has reported none."""
        return self._events.usage if self._events else super().usage

    @property
    def model(self) -> str:
        """The name of the answering model; "" until the server has sent it."""
        return self._events.model if self._events else super().model

    def answer(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return self._events.answer() if self._events else super().answer()

    def result(self, info: ResponseInfo) -> list[ChatCompletion]:
        """Return a list of one item: the complete answer."""
        return [self._complete(info)]

    async def read_events(self, head: bytes, pieces: Body) -> None:
        """Read a body that should be server-sent events: *head*, then *pieces*."""
        given = self.config, self.request, self.timer, self.queue, self.opened
        events = self._events = _event_reader()(*given)
        events.info, events.watch = self.info, self.watch
        try:
            await events.read_events(head, pieces)
        finally:
            self.info = events.info
