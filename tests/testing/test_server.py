"""The fake's server on real sockets, with blocking httpx clients and raw sockets."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import httpx
import pytest

from asi1.testing import Close, Data, End, FakeASI1, Head, Pause, Reset, Stall
from asi1.testing._request import Ending


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CHAT = "/v1/chat/completions"


@pytest.fixture
def client(fake):
    with httpx.Client(base_url=fake.base_url, timeout=60, verify=NO_TLS) as running:
        yield running


@pytest.fixture
def line(fake):
    with connect(fake) as sock:
        yield sock


def connect(fake):
    sock = socket.create_connection(("127.0.0.1", fake.port), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def request(path=CHAT, method="POST", body=b"{}", **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: fake", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read(line):
    """Return all bytes that arrive until the server closes the connection."""
    return b"".join(iter(lambda: line.recv(65536), b""))


def until(condition):
    """Wait at most 60 s for *condition* to return true; return its last result."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


def fake_threads():
    return [t for t in threading.enumerate() if t.name == "asi1-fake"]


def test_running_fake_has_one_thread_and_a_stopped_fake_has_none():
    """
    A running fake has one daemon thread; a stopped fake has no thread, and can be
    started again.
    """
    fake = FakeASI1()
    for _ in range(2):
        with fake:
            assert [True] == [thread.daemon for thread in fake_threads()]
            assert 200 == httpx.post(fake.base_url + "/chat/completions").status_code
        assert not fake_threads()


async def test_fake_works_in_async_with():
    """
    `async with` starts and stops the fake, on asyncio and on trio.
    """
    async with FakeASI1() as fake, httpx.AsyncClient() as client:
        response = await client.post(fake.base_url + "/chat/completions")

    assert 200 == response.status_code
    assert not fake_threads()


def test_port_is_unknown_before_the_start_and_closed_after_the_stop():
    """
    `FakeASI1.port` raises an error before the start. A stopped fake refuses
    connections.
    """
    fake = FakeASI1()
    with pytest.raises(RuntimeError, match="the fake is not started"):
        _ = fake.port
    assert "http://127.0.0.1:1/v1" == fake.base_url
    assert "not running" in repr(fake)

    with fake:
        assert f"http://127.0.0.1:{fake.port}/v1" == fake.base_url
        assert "not running" not in repr(fake)

    with pytest.raises(httpx.ConnectError):
        httpx.post(fake.base_url)


def test_starting_a_fake_twice_or_on_a_used_port_raises_an_error(fake):
    """
    Starting a running fake again raises RuntimeError. Starting a fake on a used port
    raises OSError. Stopping a fake twice raises nothing.
    """
    with pytest.raises(RuntimeError, match="already running"):
        fake.start()
    with pytest.raises(OSError, match="ddress"):
        FakeASI1(port=fake.port).start()
    fake.stop()
    fake.stop()


def test_request_is_recorded_with_all_its_parts(fake, client):
    """
    A recorded request has its method, path, query, body, headers with lowercase names,
    and the outcome of its reply.
    """
    client.post(
        "/chat/completions?a=1&b=2",
        json={"n": 1},
        headers=[("X-Twice", "one"), ("X-Twice", "two")],
    )
    (record,) = fake.requests

    assert ("POST", CHAT, "a=1&b=2") == (record.method, record.path, record.query)
    assert (b'{"n":1}', {"n": 1}) == (record.body, record.json)
    assert "one, two" == record.headers["x-twice"]
    assert "sent" == record.wait()
    assert record.completed


def test_changing_the_list_of_requests_does_not_change_the_fake(fake, client):
    """
    Changing the list that `requests` returned does not change the fake's own list.
    """
    client.post("/chat/completions")
    fake.requests.clear()

    assert 1 == len(fake.requests)


def test_connection_is_reused_unless_the_reply_ends_by_closing_it(fake, client):
    """
    Successive requests use one connection, until a reply with ``framing="close"`` ends
    by closing the connection.
    """
    fake.stream_of(b"data: x\n\n", framing="length")
    fake.stream_of(b"data: x\n\n", framing="chunked")
    fake.stream_of(b"data: x\n\n", framing="close")
    for _ in range(4):
        client.post("/chat/completions")

    assert [1, 1, 1, 2] == [r.connection for r in fake.requests]


def test_connection_is_reused_after_an_explicit_end_step(fake, client):
    """
    After a reply with an explicit `End` step the connection can be reused, as after a
    reply without that step.
    """
    fake.play(Head(200), Data(b"word"), End(), times=2)
    for _ in range(2):
        assert "word" == client.post("/chat/completions").text

    assert [1, 1] == [r.connection for r in fake.requests]


