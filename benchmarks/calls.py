"""Measures the cost of calls, sequential or concurrent, after some to warm up."""

import asyncio
import inspect
import time

from . import wire
from .contenders import function


WARM_CALLS = 20
WARM_CHUNKS = 200


def calls(case, size, contender, url):
    """Return the CPU microseconds per chunk, or per call if it is not streamed."""
    operate = function(contender, case.operation)
    if inspect.iscoroutinefunction(operate):
        return asyncio.run(timed_async(case, size, contender, url))
    return timed_sync(case, size, contender, url)


async def timed_async(case, size, contender, url):
    """Time a coroutine function, called by one task or by several at once."""
    operate = function(contender, case.operation)
    messages = wire.conversation(case.messages)

    async def call(client, model):
        check(await operate(client, model, messages), model)

    async def calls_at_once(client, model):
        if size.at_once == 1:
            await call(client, model)
        else:
            await asyncio.gather(*(call(client, model) for _ in range(size.at_once)))

    connections = None if size.at_once == 1 else size.at_once
    async with contender.async_client(url, connections) as client:
        for model in warming(case, size):
            await calls_at_once(client, model)
        model = answer(case, size.chunks)
        began = time.process_time()
        for _ in range(size.calls):
            await calls_at_once(client, model)
        return cost(began, size)


def timed_sync(case, size, contender, url):
    """Time a blocking function."""
    operate = function(contender, case.operation)
    messages = wire.conversation(case.messages)
    with contender.sync_client(url) as client:
        for model in warming(case, size):
            check(operate(client, model, messages), model)
        model = answer(case, size.chunks)
        began = time.process_time()
        for _ in range(size.calls):
            check(operate(client, model, messages), model)
        return cost(began, size)


def warming(case, size):
    """Return the models to call before the clock starts: many, or one short stream."""
    chunks = min(WARM_CHUNKS, max(size.chunks // 10, 10))
    return [answer(case, chunks)] * min(WARM_CALLS, size.calls)


def answer(case, chunks):
    """Return the name of the model whose answer the case reads."""
    model = case.kind if case.kind in wire.WHOLE else f"{case.kind}-{chunks}"
    wire.length(model)  # cached now, so that the measurement does not include it
    return model


def check(seen, model):
    """Raise if the contender has not read, or written, the whole answer."""
    if isinstance(seen, bytes):
        seen = wire.written(seen)
    if seen != wire.length(model):
        total = wire.length(model)
        raise ValueError(f"only {seen} of {total} characters of {model} were read")


def cost(began, size):
    """Return the CPU microseconds since *began*, per chunk of each call."""
    spent = time.process_time() - began
    return spent / (size.chunks * size.calls * size.at_once) * 1e6
