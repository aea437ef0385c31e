"""The same with httpx2, the successor of httpx."""

import httpx2

from .httpx_shape import (
    clients,
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

async_client, sync_client = clients(httpx2)
