"""Mistral's client: one class, async and blocking, with strictly validated models."""

import httpx

from mistralai.client import Mistral


def async_client(url, connections=None):
    """Make the client; with an HTTP client of its own if the limit is given."""
    if connections is None:
        return sync_client(url)
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections
    )
    client = httpx.AsyncClient(follow_redirects=True, limits=limits)
    return Mistral(api_key="bench", server_url=url, async_client=client)


def sync_client(url):
    """Make the client, which is both async and blocking."""
    return Mistral(api_key="bench", server_url=url)


def text(event):
    """Return the text of a chunk."""
    choices = event.data.choices
    return (choices[0].delta.content or "") if choices else ""


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    async with await client.chat.stream_async(model=model, messages=messages) as stream:
        async for event in stream:
            seen += len(text(event))
    return seen


def stream_sync(client, model, messages):
    """Read one stream."""
    seen = 0
    with client.chat.stream(model=model, messages=messages) as stream:
        for event in stream:
            seen += len(text(event))
    return seen


async def create_async(client, model, messages):
    """Ask for one answer."""
    answer = await client.chat.complete_async(model=model, messages=messages)
    return len(answer.choices[0].message.content)


def create_sync(client, model, messages):
    """Ask for one answer."""
    answer = client.chat.complete(model=model, messages=messages)
    return len(answer.choices[0].message.content)


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    async with await client.chat.stream_async(model=model, messages=messages) as stream:
        async for event in stream:
            for part in event.data.choices[0].delta.tool_calls or ():
                pieces = calls.setdefault(part.index, [])
                pieces.append(part.function.arguments)
    return sum(len("".join(pieces)) for pieces in calls.values())
