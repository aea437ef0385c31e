"""Requests for httpx: through a user's own client, a proxy, on trio, and for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Self

import httpx

from attrs import define

from .plain_http import Outgoing


__all__ = ["for_httpx"]


def for_httpx(asked: Outgoing) -> httpx.Request:
    """Return *asked* as a request of httpx."""
    body = _Body(asked.body, asked.sending)
    prepared = httpx.Request(
        asked.method,
        asked.url,
        headers=asked.raw_headers(),  # httpx takes twice as long for a dict of str
        stream=body,
        extensions={"timeout": asked.timeouts},
    )
    # The body is read into the request, since user-provided transports, hooks and auth
    # may read `request.content`.
    prepared.read()
    prepared.stream = body
    return prepared


class _Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """
    A request's body as one bytes object.

    httpx's own body is an async generator. If the connection breaks while the body is
    sent, that generator stays open, and trio warns of it.
    """

    def __init__(self, body: bytes, read: Callable[[], object] = bool) -> None:
        """Wrap *body*; *read* is called when the body is about to be sent."""
        self._body, self._read = body, read

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._read()
        return _ListIterator([self._body] if self._body else [])

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


@define
class _ListIterator:
    """An async iterator over a list; it removes each item that it returns."""

    _items: list[bytes]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop(0)
