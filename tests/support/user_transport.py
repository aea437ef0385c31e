"""A transport that a user provides, and that wraps a transport of httpx."""

from __future__ import annotations

import httpx


__all__ = ["Wrapping"]


class Wrapping(httpx.AsyncBaseTransport):
    """A user's wrapper of httpx's transport, as in packages that retry requests."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()
