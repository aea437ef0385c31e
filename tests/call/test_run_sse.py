"""`to_sse` of a run with tools: events, journal, pings, errors and cancellation."""

from __future__ import annotations

import gc
import json

from contextlib import aclosing

import anyio
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.browser import said, seen
from ..support.talk import in_process, until


CALLS = [
    {"name": "weather", "arguments": {"city": "Oslo"}},
    {"name": "pay", "arguments": {"amount": 3}},
]


def weather(city: str) -> str:
    return f"sunny in {city}"


@asi1.tool(needs_approval=True)
async def pay(amount: int) -> str:
    return f"paid {amount}"


TOOLS = (weather, pay)


@pytest.fixture
def fake():
    return FakeASI1(seed=1)


@pytest.fixture
async def client(fake):
    async with in_process(fake, max_retries=0) as client:
        yield client


def run_of(client, tools=TOOLS, **options):
    return client.chat.completions.run_tools("Hi", tools=tools, **options)


async def body_of(events):
    return b"".join([data async for data in events])


def calls_of(*names):
    return [{"name": name, "arguments": "{}"} for name in names]


def named(body):
    return [name for name, _ in seen(body)]


def lines_to(lines):
    """Return a journal that adds the name of each event to *lines*."""

    def journal(line):
        lines.append(next(iter(json.loads(line))))

    return journal


@pytest.mark.parametrize("stream", [False, True])
async def test_events_of_a_run_tell_its_calls_results_and_answers(fake, client, stream):
    """
    The events of a run are each answer's thoughts and text, a ``tool_call`` before each
    tool runs, a ``tool_result`` after it, and ``done`` with the last answer's data.
    With streaming, there are more events, whose texts add up to the same text.
    """
    fake.reply("Let me see.", thoughts=["Hm."], tool_calls=CALLS[:1], chunk_words=1)
    fake.reply("It is sunny.", chunk_words=1)

    run = run_of(client, stream=stream)
    body = await body_of(run.to_sse())

    events = seen(body)
    texts = [data["text"] for name, data in events if name == "text"]
    assert "Let me see.It is sunny." == said(body)
    assert (6 if stream else 2) == len(texts)
    (thought, call, result, last) = [each for each in events if each[0] != "text"]
    call_id = run.steps[1].call.id
    assert ("thought", {"text": "Hm."}) == thought
    assert (
        "tool_call",
        {
            "id": call_id,
            "name": "weather",
            "arguments": '{"city":"Oslo"}',
            "needs_approval": False,
        },
    ) == (call[0], {**call[1], "arguments": call[1]["arguments"].replace(" ", "")})
    assert (
        "tool_result",
        {"id": call_id, "name": "weather", "content": "sunny in Oslo", "failed": False},
    ) == result
    assert "done" == last[0]
    assert (run.answer.id, "stop", [], []) == tuple(
        last[1][key] for key in ("id", "finish_reason", "tool_calls", "pending")
    )
    assert run.answer.usage.total_tokens == last[1]["usage"]["total_tokens"]


async def test_pending_calls_are_the_last_events_before_done(fake, client):
    """
    A tool call that waits for an approval becomes an event ``tool_call`` with
    ``needs_approval`` true, after all other events; the event ``done`` lists its id.
    The events of the resumed run begin with this call, now with ``needs_approval``
    false, since its tool runs.
    """
    fake.reply("", tool_calls=CALLS[::-1])
    fake.reply("Paid.")

    run = run_of(client)
    body = await body_of(run.to_sse())
    (pending,) = run.pending
    rest = client.chat.completions.resume_tools(
        run.to_json(), tools=TOOLS, decisions={pending.id: True}
    )
    later = await body_of(rest.to_sse())

    assert ["tool_call", "tool_result", "tool_call", "done"] == named(body)
    assert [("weather", False), ("pay", True)] == [
        (data["name"], data["needs_approval"])
        for name, data in seen(body)
        if name == "tool_call"
    ]
    assert [pending.id] == seen(body)[-1][1]["pending"]
    assert ["tool_call", "tool_result", "text", "done"] == named(later)
    assert (pending.id, False) == tuple(
        seen(later)[0][1][key] for key in ("id", "needs_approval")
    )
    assert "paid 3" == seen(later)[1][1]["content"]


