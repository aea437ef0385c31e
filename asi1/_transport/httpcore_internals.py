"""
All private names of httpx and httpcore that asi1's own connections use.

With these names, asi1 gives httpcore faster locks, and reads the bytes that httpcore
has not parsed. asi1 uses the names only with releases of httpx and httpcore that are
known to have them, and only if the names exist. Otherwise asi1 uses httpx's own
connection pool unchanged, which is slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpcore
import httpx


__all__ = [
    "is_known_release",
    "replace_backend",
    "replace_pool",
    "replace_request_lock",
    "speed_up_state",
    "unread",
]

# Maximum number of bytes in one read; as many as asyncio receives at once.
_READ_SIZE = 256 * 1024


def is_known_release(httpx_version: str, httpcore_version: str) -> bool:
    """Whether asi1 knows the private names of these releases of httpx and httpcore."""
    known = httpx_version.startswith(("0.27.", "0.28."))
    return known and httpcore_version.startswith("1.0.")


_KNOWN = is_known_release(httpx.__version__, httpcore.__version__)


def replace_pool(
    transport: httpx.AsyncHTTPTransport,
    make: Callable[[], httpcore.AsyncConnectionPool],
) -> bool:
    """
    Replace *transport*'s pool by `make()`, if asi1 knows the pool's private name.

    Returns whether the pool was replaced.
    """
    known = _KNOWN and hasattr(transport, "_pool")
    if known:
        transport._pool = make()
    return known


def replace_backend(
    transport: httpx.AsyncHTTPTransport, network: httpcore.AsyncNetworkBackend
) -> None:
    """Let a pool that connects to a proxy open its connections with *network*."""
    pool: Any = getattr(transport, "_pool", None)
    if _KNOWN and hasattr(pool, "_network_backend"):
        pool._network_backend = network


def replace_request_lock(connection: httpcore.AsyncHTTPConnection) -> None:
    """
    Replace a new connection's request lock, if it exists, by a faster lock.

    Acquiring one of httpcore's locks lets the event loop run once. No task ever waits
    for these locks, since a pool gives a connection one request at a time; so locks
    that skip this step are safe.
    """
    if hasattr(connection, "_request_lock"):
        _set(connection, "_request_lock")


def speed_up_state(connection: httpcore.AsyncHTTPConnection) -> None:
    """
    Speed up the HTTP state, which the first request creates.

    Its lock is replaced by a faster one. And it reads more bytes at once, since the
    bytes of each read pass separately through h11, httpcore and httpx.
    """
    state: Any = getattr(connection, "_connection", None)
    if hasattr(state, "_state_lock"):
        _set(state, "_state_lock")
    if hasattr(state, "READ_NUM_BYTES"):
        state.READ_NUM_BYTES = _READ_SIZE


def _set(owner: object, name: str) -> None:
    # httpcore uses its locks only in `async with` statements, so anyio's locks can
    # replace them.
    lock: Any = anyio.Lock(fast_acquire=True)
    setattr(owner, name, lock)


def unread(connection: httpcore.AsyncHTTPConnection) -> bytes:
    """Return the received bytes that h11 has not parsed; b"" if there is no parser."""
    state = getattr(connection, "_connection", None)
    parser = getattr(state, "_h11_state", None)
    return b"" if parser is None else bytes(parser.trailing_data[0])
