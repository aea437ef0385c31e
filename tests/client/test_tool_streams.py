"""
Streamed tool calls, split at every position and in the formats of various servers: the
tool runs once, with the same arguments. A call that ends too early never runs.
"""

from __future__ import annotations

import itertools
import json

import pytest

import asi1

from asi1.testing import Close, Data

from ..support.pairs import LOOPS
from ..support.talk import DONE, SSE, Event
from ..support.tool_answers import call_of


pytestmark = pytest.mark.virtual_time

# Arguments with an escape, a character of two UTF-16 halves and one of several bytes.
ARGUMENTS = r'{"t": "\"\\é' + "\U0001f600" + '}", "n": 12}'
VALUES = ('"\\é\U0001f600}', 12)
OTHER = '{"t": "", "n": 0}'


class Notes:
    """Tools that record the arguments with which they were run."""

    def __init__(self):
        self.runs = []

    async def note(self, t: str, n: int):
        self.runs.append((t, n))
        return "ok"

    async def other(self, t: str, n: int):
        self.runs.append(("other", t, n))
        return "ok"

    async def refresh(self):
        self.runs.append(())
        return "ok"


def halves(text):
    """Return *text* with surrogates, as servers cut it between UTF-16 code units."""
    units = text.encode("utf-16-le")
    return "".join(
        chr(int.from_bytes(units[at : at + 2], "little"))
        for at in range(0, len(units), 2)
    )


UNITS = halves(ARGUMENTS)


def delta(*parts, finish=None):
    choice = {"index": 0, "delta": {"tool_calls": list(parts)} if parts else {}}
    return {"id": "x", "choices": [choice | {"finish_reason": finish}]}


def part(arguments, index=0, **more):
    return {"index": index, "function": {"arguments": arguments}, **more}


def head(call="a", name="note", arguments="", index=0):
    return {"index": index, **call_of(call, name, arguments)}


def streamed(*chunks, finish="tool_calls"):
    return [SSE, Event(*chunks, delta(finish=finish)), DONE]


def each_other(cuts, backend):
    """Return every second one of *cuts*; the tests on the other event loop get the
    rest.
    """
    return itertools.islice(cuts, LOOPS.index(backend), None, 2)


async def run_of(client, **options):
    """
    Read a run to its end; return the arguments of the tools that ran, and the run.
    """
    notes = Notes()
    tools = [notes.note, notes.other, notes.refresh]
    given = {"messages": "Go", "tools": tools, "stream": True, **options}
    async with client.chat.completions.run_tools(**given) as run:
        await run.until_done()
    return notes.runs, run


async def ran(fake, client, *steps):
    """Return the arguments of the tools that ran, for an answer sent by *steps*."""
    fake.play(*steps)
    fake.reply("Done.")
    runs, _ = await run_of(client)
    return runs


@pytest.mark.system
async def test_tool_call_cut_into_two_or_three_deltas_runs_once(
    fake, fake_client, anyio_backend_name
):
    """
    However the arguments of a streamed call are cut into two or three deltas, even in
    the middle of a character, the tool runs once, with the same arguments.
    """
    cuts = itertools.combinations_with_replacement(range(len(UNITS) + 1), 2)
    for one, two in each_other(cuts, anyio_backend_name):
        pieces = UNITS[:one], UNITS[one:two], UNITS[two:]
        chunks = [delta(head()), *(delta(part(piece)) for piece in pieces)]

        assert [VALUES] == await ran(fake, fake_client, *streamed(*chunks))


@pytest.mark.system
async def test_tool_call_whose_events_arrive_in_pieces_runs_once(
    fake, fake_client, anyio_backend_name
):
    """
    However the network cuts the bytes of the stream, the tool runs once.
    """
    before, done = [SSE, Event(delta(head()))], DONE
    event = json.dumps(delta(part(ARGUMENTS), finish="stop"), ensure_ascii=False)
    body = f"data: {event}\n\n".encode()

    for cut in each_other(range(1, len(body)), anyio_backend_name):
        steps = *before, Data(body[:cut]), Data(body[cut:]), done

        assert [VALUES] == await ran(fake, fake_client, *steps)


