"""The second floor: aiohttp and orjson without a client library; async only."""

import aiohttp
import orjson


def async_client(url, connections=None):
    """Make the async client."""
    limit = {} if connections is None else {"limit": connections}
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(**limit))


def request(client, model, messages, *, stream):
    """Start a call."""
    body = {"model": model, "messages": messages, "stream": stream}
    return client.post("/v1/chat/completions", json=body)


def delta(line):
    """Return the delta in one line of a stream; empty if the line is not a chunk."""
    if not line.startswith(b"data: ") or line == b"data: [DONE]\n":
        return {}
    return orjson.loads(line[6:])["choices"][0]["delta"]


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    async with request(client, model, messages, stream=True) as response:
        async for line in response.content:
            seen += len(delta(line).get("content", ""))
    return seen


async def to_sse_async(client, model, messages):
    """Read one stream, and write its pieces as events."""
    events = []
    async with request(client, model, messages, stream=True) as response:
        async for line in response.content:
            if text := delta(line).get("content"):
                data = orjson.dumps({"text": text})
                events.append(b"event: text\ndata: %b\n\n" % data)
    return b"".join(events)


async def create_async(client, model, messages):
    """Ask for one answer."""
    async with request(client, model, messages, stream=False) as response:
        answer = orjson.loads(await response.read())
    return len(answer["choices"][0]["message"]["content"])


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    async with request(client, model, messages, stream=True) as response:
        async for line in response.content:
            for call in delta(line).get("tool_calls", ()):
                pieces = calls.setdefault(call["index"], [])
                pieces.append(call["function"]["arguments"])
    return sum(len("".join(pieces)) for pieces in calls.values())


async def final_async(client, model, messages):
    """Read one stream, and join its text."""
    async with request(client, model, messages, stream=True) as response:
        pieces = [delta(line).get("content", "") async for line in response.content]
    return len("".join(pieces))
