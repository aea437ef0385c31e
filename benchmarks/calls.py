"""What calls cost, one after another or so many at once, after some that warm up."""

import asyncio
import inspect
import time

from . import wire


WARM_CALLS = 20
WARM_CHUNKS = 200


def calls(case, size, contender, url):
    """Return CPU microseconds for each chunk, or for each call that has none."""
    operate = getattr(contender, case.does)
    if inspect.iscoroutinefunction(operate):
        return asyncio.run(timed_async(case, size, contender, url))
    return timed_sync(case, size, contender, url)


async def timed_async(case, size, contender, url):
    """Time a coroutine function, called by one task or by many."""
    operate = getattr(contender, case.does)
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
    """Time a function."""
    operate = getattr(contender, case.does)
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
    """Return what to ask for before the clock runs: many calls, or a short stream."""
    chunks = min(WARM_CHUNKS, max(size.chunks // 10, 10))
    return [answer(case, chunks)] * min(WARM_CALLS, size.calls)


def answer(case, chunks):
    """Return the name of the model that gives the case's answer."""
    model = f"{case.kind}-{chunks}" if case.unit == "us/chunk" else case.kind
    wire.length(model)  # is remembered, and costs nothing later
    return model


def check(seen, model):
    """Stop if the contender has not read everything."""
    if seen != wire.length(model):
        raise ValueError(f"{seen} of {wire.length(model)} characters of {model}")


def cost(began, size):
    """Return microseconds since then for each chunk of each call."""
    spent = time.process_time() - began
    return spent / (size.chunks * size.calls * size.at_once) * 1e6
