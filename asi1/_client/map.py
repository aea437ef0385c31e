"""The answers to many prompts: the public class around `ConcurrentCalls`."""

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
    An async iterator of the answers to many prompts.

    Use it with ``async with`` if you may stop early: leaving the block cancels the
    running calls. So does garbage collection of this iterator. A cancelled read loses
    no answer: the next read returns it.

    Reading raises:
        ASI1Error: As for `AsyncCompletions.create`, in place of the answer; the calls
            still running are cancelled. With *return_exceptions*, the error is
            returned instead, and no call is cancelled.
        ClientClosedError: The client was closed; raised even with *return_exceptions*.
        StreamBusyError: Another task is reading.
        StreamClosedError: The answers were closed.
        Exception: Any error of the iterable of prompts, after all earlier answers.
    """

    def __init__(self, calls: ConcurrentCalls) -> None:
        """Users do not construct this class; the client does."""
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
                if answer is not None:
                    self._calls.show_progress()
        finally:
            del self  # else an error's traceback would keep the calls alive
        if answer is None:
            raise StopAsyncIteration
        return answer

    async def aclose(self) -> None:
        """Cancel the running calls; may be called twice, and by any task."""
        await self._calls.aclose()
