"""LiteLLM, which has functions but no client; here a client is their arguments."""

import contextlib

from litellm import acompletion, completion, stream_chunk_builder


CANNOT = {"first-client", "construct", "construct-memory"}


def async_client(url, connections=None):  # noqa: ARG001 - LiteLLM sets its own
    """Return the arguments of every call, in a context manager."""
    own = {"api_base": f"{url}/v1", "api_key": "bench", "num_retries": 0}
    return contextlib.nullcontext({**own, "max_retries": 0})


def sync_client(url):
    """Return the same as `async_client`."""
    return async_client(url)


def arguments(client, model, messages):
    """Return the arguments of one call."""
    return {**client, "model": f"openai/{model}", "messages": messages}


def text(chunk):
    """Return the text of a chunk."""
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    stream = await acompletion(**arguments(client, model, messages), stream=True)
    async for chunk in stream:
        seen += len(text(chunk))
    return seen


def stream_sync(client, model, messages):
    """Read one stream."""
    seen = 0
    for chunk in completion(**arguments(client, model, messages), stream=True):
        seen += len(text(chunk))
    return seen


async def create_async(client, model, messages):
    """Ask for one answer."""
    answer = await acompletion(**arguments(client, model, messages))
    return len(answer.choices[0].message.content)


def create_sync(client, model, messages):
    """Ask for one answer."""
    answer = completion(**arguments(client, model, messages))
    return len(answer.choices[0].message.content)


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    stream = await acompletion(**arguments(client, model, messages), stream=True)
    async for chunk in stream:
        for part in chunk.choices[0].delta.tool_calls or ():
            pieces = calls.setdefault(part.index, [])
            pieces.append(part.function.arguments)
    return sum(len("".join(pieces)) for pieces in calls.values())


async def final_async(client, model, messages):
    """Read one stream, and assemble its chunks with LiteLLM."""
    stream = await acompletion(**arguments(client, model, messages), stream=True)
    chunks = [chunk async for chunk in stream]
    return len(stream_chunk_builder(chunks).choices[0].message.content)
