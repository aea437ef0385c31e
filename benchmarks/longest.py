"""
Measures how long floods of a server keep an event loop busy without a turn for others.

``python -m benchmarks longest`` prints a table: for each flood of `asi1.testing` and
each event loop, the most CPU time of the loop's thread between two turns of another
task, in milliseconds. The fake server runs in a thread of its own, whose CPU time does
not count; what Python's garbage collector takes does, and with ``--no-gc`` it is off.
"""

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import json
import subprocess
import sys
import time

import asi1

from asi1.testing import FAULTS, Data, FakeASI1, Head, Reset

from .runs import environment


KEY = "any-key-of-the-benchmark"
LOOPS = ("asyncio", "uvloop", "trio")
# The floods and other large replies, larger than the faults are by default.
FLOODS = {
    "flood_choices": {"count": 1000},
    "flood_chunks": {"count": 200_000},
    "flood_comments": {"count": 200_000},
    "flood_empty_data": {"count": 200_000},
    "flood_ids": {"count": 200_000},
    "flood_lines": {"count": 50_000},
    "flood_members": {"count": 50_000},
    "flood_tool_call_events": {"count": 20_000},
    "flood_tool_calls": {"count": 20_000},
    "giant_event": {"mib": 15},
}
# Replies that break off, each with its text, in which the API key is searched for.
_ESCAPES = '{"path": "C:\\\\temp", "query": "%41&amp;"}\n'
BROKEN = {
    "broken_text": "The quick brown fox jumps over the lazy dog. ",
    "broken_escapes": _ESCAPES,
    "broken_echo": f"{_ESCAPES * 1000}any-key-of-the-benchmark",
}
MIB_OF_BROKEN = 13
# Replies of one large event whose text is this piece, as JSON, again and again.
GIANT = {
    "giant_surrogates": r"\ud83d",
    "giant_surrogates_in_text": r"The quick brown fox \ud83d jumps. ",
}
MIB_OF_GIANT = 15
WAYS = ("stream", "create", "to_sse", "snapshot")


class Watch:
    """A task that takes each turn it gets, and notes the longest time between two."""

    def __init__(self):
        self.longest = 0.0
        self.stopped = False

    async def run(self, turn):
        """Take turns until `stopped`; *turn* lets all other tasks run once."""
        last = time.thread_time()
        while not self.stopped:
            await turn()
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now


async def read(client, way):
    """Make one call, and read its answer in the named way."""
    chat = client.chat.completions
    if way == "create":
        await chat.create(messages="Hi")
        return
    async with chat.stream(messages="Hi") as stream:
        if way == "stream":
            await stream.get_final_completion()
        elif way == "to_sse":
            async for _ in stream.to_sse():
                pass
        else:
            async for _ in stream:
                if not stream.snapshot().choices:
                    break


async def measure(turn, start, fault, way):
    """Return the longest stretch in milliseconds while a reply with *fault* is read."""
    watch = Watch()
    with FakeASI1() as fake:
        async with asi1.AsyncASI1(KEY, fake.base_url) as client:
            await read(client, way)  # what is loaded once does not count
            _script(fake, fault)
            async with start() as group:
                _begin(group, watch.run, turn)
                try:
                    with contextlib.suppress(asi1.StreamInterruptedError):
                        await read(client, way)
                finally:
                    watch.stopped = True
    return watch.longest * 1000


def _script(fake, fault):
    head = Head(200, (("content-type", "text/event-stream"),))
    if fault in GIANT:
        piece = GIANT[fault]
        text = piece * (MIB_OF_GIANT * 1024 * 1024 // len(piece))
        choice = f'{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":"stop"}}'
        fake.play(head, Data(f'data: {{"choices":[{choice}]}}\n\n'.encode()))
        return
    if fault not in BROKEN:
        fake.fault(fault, times=None, **FLOODS.get(fault, {}))
        return
    piece = BROKEN[fault]
    piece *= 16 * 1024 // len(piece) + 1
    event = {"choices": [{"index": 0, "delta": {"content": piece}}]}
    data = Data(f"data: {json.dumps(event)}\n\n".encode())
    fake.play(head, *[data] * (MIB_OF_BROKEN * 1024 * 1024 // len(piece)), Reset())


def _begin(group, run, turn):
    if isinstance(group, asyncio.TaskGroup):
        group.create_task(run(turn))
    else:
        group.start_soon(run, turn)


def one(loop, fault, way):
    """Measure one value in this process."""
    if loop == "trio":
        import trio  # noqa: PLC0415 - one event loop for each process

        turn = trio.lowlevel.checkpoint
        return trio.run(measure, turn, trio.open_nursery, fault, way)
    coroutine = measure(lambda: asyncio.sleep(0), asyncio.TaskGroup, fault, way)
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - one event loop for each process

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(coroutine)
    return asyncio.run(coroutine)


def child(loop, fault, way, *, collect=True):
    """Measure one value in a new process; return it as text for the table."""
    if loop != "asyncio" and importlib.util.find_spec(loop) is None:
        return "-"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.longest", loop, fault, way),
            *([] if collect else ["--no-gc"]),
        ],
        capture_output=True,
        check=False,
        env=environment(),
        text=True,
        timeout=300,
    )
    if done.returncode:
        return "fails"
    return f"{json.loads(done.stdout.splitlines()[-1]):.1f}"


def main(floods=None, ways=WAYS, say=print, *, collect=True):
    """Print the table; each row is one flood, read in one way."""
    say(f"| flood | read by | {' | '.join(LOOPS)} |")
    say(f"| --- | --- |{' ---: |' * len(LOOPS)}")
    for fault in floods or (*FLOODS, *BROKEN, *GIANT):
        for way in ways:
            cells = " | ".join(
                child(loop, fault, way, collect=collect) for loop in LOOPS
            )
            say(f"| {fault} | {way} | {cells} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("fault", choices=sorted((*FAULTS, *BROKEN, *GIANT)))
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--no-gc", action="store_true")
    given = parser.parse_args()
    if given.no_gc:
        gc.disable()
    print(json.dumps(one(given.loop, given.fault, given.way)))
