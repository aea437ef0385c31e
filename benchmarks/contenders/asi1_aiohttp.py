"""asi1 on aiohttp's connections, through httpx-aiohttp."""

from httpx_aiohttp import AiohttpTransport

from asi1 import AsyncASI1, Limits

from . import TIMEOUT
from .asi1 import (
    choices_async,
    choices_create_async,
    choices_turns_async,
    create_async,
    final_async,
    settings,
    stream_async,
    to_sse_async,
    tools_async,
    turns_async,
)


__all__ = [
    "async_client",
    "choices_async",
    "choices_create_async",
    "choices_turns_async",
    "create_async",
    "final_async",
    "stream_async",
    "to_sse_async",
    "tools_async",
    "turns_async",
]


def async_client(url, connections=None):
    """Make the async client."""
    more = {}
    if connections is not None:
        more = {"limits": Limits(max_connections=connections), "timeout": TIMEOUT}
    return AsyncASI1(**settings(url), transport=AiohttpTransport(), **more)
