"""A transport of a user, around one of httpx."""

from __future__ import annotations

import httpx


__all__ = ["Wrapping"]


class Wrapping(httpx.AsyncBaseTransport):
    """A user's transport around one of httpx, as in packages that retry requests."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()
