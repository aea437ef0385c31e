"""OpenAI's client."""

import httpx2

from openai import AsyncOpenAI, DefaultAsyncHttpx2Client, OpenAI

from . import TIMEOUT
from .openai_shape import (
    create_async,
    create_sync,
    stream_async,
    stream_sync,
    tools_async,
)


__all__ = [
    "async_client",
    "create_async",
    "create_sync",
    "final_async",
    "stream_async",
    "stream_sync",
    "sync_client",
    "tools_async",
]


def settings(url):
    """Return a client's arguments."""
    return {"api_key": "bench", "base_url": f"{url}/v1", "max_retries": 0}


def async_client(url, connections=None):
    """Make the async client; with an HTTP client of its own if the limit is given."""
    if connections is None:
        return AsyncOpenAI(**settings(url))
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    own = DefaultAsyncHttpx2Client(limits=limits)
    return AsyncOpenAI(**settings(url), http_client=own, timeout=TIMEOUT)


def sync_client(url):
    """Make the blocking client."""
    return OpenAI(**settings(url))


async def final_async(client, model, messages):
    """Read one stream with the helper that assembles the answer."""
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        async for _ in stream:
            pass
        answer = await stream.get_final_completion()
    return len(answer.choices[0].message.content)
