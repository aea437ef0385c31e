"""A `map` over very many prompts: its memory, its end, and how fair its calls are."""

from __future__ import annotations

import json
import os

from collections import Counter
from pathlib import Path

import anyio
import httpx
import pytest

import asi1


MIB = 1024 * 1024
# Number of prompts of the test below that measures memory. `nox -s soak` sets 200,000.
PROMPTS = int(os.environ.get("SOAK_PROMPTS", "600"))
# Bytes of one prompt. All prompts together have 160 MiB, four times the memory that the
# test allows.
SIZE = 160 * MIB // PROMPTS
STATUS = Path("/proc/self/status")


class Echo(httpx.AsyncBaseTransport):
    """A transport that answers with the prompt's first word, and keeps no requests."""

    def __init__(self, delay=0.0):
        self._delay = delay

    async def handle_async_request(self, request):
        await anyio.sleep(self._delay)
        prompt = json.loads(request.content)["messages"][-1]["content"]
        message = {"role": "assistant", "content": prompt.partition(" ")[0]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})


def client_of(**options):
    return asi1.AsyncASI1("k", "http://127.0.0.1:9", **options)


def memory():
    """Return the resident memory of this process in bytes."""
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not STATUS.exists(), reason="reads Linux's report about memory")
@pytest.mark.timeout(1800)  # seconds, for 200,000 prompts
async def test_memory_of_a_map_does_not_grow_with_its_prompts():
    """
    A `map` over very many prompts, with a budget, hooks and keys, holds at no time
    40 MiB more than at its start.
    """
    start, most, seen = 0, 0, Counter()
    hooks = asi1.Hooks(on_end=lambda _: seen.update(["end"]))
    async with client_of(transport=Echo(), hooks=hooks) as client:
        made = client.chat.completions.map(
            (f"{number} {'x' * SIZE}" for number in range(PROMPTS)),
            key=len,
            budget=asi1.Budget(requests=PROMPTS),
        )
        async for _ in made:
            seen["read"] += 1
            if seen["read"] == PROMPTS // 6:  # after all imports
                start = memory()
            elif start and seen["read"] % (PROMPTS // 60) == 0:
                most = max(most, memory() - start)

    assert Counter({"end": PROMPTS, "read": PROMPTS}) == seen
    assert most < 40 * MIB


@pytest.mark.virtual_time
async def test_map_of_a_thousand_calls_at_once_is_fair_and_stops_at_once():
    """
    A `map` over endless prompts with a thousand calls at once answers the first
    thousand prompts before the next thousand, and all its calls end less than a second
    after the reader was cancelled.
    """
    answered = []
    async with client_of(transport=Echo(delay=1)) as client:
        made = client.chat.completions.map(
            map(str, range(10**9)), concurrency=1000, ordered=False
        )
        with anyio.move_on_after(2.5):
            async for answer in made:
                answered.append(int(answer.text))  # noqa: PERF401 - cancelled loop
        stopped = anyio.current_time()
        await made.aclose()
        assert anyio.current_time() - stopped < 1
        assert not client._engine.tasks

    rounds = [sorted(answered[at : at + 1000]) for at in (0, 1000)]
    assert [list(range(1000)), list(range(1000, 2000))] == rounds
