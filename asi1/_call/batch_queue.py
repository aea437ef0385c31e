"""A queue that one task fills and one reader empties; cancelled reads lose no data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Generic, TypeVar

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._transport.event_loop import Flag


__all__ = ["BatchQueue"]

_T = TypeVar("_T")

# After this many reads, `get` lets the event loop run: anyio 4 does not cancel a task
# that is woken at the same time, so a reader that is woken by batch after batch might
# never be cancelled.
_GETS_PER_STEP = 16
# Number of batches at which the queue is full; a read from the network adds one batch.
_MAX_BATCHES = 16


@define(eq=False, repr=False)
class BatchQueue(Generic[_T]):
    """
    A bounded queue of batches from one task to one reader.

    `get` removes a batch and returns it without waiting in between, so a reader that is
    cancelled while it waits loses no batch.

    Attributes:
        ended: Whether the queue has ended: it accepts no more batches.
    """

    # A list, since an empty deque would take 700 bytes in each open stream.
    _batches: list[Sequence[_T]] = field(factory=list, init=False)
    _change: Flag | None = field(default=None, init=False)
    _error: BaseException | None = field(init=False)  # missing until `end` sets it
    ended: bool = field(default=False, init=False)
    _gets: int = field(default=0, init=False)

    @property
    def full(self) -> bool:
        """Whether the task that fills the queue has to wait for the reader."""
        return len(self._batches) >= _MAX_BATCHES

    def unread(self) -> Iterator[_T]:
        """Return an iterator of the items that were not read yet; removes none."""
        return chain.from_iterable(self._batches)

    def _notify(self) -> None:
        if self._change is not None:
            self._change.set()
            self._change = None

    def _next_change(self) -> Flag:
        if self._change is None:
            self._change = Flag()
        return self._change

    def put(self, batch: Sequence[_T]) -> None:
        """Add *batch*, which must not be empty; do nothing if the queue has ended."""
        if not self.ended:
            self._batches.append(batch)
            self._notify()

    async def room(self) -> None:
        """Wait until the queue is no longer full, or has ended."""
        while self.full and not self.ended:
            await self._next_change().wait()

    def end(self, error: BaseException | None = None) -> None:
        """
        End the queue: after the last batch, `get` raises *error*, or returns () if it
        is None. Do nothing if the queue has ended already.
        """
        if not self.ended:
            self.ended = True
            self._error = error
            self._notify()

    def abandon(self, error: BaseException) -> None:
        """Drop all unread batches, and end the queue with *error*."""
        self._batches.clear()
        self.ended = True
        self._error = error
        self._notify()

    def check(self) -> None:
        """Raise the error that the queue ended with, if all batches were read."""
        if self.ended and self._error is not None and not self._batches:
            # Each raise adds frames to the error's traceback, so the frames of earlier
            # raises are removed.
            error = self._error.with_traceback(None)
            try:
                raise error
            finally:
                del self, error  # avoids a reference cycle between error and frame

    async def get(self) -> Sequence[_T]:
        """
        Wait for a batch, and return all unread batches joined; () after the end.

        Raises:
            BaseException: The error that the queue ended with, on every call.
        """
        self._gets += 1
        if self._gets % _GETS_PER_STEP == 0:
            await checkpoint()
        while not self._batches:
            try:
                self.check()
            except BaseException:
                del self
                raise
            if self.ended:
                return ()
            await self._next_change().wait()
        batch = self._batches.pop(0)
        if self._batches:
            batch = [*batch, *self.unread()]
            self._batches.clear()
        self._notify()
        return batch
