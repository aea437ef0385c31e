"""The streamed answer of a conversation's turn, which ends with the turn."""

from __future__ import annotations

from collections.abc import Sequence

from ..._models.chunks import ChatCompletionChunk
from ..._models.errors import ASI1Error
from ..stream import AsyncChatStream
from .turn import Turn


__all__ = ["TurnStream"]


class TurnStream(AsyncChatStream):
    """An `AsyncChatStream` whose answer joins a conversation when it was read."""

    def __init__(self, turn: Turn[ChatCompletionChunk], *, keep_partial: bool) -> None:
        super().__init__(turn.call, lambda _: turn.begin())
        self._turn = turn
        self._keep_partial = keep_partial

    async def _next_batch(self) -> Sequence[ChatCompletionChunk]:
        try:
            batch = await super()._next_batch()
            if not batch:
                self._turn.commit(self.snapshot())
                self._over()
        except ASI1Error:
            if self._error is not None:
                self._over()
            raise
        finally:
            del self  # as in `AsyncChatStream`
        return batch

    async def aclose(self) -> None:
        """Close the stream, and with it the turn."""
        self._over()
        await super().aclose()

    def _over(self) -> None:
        """End the turn; a second end changes nothing."""
        if self._pump is not None:  # else it has not begun, and may still
            if self._keep_partial and not self._consumed:
                self._turn.commit_partial(self.snapshot())
            self._keep_partial = False
        self._turn.__exit__()

    def _drop(self) -> None:
        super()._drop()
        if hasattr(self, "_turn"):
            self._turn.__exit__()
