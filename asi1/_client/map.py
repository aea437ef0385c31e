"""The answers to many prompts as their reader sees them."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from .._call.call_window import CallWindow
from .._models.base_types import public


__all__ = ["AsyncAnswers"]

_T = TypeVar("_T")


@public
class AsyncAnswers(Generic[_T]):
    """
    An async iterator of the answers to many prompts, in the order of the prompts.

    Best used as ``async with`` where it may be left early: leaving the block ends the
    calls that are under way. One that is dropped ends them too. A reader who is
    cancelled while it waits loses nothing and may go on reading.

    Reading raises:
        ASI1Error: What `AsyncCompletions.create` raises, where the answer would be; the
            calls behind it end. With *return_exceptions* it is returned in its place.
        ClientClosedError: The client was closed; never returned.
        StreamBusyError: Somebody else is reading at this moment.
        StreamClosedError: It was closed.
        Exception: What the iterable of prompts raised, after all answers before it.
    """

    def __init__(self, calls: CallWindow) -> None:
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
            del self  # the frames that an error keeps must not keep the calls
        if answer is None:
            raise StopAsyncIteration
        return answer

    async def aclose(self) -> None:
        """End the calls that are under way; may be called twice, and by any task."""
        await self._calls.aclose()
