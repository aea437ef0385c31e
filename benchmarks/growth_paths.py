"""
The paths of `benchmarks.growth`: what asi1 does with an input of a given size.

A path is an async generator function of the size and the server's URL. What it does
before its only ``yield`` is not measured.
"""

import contextlib
import tempfile

from dataclasses import dataclass
from pathlib import Path

import asi1

from asi1.testing import cassette

from . import wire
from .calls import check
from .contenders import asi1 as ours


WARM = 20  # the size before the clock
TIMES = 5  # how often a path that is short is taken
MESSAGES = wire.conversation(1)


@dataclass(frozen=True)
class Grown:
    """What doubles, the smallest size, and the function."""

    what: str
    size: int
    run: object


PATHS = {}


def path(name, what, size):
    """Return a decorator that adds a path to the table."""

    def added(run):
        PATHS[name] = Grown(what, size, run)
        return run

    return added


def same(seen, expected):
    """Raise if asi1 has not done what it was asked."""
    if seen != expected:
        raise ValueError(f"{seen} instead of {expected}")


def answered(name, what, size, kind, operation):
    """Add a path that reads one answer of the server."""

    @path(name, what, size)
    async def run(n, url):
        operate = getattr(ours, operation)
        async with ours.async_client(url) as client:
            model = f"{kind}-{n}"
            wire.length(model)
            check(await operate(client, f"{kind}-{WARM}", MESSAGES), f"{kind}-{WARM}")
            yield
            check(await operate(client, model, MESSAGES), model)


answered("events", "events of a stream", 10_000, "whole", "stream_async")
answered("events-burst", "each in an HTTP chunk", 8000, "burst", "stream_async")
answered("events-single", "the same, each in a write", 2000, "single", "stream_async")
answered("events-choices", "the same, read by choices", 8000, "whole", "choices_async")
answered("final", "the same, then the whole answer", 10_000, "whole", "final_async")
answered("to-sse", "the same, written for a browser", 8000, "whole", "to_sse_async")
answered("tool-pieces", "pieces of one tool call", 8000, "tool", "tools_async")
answered("tool-calls", "tool calls, in turn", 1000, "calls", "tools_async")
answered("tool-calls-row", "tool calls, one by one", 1000, "calls_row", "tools_async")
answered("event-bytes", "KiB of an event", 1000, "event", "stream_async")
answered("answer-bytes", "KiB of an answer", 1000, "body", "create_async")
answered("parse", "objects in an answer", 200, "objects", "parse_async")


def worked(name, what, size):
    """Return a decorator for a path that is a function of a client and the size."""

    def added(work):
        @path(name, what, size)
        async def run(n, url):
            async with ours.async_client(url) as client:
                await work(client, WARM)
                yield
                await work(client, n)

        return run

    return added


def reading(client, model):
    """Return a stream."""
    return client.chat.completions.stream(model=model, messages=MESSAGES)


@worked("choices", "choices of an event", 100)
async def choices(client, n):
    for _ in range(TIMES):
        async with reading(client, f"wide-{n}") as stream:
            answer = await stream.get_final_completion()
        same(len(answer.choices), n)


@worked("final-calls", "tool calls of a whole answer", 1000)
async def final_calls(client, n):
    async with reading(client, f"calls-{n}") as stream:
        answer = await stream.get_final_completion()
    same(len(answer.choices[0].message.tool_calls), n)


@worked("snapshots", "events, a snapshot after each", 1000)
async def snapshots(client, n):
    seen = 0
    async with reading(client, f"whole-{n}") as stream:
        async for _ in stream:
            seen = len(stream.snapshot().text)
    same(seen, wire.length(f"whole-{n}"))


@worked("map", "prompts of `map`", 200)
async def mapped(client, n):
    prompts = [f"How deep do {number} otters dive?" for number in range(n)]
    answers = client.chat.completions.map(prompts, model="small")
    same(len([answer async for answer in answers]), n)


@path("messages", "messages of a request", 1000)
async def messages(n, url):
    async with ours.async_client(url) as client:
        many = wire.conversation(n)
        await ours.create_async(client, "small", MESSAGES)
        yield
        for _ in range(TIMES):
            await ours.create_async(client, "small", many)


