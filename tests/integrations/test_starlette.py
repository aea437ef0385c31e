"""Starlette's `ChatStreamResponse`, called in process without a web server."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from asi1.testing import FakeASI1, Pause, Repeat

from ..support.browser import seen
from ..support.talk import SSE, Event, chunk, in_process, until


class Browser:
    """
    Calls a response as an ASGI server does; `sent` lists the response's ASGI messages.
    """

    def __init__(self, *, leaves_after=None):
        self.sent = []
        self.leaves_after = leaves_after

    async def visit(self, response):
        await response({"type": "http"}, self.receive, self.send)
        return b"".join(each.get("body", b"") for each in self.sent)

    async def receive(self):
        await anyio.sleep_forever()

    async def send(self, message):
        if len(self.sent) == self.leaves_after:
            raise OSError("the browser has left")
        self.sent.append(message)


def stream_of(client):
    return client.chat.completions.stream(messages="Hi")


async def test_stream_response_takes_headers_and_a_background_task():
    """
    Like every response of Starlette, `ChatStreamResponse` accepts headers and a
    background task. `ChatStreamResponse` sends nothing after the end of its body.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    ran = []

    async def task():
        ran.append(True)

    async with in_process(fake) as client:
        response = starlette.ChatStreamResponse(
            stream_of(client),
            headers={"x-mine": "1", "cache-control": "no-store"},
            background=task,
        )
        browser = Browser()
        body = await browser.visit(response)

    start, *_, end = browser.sent
    assert {
        (b"x-mine", b"1"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        (b"content-type", b"text/event-stream; charset=utf-8"),
    } == set(start["headers"])
    assert "done" == seen(body)[-1][0]
    assert not end["more_body"]
    assert [True] == ran


async def test_run_with_tools_is_sent_until_the_browser_disconnects():
    """
    `ChatStreamResponse` sends the events of a run with tools. If the browser
    disconnects while a tool runs, the tool is cancelled.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    fake.reply("", tool_calls=[{"name": "nap", "arguments": {}}], times=2)
    fake.reply("Fine.")
    began, cancelled = [], []

    async def nap() -> None:
        began.append(1)
        if len(began) == 3:
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                cancelled.append(1)
                raise

    async def leave():
        await until(lambda: len(began) == 3)
        return {"type": "http.disconnect"}

    def run_of(client):
        return client.chat.completions.run_tools("Hi", tools=[nap])

    async with in_process(fake) as client:
        body = await Browser().visit(starlette.ChatStreamResponse(run_of(client)))
        fake.reply("", tool_calls=[{"name": "nap", "arguments": {}}])
        browser = Browser()
        browser.receive = leave
        with anyio.fail_after(60):
            await browser.visit(starlette.ChatStreamResponse(run_of(client)))

    calls = ["tool_call", "tool_result"] * 2
    assert [*calls, "text", "done"] == [name for name, _ in seen(body)]
    assert [1] == cancelled


async def test_oserror_of_the_asgi_send_function_cancels_the_call():
    """
    If the ASGI server's `send` raises OSError because the browser has disconnected, the
    call to the model is cancelled and no error is raised.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.005))))

    async with in_process(fake) as client:
        response = starlette.ChatStreamResponse(stream_of(client))
        with anyio.fail_after(60):
            await Browser(leaves_after=2).visit(response)
        await until(lambda: fake.requests[0].outcome != "open")

    assert "left" == fake.requests[0].outcome


class Stopping(Browser):
    """An ASGI server that cancels the response once the response has sent a body for
    which *now* returns true.
    """

    def __init__(self, now):
        super().__init__()
        self.now = now
        self.scope = anyio.CancelScope()

    async def send(self, message):
        self.sent.append(message)
        if self.now(message.get("body", b"")):
            self.now = lambda _: False
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()

    async def visit(self, response):
        with self.scope:
            await super().visit(response)
        return b"".join(each.get("body", b"") for each in self.sent)


async def test_response_that_the_server_cancels_ends_with_the_event_failed():
    """
    If the server cancels the response, as uvicorn does when it stops, the last event is
    ``failed`` with the status 503, unless a whole answer was sent before.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.005))))
    fake.reply("Fine.")

    async with in_process(fake) as client:
        browsers = [
            Stopping(lambda body, name=n: name in body) for n in (b"on", b"done")
        ]
        with anyio.fail_after(60):
            cut, whole = [
                await each.visit(starlette.ChatStreamResponse(stream_of(client)))
                for each in browsers
            ]

    name, error = seen(cut)[-1]
    assert ("failed", 503, "client_closed") == (name, error["status"], error["code"])
    assert ["text", "done"] == [name for name, _ in seen(whole)]
    for browser in browsers:
        assert not browser.sent[-1]["more_body"]
        assert browser.scope.cancelled_caught
    assert ["left", "sent"] == [request.wait() for request in fake.requests]


async def test_response_that_is_cancelled_before_it_begins_has_status_503():
    """
    If the server cancels the response before the first event, a response with status
    503 is sent.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    fake.play(SSE, Pause(60))
    browser = Stopping(bool)

    async with in_process(fake) as client, anyio.create_task_group() as tasks:
        response = starlette.ChatStreamResponse(stream_of(client))
        tasks.start_soon(browser.visit, response)
        await until(lambda: fake.requests)
        browser.scope.cancel()

    start, body = browser.sent
    assert (503, True) == (start["status"], b"client_closed" in body["body"])


async def test_disconnection_before_the_response_begins_is_answered_with_499():
    """
    If the browser disconnects before the response begins, a response with status 499 is
    sent, because Starlette's middleware raises an error if no response is sent.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()
    fake.play(SSE, Pause(60))

    async def leave():
        await until(lambda: fake.requests)
        return {"type": "http.disconnect"}

    async with in_process(fake) as client:
        browser = Browser()
        browser.receive = leave
        with anyio.fail_after(60):
            await browser.visit(starlette.ChatStreamResponse(stream_of(client)))

    assert 499 == browser.sent[0]["status"]
    assert "left" == fake.requests[0].outcome


async def test_exception_from_outside_asi1_is_sent_as_an_event_and_raised():
    """
    An exception that does not come from asi1 is raised unchanged, so that the server
    logs it. The browser gets an event without the exception's message.
    """
    starlette = pytest.importorskip("asi1.integrations.starlette")
    fake = FakeASI1()

    async with in_process(fake) as client:
        stream = stream_of(client)
        response = starlette.ChatStreamResponse(stream, ping=0.01)
        fake.play(SSE, Pause(0.1), Event(chunk("a")))
        read, batches = stream._answer.next_batch, []

        async def fail():
            if batches:
                raise ZeroDivisionError("a secret")
            batches.append(await read())
            return batches[0]

        stream._answer.next_batch = fail
        browser = Browser()
        with pytest.raises(ZeroDivisionError, match="a secret"):
            await browser.visit(response)

    body = b"".join(each.get("body", b"") for each in browser.sent)
    assert ["text", "failed"] == [name for name, _ in seen(body)]
    assert b"secret" not in body
