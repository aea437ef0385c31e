"""`to_sse` of the blocking client: streams and runs as server-sent events."""

from __future__ import annotations

import gc
import threading

import anyio
import pytest

import asi1

from asi1.testing import Pause, Repeat

from ..support.browser import said, seen
from ..support.talk import DONE, SSE, TEXT, Event, chunk


def ask(client, **options):
    return client.chat.completions.stream(messages="Hi", **options)


ENDLESS = (SSE, Repeat((Event(chunk("on ")), Pause(0.005))))


def test_blocking_to_sse_yields_the_events_of_an_answer(fake, blocking_client):
    """
    The blocking `to_sse` yields the same events as the async `to_sse`: the thoughts,
    the text, and a last event named "done".
    """
    fake.reply(TEXT, thoughts=["Hm."], chunk_words=1)

    with ask(blocking_client) as stream:
        events = stream.to_sse()
        body = b"".join(events)

    assert TEXT == said(body)
    assert ["thought", *["text"] * 8, "done"] == [name for name, _ in seen(body)]
    assert [] == list(events)


def test_blocking_to_sse_begins_with_the_first_unread_chunk(fake, blocking_client):
    """
    The events of `to_sse` begin with the first chunk that was not read before `to_sse`
    was called; chunks read earlier are not sent as events.
    """
    fake.play(SSE, Event(*map(chunk, "abcd")), Event(chunk("e", finish="stop")), DONE)

    with ask(blocking_client) as stream:
        assert "a" == next(stream).text
        body = b"".join(stream.to_sse())

    assert "bcde" == said(body)


def test_broken_stream_ends_with_an_error_event_in_blocking_to_sse(
    fake, blocking_client
):
    """
    An error in the middle of a stream becomes the last event of `to_sse`: a web server
    that has already sent its status 200 cannot report the error by a status.
    """
    fake.fault("reset_mid_body")

    with ask(blocking_client) as stream:
        body = b"".join(stream.to_sse())

    assert "stream_interrupted" == seen(body)[-1][1]["code"]


def test_error_before_the_first_event_is_raised_by_open_of_blocking_to_sse(
    fake, blocking_client
):
    """
    `open` of the blocking `to_sse` raises an error that occurs before the first event,
    so that a web server can still respond with an error status.
    """
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError):
        ask(blocking_client).to_sse().open()


def test_closing_blocking_to_sse_cancels_the_call(fake, blocking_client):
    """
    `close` on a blocking iterator of events cancels the call at once; the iterator
    yields no event afterwards.
    """
    fake.play(*ENDLESS)

    events = ask(blocking_client).to_sse()
    assert next(events)
    events.close()

    assert "left" == fake.requests[0].wait()
    assert [] == list(events)


@pytest.mark.system
def test_garbage_collected_blocking_to_sse_cancels_its_call(fake, blocking_client):
    """
    A blocking iterator of events that is garbage-collected cancels its call.
    """
    fake.play(*ENDLESS)

    for _ in ask(blocking_client).to_sse():
        break
    gc.collect()

    assert "left" == fake.requests[0].wait()


def test_blocking_to_sse_may_be_read_by_another_thread(fake, blocking_client):
    """
    A blocking iterator of events may be read by another thread than the one that opened
    the stream: a web server often sends events from a worker thread.
    """
    fake.reply(TEXT)
    events = []
    with ask(blocking_client) as stream:
        reader = threading.Thread(target=lambda: events.extend(stream.to_sse()))
        reader.start()
        reader.join(10)

    assert TEXT == said(b"".join(events))


def test_blocking_to_sse_with_a_wrong_argument_loses_no_chunk(fake, blocking_client):
    """
    A `to_sse` call with a wrong argument raises and loses no chunk of the stream.
    """
    fake.reply(TEXT, chunk_words=1)

    with ask(blocking_client) as stream:
        first = next(stream)
        with pytest.raises(asi1.ArgumentError, match="ping"):
            stream.to_sse(ping=0)
        rest = [chunk.text for chunk in stream]

    assert first.text + "".join(rest) == TEXT


CALL = {"name": "weather", "arguments": {"city": "Oslo"}}


def weather(city: str) -> str:
    return f"sunny in {city}"


