"""The faults that begin before the fake's server has read the request's body."""

from __future__ import annotations

import socket

import anyio
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import TEXT, until


LONG = "x" * 2**23  # 8 MiB, more than all socket buffers


def client_of(fake, **options):
    """Return a client whose timeouts are long enough for a slow machine."""
    return asi1.AsyncASI1(
        "sk-test", fake.base_url, timeout=asi1.Timeouts(connect=60, write=60), **options
    )


@pytest.mark.parametrize("name", ["early_refusal", "early_refusal_open"])
async def test_early_refusal_is_sent_before_the_requests_body_is_read(fake, name):
    """
    The server refuses a large request once it has read the request's head, and records
    only the part of the body that has arrived. The call raises RequestTooLargeError,
    and is not retried.
    """
    fake.fault(name)

    async with client_of(fake) as client:
        with anyio.fail_after(60), pytest.raises(asi1.RequestTooLargeError) as caught:
            await client.chat.completions.create(messages=LONG)

    (request,) = fake.requests
    assert "too large" in f"{caught.value}"
    assert len(request.body) < 100_000


@pytest.mark.system
async def test_slow_request_reader_reads_the_complete_body(fake):
    """
    A server that reads a large request in parts gets all of it, then answers.
    """
    fake.fault("slow_request_reader", size=2**18, seconds=0.001)

    async with client_of(fake) as client:
        with anyio.fail_after(60):
            answer = await client.chat.completions.create(messages=LONG)

    assert TEXT == answer.text
    assert LONG == fake.requests[0].json["messages"][0]["content"]


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize(("seconds", "took"), [(0.05, 25.6), (0, 0)])
async def test_slow_request_reader_takes_as_long_in_process_as_on_a_socket(
    seconds, took
):
    """
    With the in-process transport, the fault slow_request_reader takes as long as on a
    socket, and that time does not count towards the read timeout.
    """
    fake = FakeASI1()
    fake.fault("slow_request_reader", seconds=seconds)

    async with client_of(fake, transport=fake.transport) as client:
        began = anyio.current_time()
        answer = await client.chat.completions.create(messages=LONG)

    assert TEXT == answer.text
    assert pytest.approx(took) == anyio.current_time() - began


def test_early_refusal_open_keeps_the_connection_open_for_the_given_seconds(fake):
    """
    With the fault early_refusal_open, the server refuses a request, then keeps the
    connection open. The server reads nothing until the client disconnects or *seconds*
    have passed.
    """
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
    for seconds, outcome in [(None, "left"), (0.01, "sent")]:
        fake.clear()
        fake.fault("early_refusal_open", seconds=seconds)
        with socket.create_connection(("127.0.0.1", fake.port), timeout=10) as sock:
            sock.sendall(head)
            assert sock.recv(1000).startswith(b"HTTP/1.1 413")
            sock.sendall(b"some body")
            (request,) = fake.requests
            if seconds is None:
                assert "open" == request.outcome
            else:
                assert outcome == request.wait()
        assert outcome == request.wait()


async def test_request_without_a_key_or_known_path_leaves_early_refusal_queued():
    """
    A request without a key, or with an unknown path, leaves the scripted fault
    early_refusal in the queue; the next valid request gets that fault.
    """
    with FakeASI1(require_key=True) as fake:
        fake.fault("early_refusal")
        for head in (b"POST /other HTTP/1.1", b"POST /v1/chat/completions HTTP/1.1"):
            with socket.create_connection(("127.0.0.1", fake.port), timeout=10) as sock:
                sock.sendall(head + b"\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
                assert sock.recv(12) in {b"HTTP/1.1 404", b"HTTP/1.1 401"}
        assert 1 == fake.pending

        async with client_of(fake) as client:
            with pytest.raises(asi1.RequestTooLargeError):
                await client.chat.completions.create(messages="Hi")
        await until(lambda: fake.open_connections == 0)

    assert 0 == fake.pending