@path("turn", "messages before a turn", 1000)
async def turn(n, url):
    async with ours.async_client(url) as client:
        past = wire.conversation(n + 1)
        ask = await ours.turns_async(client, "small", past, wire.QUESTION)
        await ask()
        yield
        for _ in range(TIMES):
            await ask()


@path("saved", "messages of a saved conversation", 2000)
async def saved(n, url):
    async with ours.async_client(url) as client:
        first = client.conversation(messages=wire.conversation(WARM))
        client.conversation(saved=first.to_json())
        many = wire.conversation(n)
        yield
        text = client.conversation(messages=many).to_json()
        same(len(client.conversation(saved=text).messages), n)


@path("summarise", "messages that a turn summarises", 500)
async def summarise(n, url):
    async with ours.async_client(url) as client:

        def talk(count):
            many = wire.conversation(count)
            policy = asi1.Summarise(1000)
            return client.conversation(model="small", messages=many, context=policy)

        await talk(WARM).ask(wire.QUESTION)
        long = talk(n)
        yield
        await long.ask(wire.QUESTION)


def fitted(name, what, size, policy):
    """Add a path that cuts a history to half its size."""

    def prepared(count):
        many = wire.conversation(2 * count - 1)
        return many, policy(asi1.TokenEstimator().count(many) // 2)

    @path(name, what, size)
    async def run(n, _url):
        many, limited = prepared(WARM)
        limited.fit(many)
        many, limited = prepared(n)
        yield
        same(0 < len(limited.fit(many)) < len(many), True)


fitted("keep-newest", "turns cut by `KeepNewest`", 2000, asi1.KeepNewest)
fitted("least-relevant", "by `DropLeastRelevant`", 2000, asi1.DropLeastRelevant)
fitted(
    "policies",
    "by both, and no model for `Summarise`",
    1000,
    lambda budget: (
        asi1.DropLeastRelevant(2 * budget) | asi1.Summarise(budget) | asi1.KeepNewest()
    ),
)


def lines(count):
    """Return the lines of a batch."""
    body = {"model": "small", "messages": MESSAGES}
    place = {"method": "POST", "url": "/v1/chat/completions"}
    return [{"custom_id": f"{n}", **place, "body": body} for n in range(count)]


@path("batch", "lines of a batch", 200)
async def batch(n, url):
    with tempfile.TemporaryDirectory() as folder:
        async with ours.async_client(url) as client:
            await client.batch(lines(WARM), Path(folder, "warm"))
            yield
            done = await client.batch(lines(n), Path(folder, "answers"))
            same(done.done, n)


@path("batch-again", "lines of a batch that is done", 200)
async def batch_again(n, url):
    with tempfile.TemporaryDirectory() as folder:
        async with ours.async_client(url) as client:
            output = Path(folder, "answers")
            await client.batch(lines(n), output)
            yield
            for _ in range(TIMES):
                done = await client.batch(lines(n), output)
            same(done.done, n)


async def ask_each(client, count, *, repeat=False):
    """Ask *count* questions, different ones or the same."""
    for number in range(count):
        await client.chat.completions.create(
            model="small",
            messages=f"How deep do {0 if repeat else number} otters dive?",
        )


def taped(name, what, size, *, repeat):
    """Add a path that replays recorded answers."""

    @path(name, what, size)
    async def run(n, url):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "tape.jsonl")
            with cassette(file, "record") as tape:
                async with ours.AsyncASI1("k", f"{url}/v1", transport=tape) as client:
                    await ask_each(client, n, repeat=repeat)
            yield
            with cassette(file, "replay") as tape:
                async with ours.AsyncASI1("k", f"{url}/v1", transport=tape) as client:
                    await ask_each(client, n, repeat=repeat)


taped("cassette", "requests of a cassette", 200, repeat=False)
taped("cassette-same", "the same request, recorded so often", 200, repeat=True)


@path("cache", "requests, all in the cache the second time", 200)
async def cache(n, url):
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(asi1.SQLiteCache(Path(folder, "cache"))) as kept,
    ):
        async with ours.AsyncASI1("k", f"{url}/v1", cache=kept) as client:
            await client.chat.completions.create(model="small", messages="Hi")
            yield
            for _ in range(2):
                await ask_each(client, n)
