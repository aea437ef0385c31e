"""The streamed answer of a turn of a conversation."""

from __future__ import annotations

from attrs import define

from ..._call.chunk_stream import ChunkStream
from ..._models.chunks import ChatCompletionChunk
from ..._models.completion import ChatCompletion
from .turn import Turn


__all__ = ["turn_stream"]


@define(eq=False)
class _TurnObserver:
    """Adds a stream's answer to the conversation, then lets the next turn begin."""

    turn: Turn[ChatCompletionChunk]
    keep_partial: bool

    def ended(self, answer: ChatCompletion, *, whole: bool) -> None:
        try:
            if whole:
                self.turn.commit(answer)
            elif self.keep_partial:
                self.turn.commit_partial(answer)
        finally:
            self.turn.release()

    def dropped(self) -> None:
        self.turn.release()


def turn_stream(turn: Turn[ChatCompletionChunk], *, keep_partial: bool) -> ChunkStream:
    """Return the stream of the turn's answer; the first use starts the call."""
    return ChunkStream(turn.call, turn.begin, _TurnObserver(turn, keep_partial))