@pytest.mark.system
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "length", "LENGTH", None])
@pytest.mark.parametrize("stream", [True, False])
async def test_tool_call_that_ends_too_early_never_runs(
    fake, fake_client, stream, finish
):
    """
    If the arguments of a tool call are cut off anywhere, the tool does not run,
    whatever the finish reason is. With the reason "length" it does not run even with
    complete arguments. The model reads why.
    """
    for end in range(len(UNITS) + 1):
        text = UNITS[:end]
        if stream:
            fake.play(*streamed(delta(head()), delta(part(text)), finish=finish))
        else:
            message = {"role": "assistant", "tool_calls": [head(arguments=text)]}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            fake.reply_json(json.dumps({"id": "x", "choices": [choice]}).encode())
        fake.reply("Done.")

        runs, run = await run_of(fake_client, stream=stream)

        is_whole = end == len(UNITS) and (finish or "").lower() != "length"
        assert ([VALUES] if is_whole else []) == runs
        (ended,) = (s for s in run.steps if isinstance(s, asi1.ToolEndedStep))
        assert (not is_whole) == ended.failed
        sent = fake.requests[-1].json["messages"][-1]
        assert ("tool", "a", ended.content) == tuple(
            sent[key] for key in ("role", "tool_call_id", "content")
        )


@pytest.mark.parametrize("finish", ["length", "max_tokens", "content_filter"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("text", ["", "{}"])
async def test_tool_call_without_parameters_does_not_run_in_a_truncated_answer(
    fake, fake_client, stream, finish, text
):
    """
    Even a call that needs no arguments does not run if its answer was cut off.
    """
    call = head(name="refresh", arguments=text)
    if stream:
        fake.play(*streamed(delta(call), finish=finish))
    else:
        message = {"role": "assistant", "tool_calls": [call]}
        fake.reply_json({"choices": [{"message": message, "finish_reason": finish}]})
    fake.reply("Done.")

    runs, run = await run_of(fake_client, stream=stream)

    assert [] == runs
    assert "cut off" in fake.requests[-1].json["messages"][-1]["content"]
    assert "Done." == run.answer.text


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([Close()], id="closed"),
        pytest.param([], id="ended"),
        pytest.param([Event({"error": {"message": "overloaded"}})], id="error"),
    ],
)
async def test_tool_call_of_a_stream_that_breaks_never_runs(fake, fake_client, steps):
    """
    If the stream breaks before its finish reason, its calls do not run, and the run
    ends with the stream's error.
    """
    fake.play(SSE, Event(delta(head()), delta(part(ARGUMENTS))), *steps)
    notes = Notes()
    run = fake_client.chat.completions.run_tools(
        "Go", tools=[notes.note], stream=True, max_rounds=3
    )

    with pytest.raises(asi1.StreamError):
        await run.until_done()

    assert [] == notes.runs
    assert () == run.steps


def without_index(part):
    return {key: value for key, value in part.items() if key != "index"}


FIRST, SECOND = UNITS[:9], UNITS[9:]
ALONE = {
    "whole": [[head(arguments=ARGUMENTS)]],
    "head-and-rest": [[head(arguments=FIRST)], [part(SECOND)]],
    "no-index": [[without_index(head())], [without_index(part(ARGUMENTS))]],
    "no-index-but-ids": [
        [without_index(head(arguments=FIRST))],
        [without_index(part(SECOND, id="a"))],
    ],
    "index-of-digits": [[head(index="0")], [part(ARGUMENTS, index="0")]],
    "index-5": [[head(index=5)], [part(ARGUMENTS, index=5)]],
    "index-null": [[head(index=None)], [part(ARGUMENTS, index=None)]],
    "name-in-each": [[head(arguments=FIRST)], [head(arguments=SECOND)]],
    "name-in-each-with-new-ids": [
        [head(arguments=FIRST)],
        [head("b", arguments=SECOND)],
    ],
    "new-id-in-each": [[head(arguments=FIRST)], [part(SECOND, id="b")]],
    "id-empty-later": [[head(arguments=FIRST)], [part(SECOND, id="")]],
    "id-null-later": [[head(arguments=FIRST)], [part(SECOND, id=None)]],
    "id-late": [[head(None)], [part(FIRST, id="a")], [part(SECOND)]],
    "empty-object-first": [[head(arguments="{}")], [part(ARGUMENTS)]],
    "repeated-at-the-end": [[head()], [part(ARGUMENTS)], [head(arguments=ARGUMENTS)]],
    "arguments-as-object": [[head(arguments=json.loads(ARGUMENTS))]],
    "two-parts-in-a-chunk": [[head(arguments=FIRST), part(SECOND)]],
    "empty-parts": [[head()], [part("")], [part(ARGUMENTS)], [part("")], []],
    "arguments-null": [[head(arguments=None)], [part(None)], [part(ARGUMENTS)]],
    "args-of-agents": [
        [{"id": "a", "tool_name": "note", "args": json.loads(ARGUMENTS)}]
    ],
}


