"""This package on aiohttp's connections, by way of httpx-aiohttp."""

from httpx_aiohttp import AiohttpTransport

from asi1 import AsyncASI1, Limits

from . import PATIENT
from .asi1 import (
    create_async,
    final_async,
    settings,
    stream_async,
    tools_async,
    turns_async,
)


__all__ = [
    "async_client",
    "create_async",
    "final_async",
    "stream_async",
    "tools_async",
    "turns_async",
]


def async_client(url, connections=None):
    """Make the async client."""
    more = {}
    if connections is not None:
        more = {"limits": Limits(max_connections=connections), "timeout": PATIENT}
    return AsyncASI1(**settings(url), transport=AiohttpTransport(), **more)
