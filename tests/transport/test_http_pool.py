"""
A pool's connections: their reuse, cancelled requests, and unrequested replies.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading

import anyio
import httpcore
import httpx
import pytest

import asi1

from asi1._transport.http_pool import ConnectionPool
from asi1._transport.sending import refuses
from asi1.testing import Close, Raw, Reset

from ..support.talk import until


class CancellingBackend(httpcore.AsyncNetworkBackend):
    """A network backend that cancels *scope* at the moment when a connection opens."""

    def __init__(self, scope):
        self.scope = scope

    async def connect_tcp(self, host, port, **options):
        made = await httpcore.AnyIOBackend().connect_tcp(host, port, **options)
        self.scope.cancel()
        return made


async def test_connection_that_opens_for_a_cancelled_request_is_closed(fake):
    """
    If a request is cancelled at the moment when its connection opens, the connection is
    closed, and no longer counts towards the pool's limit.
    """
    scope = anyio.CancelScope()
    limits = httpx.Limits(max_connections=1)

    async with ConnectionPool(None, limits, CancellingBackend(scope)) as pool:
        with scope:
            await pool.request("GET", fake.base_url)
        kept = [each for each in pool.connections if not each.is_closed()]

        assert scope.cancelled_caught
        assert [] == kept
        await until(lambda: fake.open_connections == 0)


class CountingSelector(selectors.DefaultSelector):
    """A selector that counts iterations of its event loop, by the calls of `select`."""

    rounds = 0

    def select(self, timeout=None):
        self.rounds += 1
        return super().select(timeout)


def test_call_takes_four_iterations_of_the_event_loop(fake):
    """
    On an open connection, a call takes four iterations of the event loop: the call
    starts, waits, is woken by the reply, and wakes the caller.
    """
    selector, rounds = CountingSelector(), []

    async def call_some():
        async with asi1.AsyncASI1("key", fake.base_url) as client:
            for _ in range(10):
                before = selector.rounds
                await client.chat.completions.create(messages="Hi")
                rounds.append(selector.rounds - before)

    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selector)
    ) as runner:
        runner.run(call_some())

    # If a reply arrives in two reads, its call takes more iterations, so the minimum
    # counts.
    assert 4 == min(rounds)


async def test_successive_requests_reuse_one_connection(fake):
    """
    Requests that follow one another use the same connection.
    """
    limits = httpx.Limits(max_connections=2)

    async with ConnectionPool(None, limits, None) as pool:
        for _ in range(3):
            await pool.request("GET", f"{fake.base_url}/models")

    assert 1 == len({request.connection for request in fake.requests})
    assert 3 == len(fake.requests)


def reply(text):
    body = b'{"choices":[{"message":{"content":"%b"},"finish_reason":"stop"}]}' % text
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d"
    return head % len(body) + b"\r\n\r\n" + body


@pytest.fixture
def double_reply_server():
    """Run a server that sends two replies to its first request; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve():
            for said in (reply(b"one") + reply(b"two"), reply(b"three")):
                taken, _ = listening.accept()
                taken.settimeout(10)
                taken.recv(65536)
                taken.sendall(said)
                opened.append(taken)

        opened = []
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
        for taken in opened:
            taken.close()


async def test_unrequested_second_reply_is_not_the_next_answer(double_reply_server):
    """
    If a server sends a second reply right after the first, the next call does not
    return that second reply, and uses another connection.
    """
    url = f"http://127.0.0.1:{double_reply_server}"

    async with asi1.AsyncASI1("sk-test", url, max_retries=0) as client:
        first = await client.chat.completions.create(messages="Hi")
        second = await client.chat.completions.create(messages="Hi")

    assert ("one", "three") == (first.text, second.text)


@pytest.mark.system
@pytest.mark.parametrize("sockets", [True, False], ids=["sockets", "in-process"])
@pytest.mark.parametrize(
    ("said", "attempts"),
    [
        (b"", 3),
        (b"HTT", 3),
        (b"HTTP/1.1 20", 3),
        (b"Server disconnected without sending HTTP\r\n", 1),
        (b"\x15\x03\x01", 1),
        (b"HTTP 200\r\n", 1),
    ],
)
@pytest.mark.parametrize("end", [Close(), Reset()], ids=["closed", "reset"])
async def test_reply_cut_in_its_first_bytes_is_retried_only_if_it_begins_like_http(
    fake, said, attempts, sockets, end
):
    """
    If a reply is cut in its first bytes, the call is retried only if these bytes begin
    like HTTP. A server that does not speak HTTP would not speak HTTP on a retry either.
    """
    for _ in range(3):
        fake.play(*([Raw(said)] if said else []), end)
    transport = None if sockets else fake.transport
    retry = asi1.RetryPolicy(wait_first=0)

    async with asi1.AsyncASI1(
        "sk-test", fake.base_url, retry=retry, transport=transport
    ) as client:
        with pytest.raises(asi1.APIConnectionError) as caught:
            await client.chat.completions.create(messages="Hi")

    assert attempts == len(caught.value.response.attempts)
    assert (attempts == 1) == ("(illegal" in str(caught.value))


@pytest.mark.parametrize(
    ("received", "early", "late"),
    [
        (b"", False, False),
        (b"HTT", False, False),
        (b"HTTP/1.1 413 No\r\nx: y", False, False),
        (b"HTTP/1.1 413 No\r\n\r\n", True, True),
        (b"HTTP/1.0 500 No\r\n\r\n", True, True),
        (b"HTTP/1.1 307 Go\r\n\r\n", True, True),
        (b"HTTP/1.1 200 OK\r\n\r\n", False, True),
        (b"HTTP/1.1 100 Go\r\n\r\n", False, False),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 413 No\r\n", False, False),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 413 No\r\n\r\n", True, True),
        (b"SSH-2.0", True, True),
    ],
)
def test_refuses_is_true_for_error_replies_and_for_bytes_that_are_not_http(
    received, early, late
):
    """
    `refuses` is true for bytes that are not HTTP, and for the complete head of a final
    reply that is not a 2xx; with ``late=True`` also for the head of a 2xx.
    """
    assert (early, late) == (refuses(received), refuses(received, late=True))
