"""Calls a client that has the methods of httpx's client, by hand, with orjson."""

import orjson

from . import TIMEOUT


def clients(library):
    """Return the functions that make the async and the blocking client of *library*."""

    def async_client(url, connections=None):
        """Make the async client."""
        if connections is None:
            return library.AsyncClient(base_url=url)
        limits = library.Limits(
            max_connections=connections, max_keepalive_connections=connections
        )
        return library.AsyncClient(base_url=url, limits=limits, timeout=TIMEOUT)

    def sync_client(url):
        """Make the blocking client."""
        return library.Client(base_url=url)

    return async_client, sync_client


def request(model, messages, *, stream):
    """Return the arguments of a call."""
    body = {"model": model, "messages": messages, "stream": stream}
    return {"method": "POST", "url": "/v1/chat/completions", "json": body}


def delta(line):
    """Return the delta in one line of a stream; empty if the line is not a chunk."""
    if not line.startswith("data: ") or line == "data: [DONE]":
        return {}
    return orjson.loads(line[6:])["choices"][0]["delta"]


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    async with client.stream(**request(model, messages, stream=True)) as response:
        async for line in response.aiter_lines():
            seen += len(delta(line).get("content", ""))
    return seen


def stream_sync(client, model, messages):
    """Read one stream."""
    seen = 0
    with client.stream(**request(model, messages, stream=True)) as response:
        for line in response.iter_lines():
            seen += len(delta(line).get("content", ""))
    return seen


async def to_sse_async(client, model, messages):
    """Read one stream, and write its pieces as events."""
    events = []
    async with client.stream(**request(model, messages, stream=True)) as response:
        async for line in response.aiter_lines():
            if text := delta(line).get("content"):
                data = orjson.dumps({"text": text})
                events.append(b"event: text\ndata: %b\n\n" % data)
    return b"".join(events)


async def create_async(client, model, messages):
    """Ask for one answer."""
    response = await client.request(**request(model, messages, stream=False))
    return len(orjson.loads(response.content)["choices"][0]["message"]["content"])


def create_sync(client, model, messages):
    """Ask for one answer."""
    response = client.request(**request(model, messages, stream=False))
    return len(orjson.loads(response.content)["choices"][0]["message"]["content"])


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    async with client.stream(**request(model, messages, stream=True)) as response:
        async for line in response.aiter_lines():
            for call in delta(line).get("tool_calls", ()):
                pieces = calls.setdefault(call["index"], [])
                pieces.append(call["function"]["arguments"])
    return sum(len("".join(pieces)) for pieces in calls.values())


async def final_async(client, model, messages):
    """Read one stream, and join its text."""
    async with client.stream(**request(model, messages, stream=True)) as response:
        pieces = [
            delta(line).get("content", "") async for line in response.aiter_lines()
        ]
    return len("".join(pieces))


async def turns_async(client, model, messages, question):
    """Return a function that sends a list of messages and appends the answer."""

    async def turn():
        history = [*messages, {"role": "user", "content": question}]
        response = await client.request(**request(model, history, stream=False))
        message = orjson.loads(response.content)["choices"][0]["message"]
        history.append(message)
        return len(message["content"])

    return turn
