"""If the process of a tool run is killed, no tool runs twice for one call."""

from __future__ import annotations

import json
import random
import signal

from collections import Counter
from contextlib import contextmanager

import anyio
import pytest

import asi1

from ...support.scripted_model import ScriptedModel, call, tool_results
from .programs import ended, start


SEEDS = 32
UNKNOWN = "it is not known whether it took effect"


class Killed(Exception):  # noqa: N818 - it is the end of a process, not an error
    """Stands for the end of the process: no code after it runs."""


class Journal:
    """
    A journal whose process is killed while the journal writes a line.

    Attributes:
        lines: The lines that all processes have written; the last may be incomplete.
        left: How many more lines are written before the kill; None for no kill.
        torn: The share of the next line that is written before the kill.
    """

    def __init__(self, lines, left=None, torn=0.0):
        self.lines = lines
        self.left = left
        self.torn = torn

    def __call__(self, line):
        if self.left == 0:
            beginning = line[: int(self.torn * len(line))]
            self.lines += [beginning] if beginning else []
            raise Killed
        if self.left is not None:
            self.left -= 1
        self.lines.append(line)


class Tools:
    """Tools that count how often they ran, by the number that each call has."""

    def __init__(self):
        self.ran = Counter()
        self.running = 0
        self.overlaps = []

    def tools(self):
        @contextmanager
        def running():
            self.running += 1
            try:
                yield
            finally:
                self.running -= 1

        async def parallel(number: int):
            self.ran[number] += 1
            with running():
                for _ in range(number % 3):
                    await anyio.lowlevel.checkpoint()
            return number

        async def alone(number: int):
            self.overlaps.append(self.running)
            with running():
                return await parallel(number)

        async def failing(number: int):
            self.ran[number] += 1
            raise ValueError(number)

        return [parallel, asi1.tool(alone, serial=True), failing]


def random_rounds(rng):
    """Return the calls of a few answers; some cannot run, some repeat another call."""
    made, rounds = [], []
    for _ in range(rng.randint(1, 3)):
        calls = []
        for _ in range(rng.randint(1, 4)):
            number = len(made)
            name = rng.choice(["parallel", "parallel", "alone", "failing", "unknown"])
            one = call(f"call {number}", name, number=number)
            if made and rng.random() < 0.15:
                one = rng.choice(made)
            made.append(one)
            calls.append(one)
        rounds.append(calls)
    return rounds


async def live(model, tools, journal):
    """
    Begin a run, or resume that of *journal*; return its result, or None if the run
    was killed.
    """
    saved = list(journal.lines)
    async with model.client() as client:
        completions = client.chat.completions
        options = {"tools": tools.tools(), "journal": journal, "max_rounds": 20}
        try:
            run = completions.resume_tools(saved, **options)
        except asi1.ArgumentError:  # not even the first line is whole
            assert len(saved) <= 1
            journal.lines.clear()
            run = completions.run_tools("Hi", **options)
        else:
            journal.lines[:] = [line for line in saved if is_whole(line)]
        async with run:
            try:
                return await run.until_done()
            except Killed:
                return None


def is_whole(line):
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


async def lines_of(rounds):
    journal = Journal([])
    result = await live(ScriptedModel(*rounds), Tools(), journal)
    assert "done" == result.text
    return len(journal.lines)


def check(rounds, tools, result):
    """Check that each call has one result, and ran once unless its end is unknown."""
    assert "done" == result.text
    assert not [number for number, count in tools.ran.items() if count > 1]
    assert not any(tools.overlaps)
    results = dict(tool_results(result.messages))
    runnable = {
        each["id"]: json.loads(each["function"]["arguments"])["number"]
        for calls in rounds
        for each in calls
        if each["function"]["name"] != "unknown"
    }
    assert set(results) >= set(runnable)
    for key, number in runnable.items():
        if UNKNOWN not in results[key]:
            assert 1 == tools.ran[number]
            assert str(number) in results[key]


async def kill_points(seed):
    """Yield the moments at which the run of *seed* is killed."""
    rng = random.Random(seed)
    rounds = random_rounds(rng)
    for place in range(await lines_of(rounds)):
        for torn in (0.0, rng.uniform(0.01, 0.99), 1.0):
            yield rng, rounds, place, torn


async def test_runs_are_killed_at_more_than_a_thousand_moments():
    """The test below kills runs at more than 1,000 different moments in all."""
    points = [point for seed in range(SEEDS) async for point in kill_points(seed)]

    assert 1000 < len(points)


@pytest.mark.parametrize("part", range(8))
async def test_no_tool_runs_twice_for_a_call_wherever_the_process_is_killed(part):
    """
    A run is killed before, inside and after each line of its journal, and goes on in
    another client, which may be killed as well. No tool runs twice for one call, a call
    whose start is not in the journal runs once, and each run ends with an answer.
    """
    for seed in range(part, SEEDS, 8):
        async for rng, rounds, place, torn in kill_points(seed):
            tools, journal = Tools(), Journal([], place, torn)
            assert None is await live(ScriptedModel(*rounds), tools, journal)
            if rng.random() < 0.3:
                again = Journal(journal.lines, rng.randint(0, 5), rng.random())
                await live(ScriptedModel(*rounds), tools, again)
            last = Journal(journal.lines)
            check(rounds, tools, await live(ScriptedModel(*rounds), tools, last))


SCRIPT = """
import json, sqlite3

place, mode = PLACE, MODE
base = sqlite3.connect(os.path.join(place, "journal.db"), isolation_level=None)
base.execute("create table if not exists journal (line text)")
saved = [line for line, in base.execute("select line from journal order by rowid")]

def keep(line):
    base.execute("insert into journal values (?)", [line])

def effect(name):
    with open(os.path.join(place, "effects"), "a") as file:
        file.write(name + "\\n")

def pause(word):
    sys.stdout.write(word + "\\n")
    sys.stdout.flush()
    time.sleep(600)

@asi1.tool(serial=True)
def one():
    effect("one")
    if mode == "inside":
        pause("now")
    return "first"

@asi1.tool(serial=True)
def two():
    effect("two")
    return "second"

completions = client_of().chat.completions
options = dict(tools=[one, two], journal=keep)
run = (
    completions.resume_tools(saved, **options)
    if saved
    else completions.run_tools("Hi", **options)
)
for step in run:
    if mode == "between" and isinstance(step, asi1.ToolEndedStep):
        pause("now")
sys.stdout.write(run.until_done().text)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("mode", ["between", "inside"])
def test_run_whose_process_was_killed_goes_on_from_its_journal_in_sqlite(
    fake, tmp_path, mode
):
    """
    A process is killed between two tools, or inside the first tool, and another process
    goes on from the journal in SQLite. After a kill between the tools, each tool runs
    once. After a kill inside the first tool, this tool is not run again, and the model
    reads that its outcome is not known.
    """
    fake.reply("", tool_calls=[call("a", "one"), call("b", "two")])
    fake.reply("done")
    head = f"PLACE = {str(tmp_path)!r}; MODE = "

    process = start(fake, f"{head}{mode!r}\n{SCRIPT}")
    assert "now\n" == process.stdout.readline()
    process.kill()
    assert -signal.SIGKILL == ended(process)[0]
    code, out, err = ended(start(fake, f"{head}'go on'\n{SCRIPT}"))

    assert (0, "done", "") == (code, out, err)
    assert ["one", "two"] == (tmp_path / "effects").read_text().split()
    first, second = tool_results(fake.requests[1].json["messages"])
    assert ("b", "second") == second
    assert "a" == first[0]
    assert (mode == "inside") == (UNKNOWN in first[1])
