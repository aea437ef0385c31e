"""asi1, this package."""

import functools

import asi1

from asi1 import ASI1, AsyncASI1, Limits

from . import TIMEOUT


RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "5"}


def settings(url):
    """Return a client's arguments."""
    return {"api_key": "bench", "base_url": f"{url}/v1", "max_retries": 0}


def async_client(url, connections=None):
    """Make the async client."""
    if connections is None:
        return AsyncASI1(**settings(url))
    limits = Limits(max_connections=connections)
    return AsyncASI1(**settings(url), limits=limits, timeout=TIMEOUT)


def sync_client(url):
    """Make the blocking client."""
    return ASI1(**settings(url))


async def stream_async(client, model, messages):
    """Read one stream."""
    seen = 0
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        async for chunk in stream:
            seen += len(chunk.text)
    return seen


def stream_sync(client, model, messages):
    """Read one stream."""
    seen = 0
    with client.chat.completions.stream(model=model, messages=messages) as stream:
        for chunk in stream:
            seen += len(chunk.text)
    return seen


async def choices_async(client, model, messages):
    """Read one stream by the choices of its chunks."""
    seen = 0
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        async for chunk in stream:
            seen += len(chunk.choices[0].delta.content)
    return seen


def choices_sync(client, model, messages):
    """Read one stream by the choices of its chunks."""
    seen = 0
    with client.chat.completions.stream(model=model, messages=messages) as stream:
        for chunk in stream:
            seen += len(chunk.choices[0].delta.content)
    return seen


async def to_sse_async(client, model, messages):
    """Read one stream, and write its pieces as events."""
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        return b"".join([data async for data in stream.to_sse()])


async def create_async(client, model, messages):
    """Ask for one answer."""
    answer = await client.chat.completions.create(model=model, messages=messages)
    return len(answer.text)


def create_sync(client, model, messages):
    """Ask for one answer."""
    answer = client.chat.completions.create(model=model, messages=messages)
    return len(answer.text)


async def choices_create_async(client, model, messages):
    """Ask for one answer, and read its text by its choices."""
    answer = await client.chat.completions.create(model=model, messages=messages)
    return len(answer.choices[0].message.content)


def choices_create_sync(client, model, messages):
    """Ask for one answer, and read its text by its choices."""
    answer = client.chat.completions.create(model=model, messages=messages)
    return len(answer.choices[0].message.content)


async def parse_async(client, model, messages):
    """Ask for one answer as a value."""
    answer = await client.chat.completions.parse(
        model=model, messages=messages, response_format=survey()
    )
    return len(answer.text) if answer.parsed.rafts else 0


def parse_sync(client, model, messages):
    """Ask for one answer as a value."""
    answer = client.chat.completions.parse(
        model=model, messages=messages, response_format=survey()
    )
    return len(answer.text) if answer.parsed.rafts else 0


@functools.cache
def survey():
    """Return the type of the value."""
    # Imported here, because the cases that measure starting import this module.
    from ..survey import Survey  # noqa: PLC0415

    return Survey


async def tools_async(client, model, messages):
    """Read one stream of tool calls, and assemble the calls."""
    calls = {}
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        async for chunk in stream:
            for choice in chunk.choices:
                for part in choice.delta.tool_calls:
                    pieces = calls.setdefault(part.index, [])
                    pieces.append(part.function.arguments)
    return sum(len("".join(pieces)) for pieces in calls.values())


async def final_async(client, model, messages):
    """Read one stream, and ask for the whole answer."""
    call = client.chat.completions.stream(model=model, messages=messages)
    async with call as stream:
        async for _ in stream:
            pass
        return len((await stream.get_final_completion()).text)


def nothing(call):
    """Do nothing."""


@functools.lru_cache(maxsize=1)
def hooked(client):
    """Return the client with hooks that do nothing."""
    names = ("on_start", "on_wait", "on_retry", "on_chunk", "on_end")
    return client.with_options(hooks=asi1.Hooks(**dict.fromkeys(names, nothing)))


async def hooks_async(client, model, messages):
    """Ask for one answer; hooks that do nothing are told."""
    return await create_async(hooked(client), model, messages)


@functools.lru_cache(maxsize=1)
def traced(client):
    """Return the client, instrumented; the spans and metrics go nowhere."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    from asi1.integrations.otel import tracing_hooks  # noqa: PLC0415

    providers = {
        "tracer_provider": TracerProvider(),
        "meter_provider": MeterProvider(),
    }
    return client.with_options(hooks=tracing_hooks(**providers))


async def otel_async(client, model, messages):
    """Ask for one answer; OpenTelemetry records the call."""
    return await create_async(traced(client), model, messages)


async def turns_async(client, model, messages, question):
    """Return a function that takes one turn in a new fork of a conversation."""
    past = await forkable(client, model, messages)

    async def turn():
        answer = await past.fork().ask(question)
        return len(answer.text)

    return turn


async def choices_turns_async(client, model, messages, question):
    """Do the same as `turns_async`, but read the text by the choices."""
    past = await forkable(client, model, messages)

    async def turn():
        answer = await past.fork().ask(question)
        return len(answer.choices[0].message.content)

    return turn


async def forkable(client, model, messages):
    """Return a conversation after these messages."""
    conversation = client.conversation(model=model)
    await conversation.ask(messages)
    return conversation.fork(upto=len(messages))


def planner(messages):
    """Return a function that drops the least relevant half of a history."""
    # Imported here, because the cases that measure starting import this module.
    from asi1 import DropLeastRelevant, TokenEstimator  # noqa: PLC0415

    budget = TokenEstimator().count(messages) // 2
    return DropLeastRelevant(budget).fit


def hours_asleep(animal: str) -> int:
    """Return how many hours a day an animal sleeps."""
    return len(animal)


async def hours_asleep_async(animal: str) -> int:
    """Return how many hours a day an animal sleeps."""
    return len(animal)


@functools.cache
def tools(function):
    """Return the tools of a run, and the option of `create` that sends them."""
    # `tool` is read here, because the cases that measure starting import this module.
    made = [asi1.tool(function, name="hours_asleep")]
    return made, [tool.to_dict() for tool in made]


async def round_async(client, model, messages):
    """Let the model call a tool, and answer."""
    run = client.chat.completions.run_tools(
        messages, model=model, tools=tools(hours_asleep_async)[0]
    )
    return len((await run.until_done()).text)


def round_sync(client, model, messages, function=hours_asleep_async):
    """Let the model call a tool, and answer."""
    run = client.chat.completions.run_tools(
        messages, model=model, tools=tools(function)[0]
    )
    return len(run.until_done().text)


def round_thread(client, model, messages):
    """Let the model call a tool that runs in a thread, and answer."""
    return round_sync(client, model, messages, hours_asleep)


async def creates_async(client, model, messages):
    """Send the requests of `round_async`."""
    create = client.chat.completions.create
    options = {"model": model, "tools": tools(hours_asleep)[1], "tool_choice": "auto"}
    answer = await create(messages=messages, **options)
    answer = await create(messages=[*messages, answer, RESULT], **options)
    return len(answer.text)


def creates_sync(client, model, messages):
    """Send the requests of `round_sync`."""
    create = client.chat.completions.create
    options = {"model": model, "tools": tools(hours_asleep)[1], "tool_choice": "auto"}
    answer = create(messages=messages, **options)
    answer = create(messages=[*messages, answer, RESULT], **options)
    return len(answer.text)


creates_thread = creates_sync