def test_open_connections_counts_a_connection_until_it_is_closed(fake, client):
    """
    `FakeASI1.open_connections` counts a connection until the client closes it.
    """
    client.post("/chat/completions")
    assert 1 == fake.open_connections
    with connect(fake):
        assert until(lambda: fake.open_connections == 2)

    client.close()

    assert until(lambda: fake.open_connections == 0)


def test_pipelined_requests_are_answered_in_order(fake, line):
    """
    Pipelined requests get their replies in the order of the requests.
    """
    fake.reply("first")
    fake.reply("second")
    line.sendall(request() + request(Connection="close"))

    got = read(line)

    assert 0 < got.index(b"first") < got.index(b"second")


def test_request_that_arrives_byte_by_byte_is_read(fake, line):
    """
    The fake accepts a request that arrives byte by byte.
    """
    for byte in request(body=b'{"a": 1}', Connection="close"):
        line.sendall(bytes((byte,)))

    assert read(line).startswith(b"HTTP/1.1 200 OK\r\n")
    assert {"a": 1} == fake.requests[0].json


def test_expect_100_continue_is_answered(line):
    """
    A client that sends ``Expect: 100-continue`` gets status 100 before it sends the
    body.
    """
    head, body = request(Expect="100-continue", Connection="close").split(b"{")
    line.sendall(head)
    assert b"HTTP/1.1 100 " == line.recv(13)
    line.sendall(b"{" + body)

    assert b"HTTP/1.1 200 OK\r\n" in read(line)


def test_absolute_request_target_is_recorded_with_its_path(fake, line):
    """
    A request for an absolute URL, as sent to a proxy, is recorded with the URL's path.
    """
    line.sendall(request(path=f"http://fake{CHAT}?a=1", Connection="close"))
    read(line)

    assert [(CHAT, "a=1")] == [(r.path, r.query) for r in fake.requests]


def test_reply_to_head_has_no_body(line):
    """
    A HEAD request gets a reply without a body, and the connection stays open.
    """
    line.sendall(request("/v1/x", method="HEAD") + request("/v1/x", Connection="close"))

    got = read(line)

    assert 2 == got.count(b"HTTP/1.1 404 Not Found")
    assert 1 == got.count(b"unknown path")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
def test_invalid_request_gets_400(fake, line, nonsense):
    """
    Bytes that are not a valid HTTP request get a 400 reply, and are not recorded.
    """
    line.sendall(nonsense)
    line.shutdown(socket.SHUT_WR)

    assert read(line).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert [] == fake.requests