async def test_call_that_must_not_run_has_only_a_failed_result(fake, client):
    """
    A call of an unknown tool, or a call whose arguments do not fit the tool, has only
    an event ``tool_result``, with ``failed`` true and the error that the model reads.
    """
    wrong = {"name": "weather", "arguments": {"town": "Oslo"}}
    fake.reply("", tool_calls=[*calls_of("sail"), wrong])
    fake.reply("Sorry.")

    body = await body_of(run_of(client).to_sse())

    assert ["tool_result", "tool_result", "text", "done"] == named(body)
    results = [data for name, data in seen(body) if name == "tool_result"]
    assert [("sail", True), ("weather", True)] == [
        (data["name"], data["failed"]) for data in results
    ]
    assert "no tool 'sail'" in json.loads(results[0]["content"])["error"]


@pytest.mark.virtual_time
async def test_comments_are_sent_while_a_tool_runs(fake, client):
    """
    After each *ping* seconds without an event a comment is sent, even while a tool
    runs. The tool goes on and runs once.
    """
    runs = []

    async def nap() -> str:
        runs.append(1)
        await anyio.sleep(25)
        return "rested"

    fake.reply("", tool_calls=calls_of("nap"))
    fake.reply("Good.")

    items = [data async for data in run_of(client, [nap]).to_sse(ping=10)]

    assert [1] == runs
    assert 2 == items.count(b": ping\n\n")
    assert ["tool_call", "tool_result", "text", "done"] == named(b"".join(items))


async def test_journal_has_each_event_before_it_is_sent(fake, client):
    """
    The journal of a run is called in the reader's task, while the reader reads events.
    The journal gets each event before the event is sent.
    """
    lines, tasks = [], set()
    fake.reply("See.", tool_calls=CALLS[:1])
    fake.reply("Fine.")

    def journal(line):
        tasks.add(anyio.get_current_task().id)
        lines_to(lines)(line)

    run = run_of(client, journal=journal)
    sent = [(named(data), len(lines)) async for data in run.to_sse()]

    assert ["kind", "answer", "started", "ended", "answer"] == lines
    assert [
        (["text"], 2),
        (["tool_call"], 3),
        (["tool_result"], 4),
        (["text"], 5),
        (["done"], 5),
    ] == sent
    assert {anyio.get_current_task().id} == tasks


@pytest.mark.virtual_time
async def test_slow_async_journal_is_called_once_for_each_event(fake, client):
    """
    An async journal is awaited to its end, and called once for each event, even if it
    takes longer than *ping*.
    """
    lines = []

    async def journal(line):
        await anyio.sleep(20)
        lines_to(lines)(line)

    fake.reply("Hello.")

    body = await body_of(run_of(client, journal=journal).to_sse(ping=1))

    assert ["kind", "answer"] == lines
    assert ["text", "done"] == named(body)


@pytest.mark.parametrize("error", [OSError("my secret"), asi1.ASI1Error("my secret")])
async def test_error_raised_by_the_journal_is_the_last_event(fake, client, error):
    """
    If the journal raises, the last event is ``failed`` and the run ends: no tool
    begins. The next read raises the error, unless it is an `ASI1Error`. The run can be
    resumed from the events that the journal has recorded.
    """
    ran = []

    def sail() -> None:
        ran.append(1)

    def journal(line):
        if "started" in line:
            raise error

    fake.reply("See.", tool_calls=calls_of("sail"))
    fake.reply("Fine.")

    run = run_of(client, [sail], journal=journal)
    events = run.to_sse()
    body = await anext(events) + await anext(events)
    if isinstance(error, OSError):
        with pytest.raises(OSError, match="my secret"):
            await anext(events)
    rest = [data async for data in events]
    with pytest.raises(asi1.StreamClosedError):
        await anext(run)

    assert ["text", "failed"] == named(body)
    assert b"secret" not in body
    assert ([], []) == (rest, ran)
    resumed = client.chat.completions.resume_tools(run.to_json(), tools=[sail])
    assert ("Fine.", [1]) == ((await resumed.until_done()).text, ran)


