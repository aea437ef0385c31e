"""Floor 4. Sockets on trio for httpx's core, which forgets one in its handshake."""

from __future__ import annotations

from typing import Any

import anyio
import httpcore


__all__ = ["TrioSockets"]


class TrioSockets(httpcore.AsyncNetworkBackend):
    """Makes the connections that httpx's core makes, and loses none."""

    def __init__(self) -> None:
        self._core: Any = httpcore.TrioBackend()

    async def connect_tcp(
        self, *where: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server, as httpx's core does."""
        made: httpcore.AsyncNetworkStream
        made = await self._core.connect_tcp(*where, **options)
        begin = made.start_tls

        async def start_tls(*what: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            try:
                return await begin(*what, **options)
            except BaseException:  # it closes for errors, and a cancellation is none
                with anyio.CancelScope(shield=True):
                    await made.aclose()
                raise

        setattr(made, "start_tls", start_tls)  # noqa: B010 - a method
        return made

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)
