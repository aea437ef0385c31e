"""Calls a client that has the methods of OpenAI's client."""


def text(chunk):
    """Return the text of a chunk."""
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    stream = await client.chat.completions.create(
        model=model, messages=messages, stream=True
    )
    async with stream:
        async for chunk in stream:
            seen += len(text(chunk))
    return seen


def stream_sync(client, model, messages):
    """Read one stream."""
    seen = 0
    create = client.chat.completions.create
    with create(model=model, messages=messages, stream=True) as stream:
        for chunk in stream:
            seen += len(text(chunk))
    return seen


async def create_async(client, model, messages):
    """Ask for one answer."""
    answer = await client.chat.completions.create(model=model, messages=messages)
    return len(answer.choices[0].message.content)


def create_sync(client, model, messages):
    """Ask for one answer."""
    answer = client.chat.completions.create(model=model, messages=messages)
    return len(answer.choices[0].message.content)


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    stream = await client.chat.completions.create(
        model=model, messages=messages, stream=True
    )
    async with stream:
        async for chunk in stream:
            for part in chunk.choices[0].delta.tool_calls or ():
                pieces = calls.setdefault(part.index, [])
                pieces.append(part.function.arguments)
    return sum(len("".join(pieces)) for pieces in calls.values())
