"""The streamed answer of a turn of a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from ..._models.chunks import ChatCompletionChunk
from ..._models.errors import ASI1Error
from ..stream import AsyncChatStream
from .turn import Turn


__all__ = ["TurnStream"]


class TurnStream(AsyncChatStream):
    """A stream that adds its answer to the conversation once it is read to its end."""

    def __init__(self, turn: Turn[ChatCompletionChunk], *, keep_partial: bool) -> None:
        super().__init__(turn.call, lambda _: turn.begin())
        self._turn = turn
        self._keep_partial = keep_partial

    async def _next_batch(self) -> Sequence[ChatCompletionChunk]:
        try:
            batch = await super()._next_batch()
            if not batch:
                self._turn.commit(self.snapshot())
                self._end_turn()
        except ASI1Error:
            if self._error is not None:
                self._end_turn()
            raise
        finally:
            del self  # as in `AsyncChatStream`
        return batch

    async def aclose(self) -> None:
        """Close the stream, and end the turn."""
        self._end_turn()
        await super().aclose()

    def _end_turn(self) -> None:
        """End the turn; further calls do nothing."""
        if self._pump is not None:  # otherwise the turn has not begun
            if self._keep_partial and not self._consumed:
                self._turn.commit_partial(self.snapshot())
            self._keep_partial = False
        self._turn.__exit__()

    def _drop(self) -> None:
        super()._drop()
        if hasattr(self, "_turn"):
            self._turn.__exit__()
