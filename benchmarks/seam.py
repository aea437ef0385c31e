"""
Measures what the seam of the hooks costs a call of a client without hooks.

``python -m benchmarks seam`` counts how often one call of `create` executes a line that
asks whether there are hooks, measures what such a line costs, and divides by the CPU
time of the whole call. A difference of two runs of `create`, with the lines and without
them, would be smaller than the noise of either.
"""

import asyncio
import linecache
import re
import statistics
import sys
import time
import timeit

import asi1

from asi1.testing import FakeASI1


_LINE = re.compile(r"\b_?(hooks|watch) is (not )?None|\breader\.watch\b")
_CALLS = 300
_RUNS = 7


class _Owner:
    """An object with an attribute that is None, as a call without hooks has it."""

    __slots__ = ("part",)

    def __init__(self, part=None):
        self.part = part


async def lines_of(client):
    """Return how many lines of the seam one call executes, and where they are."""
    seen = []

    def trace(frame, event, _):
        name = frame.f_code.co_filename
        if event == "line" and "asi1" in name:
            line = linecache.getline(name, frame.f_lineno)
            if _LINE.search(line):
                seen.append((name, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        await client.chat.completions.create(messages="Hi")
    finally:
        sys.settrace(None)
    return seen


async def cost_of_call(client):
    """Return the CPU seconds of one call, without those of the fake's thread."""
    costs = []
    for _ in range(_RUNS):
        began = time.thread_time()
        for _ in range(_CALLS):
            await client.chat.completions.create(messages="Hi")
        costs.append((time.thread_time() - began) / _CALLS)
    return statistics.median(costs)


def cost_of_line():
    """Return the seconds of a line that looks up two attributes and finds None."""
    names = {"owner": _Owner(_Owner())}
    times = timeit.repeat(
        "if owner.part.part is not None: pass", globals=names, repeat=_RUNS
    )
    return statistics.median(times) / 1_000_000


async def measure(base_url):
    """Return the lines of the seam in a call, the cost of each, and that of a call."""
    async with asi1.AsyncASI1("any-key-of-the-benchmark", base_url) as client:
        for _ in range(20):  # what is loaded once does not count
            await client.chat.completions.create(messages="Hi")
        seen = await lines_of(client)
        return len(seen), cost_of_line(), await cost_of_call(client)


def main(say=print):
    """Print the share of the seam in a call; return it in per cent."""
    with FakeASI1() as fake:
        fake.reply("Hello", times=None)
        count, line, call = asyncio.run(measure(fake.base_url))
    share = 100 * count * line / call
    say(f"{count} lines of {line * 1e9:.0f} ns, in a call of {call * 1e6:.0f} us CPU")
    say(f"{share:.3f} % of a call")
    return share
