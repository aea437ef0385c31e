"""Web services that stream answers to browsers, on real servers and sockets."""

from __future__ import annotations

import functools
import socket
import time

from contextlib import ExitStack

import httpx
import pytest

import asi1

from asi1.testing import FakeASI1, Pause, Repeat

from ...support.browser import said, seen
from ...support.services import SERVICES, starlette_service
from ...support.talk import DONE, SSE, TEXT, Event, chunk


ENDLESS = (SSE, Repeat((Event(chunk("on ")), Pause(0.02))))


@pytest.fixture(scope="module")
def fake():
    with FakeASI1(seed=7) as fake:
        yield fake


@pytest.fixture(scope="module", params=SERVICES)
def service(fake, request):
    pytest.importorskip(request.param)
    with SERVICES[request.param](maker(fake)) as service:
        yield service


def maker(fake):
    # A busy machine may take long to connect.
    patient = asi1.Timeouts(connect=60, pool=60)
    return functools.partial(
        asi1.AsyncASI1, "sk-service", fake.base_url, timeout=patient, max_retries=0
    )


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


@pytest.fixture
def browser(fake, client):
    fake.clear()
    return client


def wait_for(condition):
    """Wait until *condition* returns true; fail after a minute."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("the condition never held")


def test_browser_receives_the_stream_as_server_sent_events(fake, browser):
    """
    The service sends the browser the model's thoughts, text and token usage as
    server-sent events, with headers that keep proxies from buffering the events.
    """
    fake.reply(TEXT, thoughts=["Hm."], chunk_words=1)

    reply = browser.get("/stream", params={"q": "Why?"})

    assert (200, TEXT) == (reply.status_code, said(reply.content))
    assert ("thought", {"text": "Hm."}) == seen(reply.content)[0]
    assert seen(reply.content)[-1][1]["usage"]["total_tokens"]
    assert "text/event-stream" == reply.headers["content-type"].partition(";")[0]
    assert "no-cache" == reply.headers["cache-control"]
    assert "no" == reply.headers["x-accel-buffering"]
    assert "content-length" not in reply.headers
    assert "Why?" == fake.requests[0].json["messages"][0]["content"]


def test_browser_gets_the_first_event_before_the_models_reply_ends(fake, browser):
    """
    The browser receives the first words while the model's reply to the service is still
    open.
    """
    fake.play(*ENDLESS)

    with browser.stream("GET", "/stream") as reply:
        # httpx closes the response when its iterator is freed, so the variable `events`
        # keeps the iterator alive until the end of the test.
        events = reply.iter_bytes()
        first = next(events)
        assert "open" == fake.requests[0].outcome

    assert "text" == seen(first)[0][0]
    assert "left" == fake.requests[0].wait()


def test_browser_receives_a_run_with_tools_as_server_sent_events(fake, browser):
    """
    The service sends the browser the tool calls of a run and their results between the
    pieces of the model's answers.
    """
    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    fake.reply("See.", tool_calls=[call])
    fake.reply("Fine.")

    reply = browser.get("/run")

    assert ["text", "tool_call", "tool_result", "text", "done"] == [
        name for name, _ in seen(reply.content)
    ]
    assert "sunny in Oslo" == seen(reply.content)[2][1]["content"]
    assert "See.Fine." == said(reply.content)


# A fault of the model's server before the first word, the fault's options, and the HTTP
# status and error code that the browser then gets.
BEFORE_THE_FIRST_EVENT = [
    ("rate_limit_429", {"retry_after": 7}, 429, "rate_limit"),
    ("quota_429", {}, 429, "quota_exceeded"),
    ("message_400", {}, 400, "bad_request"),
    ("detail_422", {}, 422, "unprocessable_entity"),
    ("key_echo_401", {}, 502, "configuration"),
    ("text_500", {}, 502, "internal_server"),
    ("html_502", {}, 502, "internal_server"),
    ("html_200", {}, 502, "response"),
    ("redirect", {}, 502, "status"),
    ("reset_before_headers", {}, 502, "connection"),
    ("fin_mid_headers", {}, 502, "connection"),
    ("not_http", {}, 502, "connection"),
    ("stall_before_headers", {}, 504, "timeout"),
    ("stall_after_headers", {}, 504, "timeout"),
    ("heartbeat_forever", {"seconds": 0.05}, 504, "timeout"),
]


@pytest.mark.parametrize("case", BEFORE_THE_FIRST_EVENT, ids=lambda case: case[0])
def test_error_before_the_first_event_becomes_an_http_status(fake, browser, case):
    """
    If the model's server fails before the first event, the browser gets a fitting HTTP
    status with an error code and a message, without the API key.
    """
    fault, options, status, code = case
    fake.fault(fault, **options)

    reply = browser.get("/hasty" if status == 504 else "/stream")

    error = reply.json()["error"]
    assert (status, status, code) == (reply.status_code, error["status"], error["code"])
    assert error["message"]
    assert "sk-service" not in reply.text
    assert ("7" if "retry_after" in options else None) == reply.headers.get(
        "retry-after"
    )


# A fault of the model's server after "one two three", and the status and error code in
# the last event that the browser then gets.
AFTER_THREE_WORDS = [
    ("reset_mid_body", 502, "stream_interrupted"),
    ("fin_mid_chunk", 502, "stream_interrupted"),
    ("bad_chunk_size", 502, "stream_interrupted"),
    ("truncated_no_length", 502, "stream_truncated"),
    ("clean_eof_no_done", 502, "stream_truncated"),
    ("eof_mid_event", 502, "stream_truncated"),
    ("bad_json_chunk", 502, "stream_decode"),
    ("scalar_chunk", 502, "stream_decode"),
    ("error_event", 502, "server_stream"),
    ("stall_mid_body", 504, "timeout"),
]


@pytest.mark.parametrize(("fault", "status", "code"), AFTER_THREE_WORDS)
def test_error_after_the_first_event_becomes_the_last_event(
    fake, browser, fault, status, code
):
    """
    If the model's server fails after the first event, the browser gets all words that
    arrived, then the error as the last event, and the response is complete.
    """
    fake.fault(fault)

    reply = browser.get("/hasty" if status == 504 else "/stream")

    assert (200, "one two three") == (reply.status_code, said(reply.content))
    name, error = seen(reply.content)[-1]
    assert ("failed", status, code) == (name, error["status"], error["code"])
    assert error["message"]
    assert b"127.0.0.1" not in reply.content


def test_error_of_a_call_without_streaming_becomes_an_http_status(fake, browser):
    """
    If a call without streaming fails, the browser gets the same HTTP status as for a
    stream, with Retry-After rounded up.
    """
    fake.reply("Four.")
    fake.fail(429, retry_after=2.5)

    good, bad = browser.get("/ask"), browser.get("/ask")

    assert (200, "Four.") == (good.status_code, good.json())
    assert (429, "3") == (bad.status_code, bad.headers["retry-after"])
    assert "rate_limit" == bad.json()["error"]["code"]


def visit(service):
    """Request a stream from *service*; return the socket without reading from it."""
    there = socket.create_connection(("127.0.0.1", service.port), timeout=600)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    there.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    return there


def read_until(there, what):
    data = b""
    while what not in data:
        data += there.recv(65536) or pytest.fail("the service hung up")


@pytest.mark.timeout(900)
def test_browsers_that_disconnect_end_their_upstream_calls(fake, service):
    """
    If two hundred browsers disconnect in the middle of a stream, the service cancels
    their requests to the model: no connection, call or task stays open.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(1))), times=None)
    tasks = service.tasks

    # Only fifty browsers connect at once, so that a slow machine keeps up.
    for _ in range(4):
        with ExitStack() as stack:
            there = [stack.enter_context(visit(service)) for _ in range(50)]
            for each in there:
                read_until(each, b"event: text")
            assert 50 == service.calls
        wait_for(lambda: service.calls == 0)

    wait_for(lambda: fake.open_connections == 0)
    assert ["left"] * 200 == [request.wait() for request in fake.requests]
    wait_for(lambda: service.tasks <= tasks)


