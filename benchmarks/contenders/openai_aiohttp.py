"""OpenAI's client on aiohttp's connections, by its own class for it; async only."""

import httpx2

from openai import AsyncOpenAI, DefaultAioHttpClient

from . import TIMEOUT
from .openai import final_async, settings
from .openai_shape import create_async, stream_async, tools_async


__all__ = [
    "async_client",
    "create_async",
    "final_async",
    "stream_async",
    "tools_async",
]


def async_client(url, connections=None):
    """Make the async client; the limit of connections is aiohttp's."""
    if connections is None:
        return AsyncOpenAI(**settings(url), http_client=DefaultAioHttpClient())
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    own = DefaultAioHttpClient(limits=limits)
    return AsyncOpenAI(**settings(url), http_client=own, timeout=TIMEOUT)