@pytest.mark.system
@pytest.mark.parametrize("parts", ALONE.values(), ids=ALONE)
async def test_tool_call_in_the_format_of_each_server_runs_once(
    fake, fake_client, parts
):
    """
    Servers differ in how they number and name the parts of a call; the tool runs once,
    with all arguments.
    """
    chunks = [delta(*each) for each in parts]

    assert [VALUES] == await ran(fake, fake_client, *streamed(*chunks))


PAIRS = {
    "one-after-another": [
        [head()],
        [part(ARGUMENTS)],
        [head("b", "other", index=1)],
        [part(OTHER, 1)],
    ],
    "interleaved": [
        [head(), head("b", "other", index=1)],
        [part(FIRST), part(OTHER[:4], 1)],
        [part(OTHER[4:], 1), part(SECOND)],
    ],
    "whole-in-one-chunk": [
        [head(arguments=ARGUMENTS), head("b", "other", OTHER, index=1)]
    ],
    "whole-in-one-chunk-with-one-index": [
        [head(arguments=ARGUMENTS), head("b", "other", OTHER)]
    ],
    "one-index-for-both": [
        [head()],
        [part(ARGUMENTS)],
        [head("b", "other")],
        [part(OTHER)],
    ],
    "no-index": [
        [without_index(head())],
        [without_index(part(ARGUMENTS))],
        [without_index(head("b", "other"))],
        [without_index(part(OTHER))],
    ],
    "no-index-no-id": [
        [{"function": {"name": "note", "arguments": FIRST}}],
        [{"function": {"arguments": SECOND}}],
        [{"function": {"name": "other", "arguments": OTHER}}],
    ],
    "one-id-for-both": [
        [head()],
        [part(ARGUMENTS)],
        [head("a", "other", index=1)],
        [part(OTHER, 1)],
    ],
}


@pytest.mark.parametrize("parts", PAIRS.values(), ids=PAIRS)
async def test_two_tool_calls_in_the_format_of_each_server_run_once_each(
    fake, fake_client, parts
):
    """
    The parts of two calls are told apart, however the server numbers them; each tool
    runs once, and each result has the id of its call.
    """
    chunks = [delta(*each) for each in parts]

    runs = await ran(fake, fake_client, *streamed(*chunks))

    assert [("other", "", 0), VALUES] == sorted(runs, key=len, reverse=True)
    answer, *results = fake.requests[-1].json["messages"][1:]
    ids = [call["id"] for call in answer["tool_calls"]]
    assert ids == [result["tool_call_id"] for result in results]
    assert 2 == len(set(ids))


async def test_neither_of_two_calls_runs_if_the_length_limit_cuts_off_the_second(
    fake, fake_client
):
    """
    If the finish reason "length" cuts an answer off in its last call, the complete
    calls before it do not run either: each has an error as its result.
    """
    cut = [head("b", "other", OTHER[:5], index=1)]
    fake.play(*streamed(delta(head(arguments=ARGUMENTS)), delta(*cut), finish="length"))
    fake.reply("Done.")

    runs, run = await run_of(fake_client)

    assert [] == runs
    ended = [step for step in run.steps if isinstance(step, asi1.ToolEndedStep)]
    assert [("a", True), ("b", True)] == [(s.call.id, s.failed) for s in ended]


async def test_tool_call_with_truncated_arguments_does_not_stop_another_call(
    fake, fake_client
):
    """
    If the finish reason is "tool_calls", a call with truncated arguments does not run,
    but a complete call does.
    """
    cut = [head("b", "other", OTHER[:5], index=1)]

    runs = await ran(
        fake, fake_client, *streamed(delta(head(arguments=ARGUMENTS)), delta(*cut))
    )

    assert [VALUES] == runs
    *_, whole, refused = fake.requests[-1].json["messages"]
    assert ("a", "ok") == (whole["tool_call_id"], whole["content"])
    assert "cut off" in refused["content"]