@pytest.mark.parametrize("words", [(), (Event(chunk("on ")),)])
def test_disconnect_while_nothing_is_sent_cancels_the_upstream_call(
    fake, service, words
):
    """
    If a browser disconnects while the service sends nothing, before or after the first
    event, the service also cancels its request to the model.
    """
    fake.clear()
    fake.play(SSE, *words, Pause(60))

    with visit(service) as there:
        wait_for(lambda: fake.requests)
        if words:
            read_until(there, b"event: text")

    assert "left" == fake.requests[0].wait()
    wait_for(lambda: service.calls == 0)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("begun", [True, False])
def test_service_that_stops_ends_its_open_streams_with_status_503(fake, name, begun):
    """
    If a service stops while streams are open, each stream ends with the event
    ``failed`` and the status 503; a stream that has not begun becomes a reply with
    status 503. The requests to the model are cancelled.
    """
    pytest.importorskip(name)
    fake.clear()
    words = ENDLESS if begun else (SSE, Pause(60))
    fake.play(*words, times=2)

    with SERVICES[name](maker(fake)) as service, ExitStack() as stack:
        there = [stack.enter_context(visit(service)) for _ in range(2)]
        for each in there:
            wait_for(lambda: len(fake.requests) == 2)
            if begun:
                read_until(each, b"event: text")
        stack.pop_all()
    bodies = [rest_of(each) for each in there]

    for body in bodies:
        if begun:
            event = b'event: failed\ndata: {"status":503,"code":"client_closed"'
            assert 1 == body.count(event)
            assert body.endswith(b"\n\n\r\n0\r\n\r\n")
        else:
            assert body.startswith(b"HTTP/1.1 503 ")
            assert b'"code":"client_closed"' in body
    assert ["left"] * 2 == [request.wait() for request in fake.requests]