async def test_error_before_the_first_event_of_a_run_is_raised_by_open(fake, client):
    """
    ``to_sse().open()`` raises an error of the API or of the journal that comes before
    the first event, so that a web server can still send the error as a status. Without
    an error, `open` waits for the first event, which the next read returns.
    """

    def journal(line):
        raise OSError("disk full")

    fake.fail(429, retry_after=7)
    fake.reply("See.", tool_calls=CALLS[:1])
    fake.reply("Fine.")

    with pytest.raises(asi1.RateLimitError):
        await run_of(client).to_sse().open()
    with pytest.raises(OSError, match="disk full"):
        await run_of(client, journal=journal).to_sse().open()
    lines = []
    events = run_of(client, journal=lines_to(lines)).to_sse()
    await events.open()
    await events.open()

    assert ["kind", "answer"] == lines
    assert "See.Fine." == said(await body_of(events))


async def test_run_whose_second_call_fails_can_be_resumed(fake, client):
    """
    If a later call of the model fails, the last event is ``failed``. `to_json` has the
    run so far, so that the resumed run does not run the tools again.
    """
    fake.reply("", tool_calls=CALLS[:1])
    fake.fail(500)
    fake.reply("Fine.")

    run = run_of(client)
    body = await body_of(run.to_sse())
    resumed = client.chat.completions.resume_tools(run.to_json(), tools=TOOLS)
    later = await body_of(resumed.to_sse())

    assert ["tool_call", "tool_result", "failed"] == named(body)
    assert 502 == seen(body)[-1][1]["status"]
    assert ["text", "done"] == named(later)


async def test_too_many_rounds_end_with_an_error_event(fake, client):
    """
    A run that reaches ``max_rounds`` ends with the event ``failed`` and the code
    ``max_rounds``.
    """
    fake.reply("", tool_calls=CALLS[:1], times=None)

    body = await body_of(run_of(client, max_rounds=1).to_sse())

    assert ["tool_call", "tool_result", "failed"] == named(body)
    assert "max_rounds" == seen(body)[-1][1]["code"]


class Stuck:
    """A tool that waits for ever, and records whether it was cancelled."""

    def __init__(self):
        self.began = False
        self.cancelled = False

    async def wait(self) -> None:
        self.began = True
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            self.cancelled = True
            raise


@pytest.fixture
def stuck(fake):
    fake.reply("", tool_calls=calls_of("wait"))
    return Stuck()


async def reading(events, stuck, group):
    """Read *events* in another task until the tool waits; return what is read."""
    found = []

    async def read():
        found.extend([data async for data in events])
        found.append(b"end")

    group.start_soon(read)
    await until(lambda: stuck.began)
    return found


async def test_closing_the_events_of_a_run_cancels_its_tools(client, stuck):
    """
    `aclose` on the iterator of events cancels the running tools, and waits for their
    end. After that, neither the events nor the run can be read.
    """
    run = run_of(client, [stuck.wait])

    async with anyio.create_task_group() as group:
        async with aclosing(run.to_sse()) as events:
            found = await reading(events, stuck, group)
        assert stuck.cancelled
        await until(lambda: b"end" in found)

    assert ["tool_call", "failed"] == named(b"".join(found[:-1]))
    assert [] == [data async for data in events]
    with pytest.raises(asi1.StreamClosedError):
        await anext(run)


