"""The same with httpx2, the successor of httpx."""

import httpx2

from . import TIMEOUT
from .httpx_shape import (
    create_async,
    create_sync,
    final_async,
    stream_async,
    stream_sync,
    to_sse_async,
    tools_async,
    turns_async,
)


__all__ = [
    "async_client",
    "create_async",
    "create_sync",
    "final_async",
    "stream_async",
    "stream_sync",
    "sync_client",
    "to_sse_async",
    "tools_async",
    "turns_async",
]


def async_client(url, connections=None):
    """Make the async client."""
    if connections is None:
        return httpx2.AsyncClient(base_url=url)
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    return httpx2.AsyncClient(base_url=url, limits=limits, timeout=TIMEOUT)


def sync_client(url):
    """Make the blocking client."""
    return httpx2.Client(base_url=url)
