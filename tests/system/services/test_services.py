"""Services that stream, on real servers and sockets, with browsers that leave."""

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
    return functools.partial(asi1.AsyncASI1, "sk-service", fake.base_url, max_retries=0)


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


@pytest.fixture
def browser(fake, client):
    fake.clear()
    return client


def wait_for(condition):
    """Wait until *condition* holds; fail after a minute."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came true")


def test_a_stream_reaches_the_browser(fake, browser):
    """
    The browser has thoughts, text and the usage as server-sent events that no proxy
    keeps back.
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


def test_events_come_as_they_are_written(fake, browser):
    """
    The first words are there while the model still writes.
    """
    fake.play(*ENDLESS)

    with browser.stream("GET", "/stream") as reply:
        events = reply.iter_bytes()  # kept: httpx leaves with it
        first = next(events)
        assert "open" == fake.requests[0].outcome

    assert "text" == seen(first)[0][0]
    assert "left" == fake.requests[0].wait()


# What goes wrong upstream before the first word: the fault, and what the browser gets.
REFUSED = [
    ("rate_limit_429", {"retry_after": 7}, 429, "rate_limit"),
    ("quota_429", {}, 429, "quota_exceeded"),
    ("message_400", {}, 400, "bad_request"),
    ("detail_422", {}, 422, "unprocessable_entity"),
    ("key_echo_401", {}, 502, "authentication"),
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


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_a_fault_before_the_first_event_is_a_status(fake, browser, case):
    """
    What fails upstream before the first event is a proper status for the browser, with
    a word and a message, and never the key.
    """
    fault, options, status, code = case
    fake.fault(fault, **options)

    reply = browser.get("/hasty" if status == 504 else "/stream")

    told = reply.json()["error"]
    assert (status, status, code) == (reply.status_code, told["status"], told["code"])
    assert told["message"]
    assert "sk-service" not in reply.text
    assert ("7" if "retry_after" in options else None) == reply.headers.get(
        "retry-after"
    )


# What goes wrong after "one two three".
BROKEN = [
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


@pytest.mark.parametrize(("fault", "status", "code"), BROKEN)
def test_a_fault_in_mid_stream_is_the_last_event(fake, browser, fault, status, code):
    """
    What fails upstream in mid-stream is the last event of a body that ends in order,
    after all the words that came.
    """
    fake.fault(fault)

    reply = browser.get("/hasty" if status == 504 else "/stream")

    assert (200, "one two three") == (reply.status_code, said(reply.content))
    name, told = seen(reply.content)[-1]
    assert ("failed", status, code) == (name, told["status"], told["code"])
    assert told["message"]
    assert b"127.0.0.1" not in reply.content


def test_an_error_of_a_plain_call_is_a_status(fake, browser):
    """
    A call without a stream fails with the same statuses.
    """
    fake.reply("Four.")
    fake.fail(429, retry_after=2.5)

    good, bad = browser.get("/ask"), browser.get("/ask")

    assert (200, "Four.") == (good.status_code, good.json())
    assert (429, "3") == (bad.status_code, bad.headers["retry-after"])
    assert "rate_limit" == bad.json()["error"]["code"]


def visit(service):
    """Ask for a stream; return the socket of a browser that has not read yet."""
    there = socket.create_connection(("127.0.0.1", service.port), timeout=60)
    there.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    return there


def read_until(there, what):
    data = b""
    while what not in data:
        data += there.recv(65536) or pytest.fail("the service hung up")


@pytest.mark.timeout(180)
def test_browsers_that_leave_leave_nothing_behind(fake, service):
    """
    Two hundred browsers that leave in mid-stream stop their upstream requests: no
    connection, no call and no task is left.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(1))), times=None)
    tasks = service.tasks

    for _ in range(4):  # so many at a time that a slow machine keeps up
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
def test_a_browser_that_leaves_in_a_silence_is_noticed(fake, service, words):
    """
    A browser that leaves while nothing is sent stops the upstream request too, before
    the first event and after.
    """
    fake.clear()
    fake.play(SSE, *words, Pause(60))

    with visit(service) as there:
        wait_for(lambda: fake.requests)
        if words:
            read_until(there, b"event: text")

    assert "left" == fake.requests[0].wait()
    wait_for(lambda: service.calls == 0)


def test_the_service_works_on(fake, browser):
    """
    After all that, a stream is whole.
    """
    fake.play(SSE, Event(chunk("Yes.", finish="stop")), DONE)

    assert "Yes." == said(browser.get("/stream").content)


def test_starlette_alone_will_do(fake):
    """
    Starlette without FastAPI serves streams, refusals and browsers that leave.
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
