"""Server-sent events for blocking services: `AsyncEventBytes`, driven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from .._client.to_sse import AsyncEventBytes
from .._models.base_types import public
from .loop_thread import loop_thread


__all__ = ["EventBytes"]


@public
class EventBytes:
    """Same as `AsyncEventBytes`, but blocks."""

    def __init__(self, events: AsyncEventBytes, close: Callable[[], None]) -> None:
        """Made by the stream."""
        self._events = events
        self._close = close

    def open(self) -> None:
        """Same as `AsyncEventBytes.open`, but blocks."""
        loop_thread().run(self._events.open())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        data = loop_thread().run(self._events._next())
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """Same as `AsyncEventBytes.aclose`, but blocks."""
        self._events._ended = True
        self._events._ready = b""
        self._close()
