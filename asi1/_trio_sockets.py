"""Floor 4. Sockets on trio for httpx's core, which forgets one in its handshake."""

from __future__ import annotations

from typing import Any

import anyio
import httpcore


__all__ = ["TrioSockets"]


class TrioSockets(httpcore.TrioBackend):
    """Makes the connections that httpx's core makes, and loses none."""

    async def connect_tcp(
        self, *where: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server; as httpx's core does."""
        made = await super().connect_tcp(*where, **options)
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
