"""Groq's client, which has the methods of OpenAI's, over httpx."""

import httpx

from groq import AsyncGroq, DefaultAsyncHttpxClient, Groq

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
    "stream_async",
    "stream_sync",
    "sync_client",
    "tools_async",
]


def settings(url):
    """Return a client's arguments."""
    return {"api_key": "bench", "base_url": url, "max_retries": 0}


def async_client(url, connections=None):
    """Make the async client; with an HTTP client of its own if the limit is given."""
    if connections is None:
        return AsyncGroq(**settings(url))
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    own = DefaultAsyncHttpxClient(limits=limits)
    return AsyncGroq(**settings(url), http_client=own, timeout=TIMEOUT)


def sync_client(url):
    """Make the blocking client."""
    return Groq(**settings(url))
