"""The answers to many prompts: the public side of `ConcurrentCalls`."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from .._call.concurrent_calls import ConcurrentCalls
from .._models.base_types import public


__all__ = ["AsyncAnswers"]

_T = TypeVar("_T")


@public
class AsyncAnswers(Generic[_T]):
    """
    An async iterator of the answers to many prompts, in the order of the prompts.

    Use it with ``async with`` if you may stop early: leaving the block cancels the
    running calls. So does garbage collection. A cancelled read loses no answer, and
    reading may go on.

    Reading raises:
        ASI1Error: What `AsyncCompletions.create` raises, in place of the answer; the
            calls behind it are cancelled. With *return_exceptions* it is returned.
        ClientClosedError: The client was closed; never returned.
        StreamBusyError: Another task is reading.
        StreamClosedError: The answers were closed.
        Exception: What the iterable of prompts raises, after all answers before it.
    """

    def __init__(self, calls: ConcurrentCalls) -> None:
        """Made by the client."""
        self._calls = calls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        try:
            with self._calls.reader():
                self._calls.take()
                answer: _T | None = await self._calls.next()
        finally:
            del self  # an error keeps this frame, which must not keep the calls
        if answer is None:
            raise StopAsyncIteration
        return answer

    async def aclose(self) -> None:
        """Cancel the running calls; may be called twice, and by any task."""
        await self._calls.aclose()
