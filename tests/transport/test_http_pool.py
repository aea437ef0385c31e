"""
The connections of a pool: reuse, cancellation, and bytes that belong to no request.
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
from asi1.testing import Close, Raw, Reset

from ..support.talk import until


class CancellingBackend(httpcore.AsyncNetworkBackend):
    """Connects, and cancels the caller in the step in which the connection is made."""

    def __init__(self, scope):
        self.scope = scope

    async def connect_tcp(self, host, port, **options):
        made = await httpcore.AnyIOBackend().connect_tcp(host, port, **options)
        self.scope.cancel()
        return made


async def test_connection_made_for_a_cancelled_request_is_closed(fake):
    """
    A request that is cancelled in the very step in which its connection is made leaves
    none in the pool, and its place is free again.
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
    """Counts how often an event loop goes around, each time with a system call."""

    rounds = 0

    def select(self, timeout=None):
        self.rounds += 1
        return super().select(timeout)


def test_call_takes_four_rounds_of_the_event_loop(fake):
    """
    A call on an open connection starts, waits, is woken by its reply, and wakes its
    caller: four rounds of the event loop, and no more.
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

    assert 4 == min(rounds)  # a reply in two pieces takes more


async def test_connection_is_reused(fake):
    """
    Requests that follow one another go over one connection.
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
    """Run a server that sends two replies at once on its first connection."""
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


async def test_unrequested_second_reply_is_not_an_answer(double_reply_server):
    """
    A second reply that a server sends right after the first is not taken for the reply
    to the next call, which uses another connection.
    """
    url = f"http://127.0.0.1:{double_reply_server}"

    async with asi1.AsyncASI1("sk-test", url, max_retries=0) as client:
        first = await client.chat.completions.create(messages="Hi")
        second = await client.chat.completions.create(messages="Hi")

    assert ("one", "three") == (first.text, second.text)


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
async def test_broken_off_http_is_retried_and_other_bytes_are_not(
    fake, said, attempts, sockets, end
):
    """
    A reply that breaks off in its first bytes is retried if they are HTTP so far: a
    server that does not speak HTTP would not do so the next time either.
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