class Stuck:
    """A tool that waits until it is cancelled."""

    def __init__(self):
        self.cancelled = threading.Event()

    async def wait(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()


def run_of(client, *tools, **options):
    return client.chat.completions.run_tools("Hi", tools=tools, **options)


@pytest.mark.parametrize("stream", [False, True])
def test_blocking_to_sse_of_a_run_yields_its_events(fake, blocking_client, stream):
    """
    The blocking `to_sse` of a run yields the same events as the async `to_sse`: the
    calls, their results, the text, and a last event named "done".
    """
    fake.reply("See. ", tool_calls=[CALL])
    fake.reply("Fine.")

    run = run_of(blocking_client, weather, stream=stream)
    events = run.to_sse()
    events.open()
    body = b"".join(events)

    assert ["text", "tool_call", "tool_result", "text", "done"] == [
        name for name, _ in seen(body)
    ]
    assert "See. Fine." == said(body)
    assert [] == list(events)
    assert "Fine." == run.until_done().text
    with pytest.raises(asi1.StreamConsumedError):
        run.to_sse()


def test_journal_of_a_blocking_run_is_called_in_the_readers_thread(
    fake, blocking_client
):
    """
    The journal of a blocking run is called in the thread that reads the events, and
    gets each event before the event is sent. So the journal may use a database
    connection of this thread, and may block.
    """
    fake.reply("", tool_calls=[CALL])
    fake.reply("Fine.")
    calls = []

    def journal(line):
        calls.append((threading.get_ident(), line))

    run = run_of(blocking_client, weather, journal=journal)
    sent = [(seen(data)[0][0], len(calls)) for data in run.to_sse()]

    assert {threading.get_ident()} == {thread for thread, _ in calls}
    assert [("tool_call", 3), ("tool_result", 4), ("text", 5), ("done", 5)] == sent
    resumed = blocking_client.chat.completions.resume_tools(
        [line for _, line in calls], tools=[weather]
    )
    assert "Fine." == resumed.until_done().text


def test_error_in_the_journal_of_a_blocking_run_is_sent_and_raised(
    fake, blocking_client
):
    """
    If the journal of a blocking run raises, `to_sse` ends with the event ``failed``,
    the next read raises the error, and no tool begins. If the journal raises before the
    first event, `open` raises the error.
    """
    fake.reply("See.", tool_calls=[CALL])
    began = []

    def journal(line):
        if "started" in line:
            raise OSError("disk full")

    def refuse(line):
        raise OSError("no disk")

    def look(city: str) -> None:
        began.append(city)

    tool = asi1.tool(look, name="weather")
    events = run_of(blocking_client, tool, journal=journal).to_sse()
    body = next(events) + next(events)
    with pytest.raises(OSError, match="disk full"):
        next(events)
    with pytest.raises(OSError, match="no disk"):
        run_of(blocking_client, weather, journal=refuse).to_sse().open()

    assert ["text", "failed"] == [name for name, _ in seen(body)]
    assert ([], []) == (list(events), began)


def test_ctrl_c_in_the_journal_cancels_a_blocking_run(fake, blocking_client):
    """
    Ctrl-C in the journal ends the events, and the run cannot be read any more.
    `to_json` has the run so far, without the event that was not recorded.
    """
    fake.reply("See.", tool_calls=[CALL])
    fake.reply("Fine.")

    def journal(line):
        if "started" in line:
            raise KeyboardInterrupt

    run = run_of(blocking_client, weather, journal=journal)
    events = run.to_sse()
    assert "See." == said(next(events))
    with pytest.raises(KeyboardInterrupt):
        next(events)

    assert [] == list(events)
    with pytest.raises(asi1.StreamClosedError):
        next(run)
    resumed = blocking_client.chat.completions.resume_tools(
        run.to_json(), tools=[weather]
    )
    assert "Fine." == resumed.until_done().text


@pytest.mark.system
@pytest.mark.parametrize("how", ["close", "collect"])
def test_leaving_the_events_of_a_blocking_run_cancels_its_tools(
    fake, blocking_client, how
):
    """
    `close` on the events of a blocking run, or garbage collection of the events,
    cancels the tools of the run, even if the program still refers to the run.
    """
    stuck = Stuck()
    fake.reply("", tool_calls=[{"name": "wait", "arguments": {}}])

    run = run_of(blocking_client, stuck.wait)
    events = run.to_sse(ping=0.01)
    assert any(b"tool_call" in data for data in events)
    assert b": ping\n\n" == next(events)
    if how == "close":
        events.close()
        assert [] == list(events)
    else:
        del events
        gc.collect()

    assert stuck.cancelled.wait(60)
    with pytest.raises(asi1.StreamClosedError):
        next(run)