def test_request_with_a_head_above_1_mib_gets_400(line):
    """
    A request whose head is larger than 1 MiB gets 400; the client can read that reply.
    """
    line.sendall(b"POST / HTTP/1.1\r\nx: " + b"y" * 1_200_000)
    line.shutdown(socket.SHUT_WR)

    assert read(line).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_fake_survives_a_reset_after_an_invalid_request(fake):
    """
    The fake keeps serving after a client sends an invalid request and resets the
    connection.
    """
    with connect(fake) as sock:
        linger = bytes((1, 0, 0, 0, 0, 0, 0, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.sendall(b"nonsense\r\n\r\n")

    assert until(lambda: fake.open_connections == 0)
    assert 200 == httpx.post(fake.base_url + "/chat/completions").status_code


def test_reset_step_resets_the_connection(fake, line):
    """
    After a `Reset` step, the client gets the bytes sent before, then a TCP reset.
    """
    fake.play(Head(200), Data(b"word"), Pause(0.05), Reset())
    line.sendall(request())

    got = b""
    while not got.endswith(b"\r\n\r\n4\r\nword\r\n"):
        got += line.recv(65536)
    with pytest.raises(ConnectionResetError):
        line.recv(1)


def test_close_step_closes_without_the_last_chunk(fake, line):
    """
    A `Close` step closes the connection without sending the terminating HTTP chunk.
    """
    fake.play(Head(200), Data(b"word"), Close())
    line.sendall(request())

    assert read(line).endswith(b"\r\n\r\n4\r\nword\r\n")


def test_recorded_body_cut_into_bytes_is_sent_in_one_byte_chunks(fake, line):
    """
    A recorded body with ``cut="bytes"`` is sent in HTTP chunks of one byte each.
    """
    fake.stream_of(b"abc", cut="bytes")
    line.sendall(request(Connection="close"))

    end = b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"
    assert read(line).endswith(b"\r\n\r\n" + end)


def test_bytes_of_a_data_step_are_sent_before_the_next_step_runs(fake, line):
    """
    The fake sends the bytes of a `Data` step before it runs the reply's next step.
    """
    fake.play(Head(200, (), "close"), Data(b"word"), Stall())
    line.sendall(request())

    got = b""
    while not got.endswith(b"word"):
        got += line.recv(65536)
    line.close()

    assert "left" == fake.requests[0].wait()


def test_stalled_reply_has_the_outcome_left_after_the_client_disconnects(fake, client):
    """
    The outcome of a stalled reply is "open", and "left" after the client disconnects.
    """
    fake.fault("stall")
    with client.stream("POST", "/chat/completions", json={"stream": True}):
        (record,) = fake.requests
        assert "open" == record.wait(0.01)

    assert "left" == record.wait()
    assert not record.completed
    assert until(lambda: fake.open_connections == 0)


def test_reply_to_a_client_that_reads_nothing_stays_open(fake, line):
    """
    While a client reads nothing, the fake's reply stays unfinished, with the outcome
    "open"; after the client disconnects, the outcome is "left".
    """
    fake.fault("infinite_body")
    line.sendall(request())
    assert until(lambda: fake.requests)
    assert "open" == fake.requests[0].wait(0.3)
    line.close()

    assert "left" == fake.requests[0].wait()


def test_slow_client_gets_the_complete_body(fake, line):
    """
    A client that starts to read late gets the entire body, even if the body is larger
    than all buffers.
    """
    fake.stream_of(b"x" * 8_000_000, framing="close")
    line.sendall(request())
    assert until(lambda: fake.requests)
    assert "open" == fake.requests[0].wait(0.1)

    assert 8_000_000 == len(read(line).partition(b"\r\n\r\n")[2])


def test_stop_ends_replies_and_idle_connections():
    """
    Stopping the fake closes idle connections, and ends stalled replies as "stopped".
    """
    with FakeASI1() as fake:
        fake.fault("stall_before_headers", times=None)
        with connect(fake) as idle, connect(fake) as waiting:
            waiting.sendall(request())
            assert until(lambda: fake.requests)
            assert until(lambda: fake.open_connections == 2)
            fake.stop()

            assert b"" == waiting.recv(1)
            assert b"" == idle.recv(1)

    assert "stopped" == fake.requests[0].outcome
    assert 0 == fake.open_connections
    assert not fake_threads()


def test_each_queued_reply_is_sent_once_to_concurrent_requests(fake):
    """
    When many threads send requests at once, no queued reply is lost or sent twice.
    """
    for number in range(60):
        fake.reply(f"<{number}>")
    texts = []

    def ask():
        with httpx.Client(verify=NO_TLS) as client:
            for _ in range(10):
                answer = client.post(fake.base_url + "/chat/completions").json()
                texts.append(answer["choices"][0]["message"]["content"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {f"<{number}>" for number in range(60)} == set(texts)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("keepalive_then_rst_on_reuse", httpx.ReadError),
        ("keepalive_then_close_on_reuse", httpx.RemoteProtocolError),
    ],
)
def test_keepalive_faults_break_the_reused_connection(fake, client, fault, error):
    """
    With the fault keepalive_then_rst_on_reuse or keepalive_then_close_on_reuse, the
    first request on a connection gets an answer, and the next one fails.
    """
    fake.fault(fault)

    assert 200 == client.post("/chat/completions").status_code
    with pytest.raises(error):
        client.post("/chat/completions")
    assert 200 == client.post("/chat/completions").status_code


@pytest.mark.parametrize("fault", ["keepalive_then_close_idle", "idle_408"])
def test_idle_faults_close_the_idle_connection_after_an_answer(fake, client, fault):
    """
    With the faults keepalive_then_close_idle and idle_408, the server closes the
    connection after an answer, and the next request opens a new one.
    """
    fake.fault(fault, seconds=0.01)

    assert 200 == client.post("/chat/completions").status_code
    assert until(lambda: fake.open_connections == 0)
    assert 200 == client.post("/chat/completions").status_code
    assert [1, 2] == [r.connection for r in fake.requests]


def test_outcome_of_a_closing_reply_is_set_after_the_close(fake, line, monkeypatch):
    """
    If a reply ends by closing its connection, the reply's outcome is set only after the
    connection is closed.
    """
    closed, end = [], Ending.end

    def look_and_end(ending, outcome):
        try:
            closed.append(bool(read(line)))
        except TimeoutError:
            closed.append(False)
        end(ending, outcome)

    monkeypatch.setattr(Ending, "end", look_and_end)
    fake.fault("keepalive_then_close_idle")
    line.settimeout(60)
    line.sendall(request())

    assert until(lambda: closed)
    assert [True] == closed
