"""The streamed answer of a conversation's turn, which ends with the turn."""

from __future__ import annotations

from functools import partial

from attrs import define

from ..._call.answer_stream import AnswerStream
from ..._models.completion import ChatCompletion
from .turn_call import TurnExchange
from .turns import Turns


__all__ = ["turn_stream"]


@define(eq=False)
class _TurnObserver:
    """Lets the answer of a stream join the conversation, and the next turn begin."""

    exchange: TurnExchange
    turns: Turns
    keep_partial: bool

    def ended(self, answer: ChatCompletion, *, whole: bool) -> None:
        try:
            if whole:
                self.turns.commit(self.exchange, answer)
            elif self.keep_partial:
                self.turns.commit_partial(self.exchange, answer)
        finally:
            self.dropped()

    def dropped(self) -> None:
        self.turns.release(self.exchange)


def turn_stream(
    turns: Turns, exchange: TurnExchange, *, keep_partial: bool
) -> AnswerStream:
    """Return the stream of the turn's answer, not begun."""
    observer = _TurnObserver(exchange, turns, keep_partial)
    return AnswerStream(exchange, partial(turns.begin, exchange), observer)
