"""
Requests and replies of httpx.

httpx carries a request on trio, through a proxy, through a user's own client or
transport, and in tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from typing import Any, Self

import httpx

from attrs import define

from .address import PORTS, Address
from .plain_http import Outgoing


__all__ = ["address_by_httpx", "for_httpx", "from_httpx", "headers_of"]

_url = lru_cache(maxsize=64)(httpx.URL)


def address_by_httpx(url: str) -> Address:
    """
    Return the address in any *url*, as httpx encodes it.

    Raises:
        httpx.InvalidURL: *url* is not valid.
    """
    parsed = _url(url)
    return Address(
        scheme=parsed.scheme,
        host=parsed.raw_host.decode("ascii"),
        port=parsed.port or PORTS[parsed.scheme],
        netloc=parsed.netloc.decode("ascii"),
        target=parsed.raw_path.decode("ascii"),
    )


def for_httpx(asked: Outgoing) -> httpx.Request:
    """Return *asked* as a request of httpx."""
    body = _Body(asked.body, asked.sending)
    prepared = httpx.Request(
        asked.method,
        _url(asked.url),
        headers=asked.raw_headers(),  # httpx takes twice as long for a dict of str
        stream=body,
        extensions={"timeout": asked.timeouts},
    )
    # The body is read into the request, since user-provided transports, hooks and auth
    # may read `request.content`.
    prepared.read()
    prepared.stream = body
    return prepared


def from_httpx(response: httpx.Response) -> tuple[dict[str, str], Any]:
    """Return the headers of *response*, and the stream of its body."""
    headers = headers_of(response.headers)
    if not response.is_stream_consumed:
        return headers, response.stream
    # A user-provided hook or transport has read and decompressed the body. Another read
    # from the connection would return bytes of another call's reply.
    headers.pop("content-encoding", None)
    return headers, httpx.ByteStream(response.content)


def headers_of(headers: Any) -> dict[str, str]:
    """
    Return *headers*, in any form that httpx takes, as a dict of their own.

    The names are in lowercase, and the values of a repeated header are joined by
    commas.
    """
    return {name.lower(): value for name, value in httpx.Headers(headers).items()}


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
