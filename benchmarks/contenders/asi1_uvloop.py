"""asi1 on uvloop, async and blocking."""

import asyncio
import os

import uvloop

from .asi1 import (
    async_client,
    choices_async,
    choices_create_async,
    choices_create_sync,
    choices_sync,
    choices_turns_async,
    create_async,
    create_sync,
    final_async,
    stream_async,
    stream_sync,
    sync_client,
    to_sse_async,
    tools_async,
    turns_async,
)


__all__ = [
    "async_client",
    "choices_async",
    "choices_create_async",
    "choices_create_sync",
    "choices_sync",
    "choices_turns_async",
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

# Set globally: the process measures only this contender.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
os.environ["ASI1_LOOP"] = "uvloop"