async def test_cancelled_reader_of_a_run_cancels_its_tools(client, stuck):
    """
    If a reader of the events is cancelled while a tool runs, the tool is cancelled,
    even if the program still refers to the run; the run cannot be read any more.
    """
    run = run_of(client, [stuck.wait])
    events = run.to_sse()

    async with anyio.create_task_group() as group:
        await reading(events, stuck, group)
        group.cancel_scope.cancel()
    await until(lambda: stuck.cancelled)

    assert [] == [data async for data in events]
    with pytest.raises(asi1.StreamClosedError):
        await anext(run)


@pytest.mark.system
@pytest.mark.virtual_time
async def test_garbage_collected_events_of_a_run_cancel_its_tools(client, stuck):
    """
    An iterator of events that is garbage-collected cancels the tools, even if the
    program still refers to the run.
    """
    run = run_of(client, [stuck.wait])
    events = run.to_sse(ping=1)
    while b": ping\n\n" != await anext(events):
        pass
    del events
    gc.collect()
    await until(lambda: stuck.cancelled)

    with pytest.raises(asi1.StreamClosedError):
        await anext(run)


@pytest.mark.system
async def test_events_of_a_run_that_another_task_reads_are_refused(client, stuck):
    """
    Reading the events of a run while another task reads the run raises
    `StreamBusyError`; the other task goes on reading, even when the iterator of events
    is freed.
    """
    run = run_of(client, [stuck.wait])

    async with anyio.create_task_group() as group:
        await reading(run, stuck, group)
        with pytest.raises(asi1.StreamBusyError):
            await anext(run.to_sse())
        gc.collect()
        await anyio.wait_all_tasks_blocked()
        assert not stuck.cancelled
        group.cancel_scope.cancel()
    await run.aclose()


async def test_events_of_a_run_begin_with_the_first_unread_step(fake, client):
    """
    The events of `to_sse` begin with the first step that was not read before.
    """
    fake.reply("See.", tool_calls=CALLS[:1])
    fake.reply("Fine.")

    run = run_of(client)
    steps = [await anext(run), await anext(run)]
    body = await body_of(run.to_sse())

    assert [asi1.AnswerStep, asi1.ToolStartedStep] == [type(step) for step in steps]
    assert ["tool_result", "text", "done"] == named(body)


async def test_to_sse_of_a_finished_run_or_with_a_wrong_ping_is_refused(fake, client):
    """
    `to_sse` of a run that was read to its end raises `StreamConsumedError`. A *ping*
    that is not above 0 raises an `ArgumentError`, and the run can still be read.
    """
    fake.reply("Fine.")
    run = run_of(client)

    with pytest.raises(asi1.ArgumentError, match="ping"):
        run.to_sse(ping=0)
    assert "Fine." == (await run.until_done()).text
    with pytest.raises(asi1.StreamConsumedError):
        run.to_sse()


async def test_closed_client_ends_the_events_with_status_503(fake, stuck):
    """
    When the client is closed while a tool runs, the last event is an error with status
    503, the status of a service that shuts down.
    """
    async with anyio.create_task_group() as group:
        async with in_process(fake) as client:
            events = run_of(client, [stuck.wait]).to_sse()
            found = await reading(events, stuck, group)
        await until(lambda: b"end" in found)

    name, data = seen(b"".join(found[:-1]))[-1]
    assert ("failed", 503) == (name, data["status"])


async def test_run_of_a_conversation_is_in_its_history_when_done_is_sent(fake, client):
    """
    A conversation has the whole exchange of a run in its history as soon as ``done`` is
    sent. If the run pauses for an approval, the history has nothing of the exchange.
    """
    chat = client.conversation()
    fake.reply("", tool_calls=CALLS[:1])
    fake.reply("Fine.")
    fake.reply("", tool_calls=CALLS[1:])

    await body_of(chat.run_tools("Hi", tools=TOOLS).to_sse())
    whole = chat.messages
    body = await body_of(chat.run_tools("Pay", tools=TOOLS).to_sse())

    assert ["user", "assistant", "tool", "assistant"] == [m["role"] for m in whole]
    assert ["tool_call", "done"] == named(body)
    assert whole == chat.messages