def rest_of(there):
    """Return all bytes until the service closes the connection *there*."""
    with there:
        return b"".join(iter(lambda: there.recv(65536), b""))


def test_slow_browser_that_disconnects_causes_no_error_in_the_service(
    fake, service, caplog
):
    """
    If a browser reads nothing, and disconnects while the service waits until the
    browser reads, the call to the model is cancelled, and the server logs no error.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on " * 100_000)),)))

    with visit(service) as there:
        read_until(there, b"event: text")
        time.sleep(0.5)  # lets the buffers fill up

    assert "left" == fake.requests[0].wait()
    wait_for(lambda: service.calls == 0)
    assert [] == [each for each in caplog.records if each.levelname == "ERROR"]


def test_service_still_streams_after_all_faults(fake, browser):
    """
    After all faults and disconnects of this module's earlier tests, the same service
    still streams a complete answer.
    """
    fake.play(SSE, Event(chunk("Yes.", finish="stop")), DONE)

    assert "Yes." == said(browser.get("/stream").content)


def test_starlette_without_fastapi_serves_streams_and_errors(fake):
    """
    Starlette without FastAPI serves streams and errors, and notices browsers that
    disconnect.
    """
    pytest.importorskip("starlette")
    fake.clear()
    fake.reply(TEXT)
    fake.fault("message_400", times=2)
    fake.play(*ENDLESS)

    with starlette_service(maker(fake)) as service:
        paths = "/stream", "/hasty", "/ask"
        replies = [httpx.get(service.url + path) for path in paths]
        with visit(service) as there:
            read_until(there, b"event: text")
        assert "left" == fake.requests[-1].wait()
        wait_for(lambda: service.calls == 0)

    assert [200, 400, 400] == [reply.status_code for reply in replies]
    assert TEXT == said(replies[0].content)
