"""A queue from one task to one reader; a cancelled read loses nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import define, field

from .._transport.event_loop import Flag


__all__ = ["BatchQueue"]

_T = TypeVar("_T")

# Batches that may wait for the reader; each is what one read of the network completed.
_ROOM = 16


@define(eq=False)
class BatchQueue(Generic[_T]):
    """
    A short queue of batches from one task to one reader.

    A batch leaves the queue in the same step in which `get` returns it, so that a
    reader who is cancelled while it waits has lost nothing.

    Attributes:
        ended: Whether nothing follows what waits.
    """

    _batches: deque[Sequence[_T]] = field(factory=deque, init=False)
    _change: Flag | None = field(default=None, init=False)
    _error: BaseException | None = field(default=None, init=False)
    ended: bool = field(default=False, init=False)

    @property
    def full(self) -> bool:
        """Whether the reader is far behind."""
        return len(self._batches) >= _ROOM

    def _tell(self) -> None:
        if self._change is not None:
            self._change.set()
            self._change = None

    async def _changed(self) -> None:
        if self._change is None:
            self._change = Flag()
        await self._change.wait()

    def put(self, batch: Sequence[_T]) -> None:
        """Hand over *batch*, of at least one; after the end it goes nowhere."""
        if not self.ended:
            self._batches.append(batch)
            self._tell()

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        while self.full and not self.ended:
            await self._changed()

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing follows, but for *error*; only the first time counts."""
        if not self.ended:
            self.ended = True
            self._error = error
            self._tell()

    def abandon(self, error: BaseException) -> None:
        """Drop what waits to be read: the reader gets *error* and nothing else."""
        self._batches.clear()
        self.ended = True
        self._error = error
        self._tell()

    def check(self) -> None:
        """Raise what the task ended with, if it brought nothing else."""
        if self.ended and self._error is not None and not self._batches:
            # Without the frames of those who asked before, which would add up; and of
            # ours, nothing that leads back to the error.
            error = self._error.with_traceback(None)
            try:
                raise error
            finally:
                del self, error

    async def get(self) -> Sequence[_T]:
        """
        Return all that waits to be read; an empty one after the end.

        Raises:
            BaseException: What the task ended with, each time it is asked.
        """
        while not self._batches:
            try:
                self.check()
            except BaseException:
                del self
                raise
            if self.ended:
                return ()
            await self._changed()
        batch = self._batches.popleft()
        while self._batches:
            batch = [*batch, *self._batches.popleft()]
        self._tell()
        return batch
