"""The sockets on asyncio's loops: what is written, read, and seen while idle."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time

from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.to_thread
import httpcore
import pytest

import asi1

from asi1._transport.connect import AsyncioBackend

from ..support.talk import backend_of, until


HOST = "127.0.0.1"
BIG = bytes(range(256)) * (32 * 1024 * 4)  # more than all buffers on the way hold
ANSWER = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return backend_of(request.param)


@asynccontextmanager
async def pair():
    """Give one of our connections, and its other end as a plain socket."""
    with socket.create_server((HOST, 0)) as listener:
        ours = await AsyncioBackend().connect_tcp(HOST, listener.getsockname()[1], 5)
        theirs, _ = listener.accept()
    theirs.settimeout(10)
    try:
        with theirs:
            yield ours, theirs
    finally:
        await ours.aclose()


def reset(sock):
    """Break a connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def received(sock, size):
    """Return the next *size* bytes, or all there are until the end."""
    got = bytearray()
    while len(got) < size and (data := sock.recv(65536)):
        got += data
    return bytes(got)


def nothing_came(sock):
    """Tell whether nothing is there to be read."""
    sock.setblocking(False)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(10)


@asynccontextmanager
async def beside(call, *args):
    """Run what blocks in a thread meanwhile."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(anyio.to_thread.run_sync, call, *args))
        yield


async def read_whole(ours, size):
    got = bytearray()
    while len(got) < size:
        got += await ours.read(65536, 10) or pytest.fail("the end came early")
    return bytes(got)


def bring(ours, data):
    """Let *data* come, as the event loop does it."""
    ours.get_buffer(-1)[: len(data)] = data
    ours.buffer_updated(len(data))


async def test_a_request_leaves_in_one_piece():
    """
    Nothing of a small request is sent before its end is there, and then all of it.
    """
    async with pair() as (ours, theirs):
        for part in (b"head ", b"body ", b"more"):
            await ours.write(part, 5)
            await anyio.sleep(0.01)
            assert nothing_came(theirs)
        await ours.write(b"", 5)

        assert b"head body more" == await anyio.to_thread.run_sync(theirs.recv, 65536)


async def test_who_reads_has_said_everything():
    """
    What is held back of a request is sent before its reply is waited for.
    """
    async with pair() as (ours, theirs):
        await ours.write(b"Hello?", 5)
        with pytest.raises(httpcore.ReadTimeout):
            await ours.read(10, 0.01)

        assert b"Hello?" == await anyio.to_thread.run_sync(theirs.recv, 65536)


@pytest.mark.parametrize("size", [65535, 65536, 65537, 200_000, len(BIG)])
async def test_a_large_body_arrives_whole(size):
    """
    A body of any size arrives as it is, after its head.
    """
    came = []
    async with (
        pair() as (ours, theirs),
        beside(lambda: came.append(received(theirs, size + 4))),
    ):
        for part in (b"head", BIG[:size], b""):
            await ours.write(part, 10)

    assert b"head" + BIG[:size] == came[0]


async def test_a_peer_that_reads_nothing_is_given_up():
    """
    A body that nobody takes is a WriteTimeout.
    """
    async with pair() as (ours, _):
        with anyio.fail_after(5), pytest.raises(httpcore.WriteTimeout):
            await ours.write(BIG, 0.05)


@pytest.mark.parametrize("size", [10, len(BIG)])
async def test_a_broken_connection_takes_nothing(size):
    """
    A write on a connection that is broken is a WriteError, of however many bytes.
    """
    async with pair() as (ours, theirs):
        reset(theirs)
        await until(lambda: ours._ended)

        with pytest.raises(httpcore.WriteError, match="closed"):
            await ours.write(bytes(size), 5)
            await ours.write(b"", 5)


async def test_a_connection_may_break_under_a_write():
    """
    Who waits until the peer takes more is told when the connection breaks.
    """
    async with pair() as (ours, theirs):

        async def broken():
            await until(lambda: ours._write_waiter)
            reset(theirs)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(broken)
            with pytest.raises(httpcore.WriteError):
                await ours.write(BIG, 10)
        with pytest.raises(httpcore.WriteError):  # nobody waits for what is gone
            await ours.write(BIG, 10)


async def test_the_end_comes_after_what_was_said():
    """
    What a server sent before it closed is read first, then no bytes: the end.
    """
    async with pair() as (ours, theirs):
        theirs.sendall(b"abc")
        theirs.close()
        await until(lambda: ours._ended)

        assert [b"ab", b"c", b"", b""] == [await ours.read(2, 5) for _ in range(4)]


async def test_a_reset_comes_after_what_was_said():
    """
    What came before a connection broke is read first, then a ReadError says why.
    """
    async with pair() as (ours, theirs):
        theirs.sendall(b"abc")
        await until(lambda: ours._received)
        reset(theirs)
        await until(lambda: ours._ended)

        assert b"abc" == await ours.read(10, 5)
        for _ in range(2):
            with pytest.raises(httpcore.ReadError, match="reset"):
                await ours.read(10, 5)


@pytest.mark.parametrize("end", [reset, socket.socket.close])
async def test_an_end_wakes_who_reads(end):
    """
    A reader who waits is told of the end at once.
    """
    async with pair() as (ours, theirs):
        asyncio.get_running_loop().call_later(0.02, end, theirs)

        with anyio.fail_after(5):
            if end is reset:
                with pytest.raises(httpcore.ReadError):
                    await ours.read(10)
            else:
                assert b"" == await ours.read(10)


@pytest.mark.parametrize("first", ["bytes", "cancelled"])
async def test_a_cancelled_read_loses_nothing(first):
    """
    Bytes that come at the moment when their reader is cancelled are there for the next.
    """
    got = []
    async with pair() as (ours, _):

        async def read():
            with scope:
                got.append(await ours.read(10))

        async with anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()
            tasks.start_soon(read)
            await until(lambda: ours._read_waiter)
            if first == "cancelled":
                scope.cancel()
            bring(ours, b"abc")
            scope.cancel()

        assert b"abc" == (got or [await ours.read(10, 5)])[0]


async def test_a_read_that_took_too_long_may_be_repeated():
    """
    Nothing within the time is a ReadTimeout, and what comes later is read later.
    """
    async with pair() as (ours, theirs):
        with pytest.raises(httpcore.ReadTimeout):
            await ours.read(10, 0.01)
        theirs.sendall(b"late")

        assert b"late" == await ours.read(10, 5)


async def test_a_server_waits_for_a_slow_reader():
    """
    Of what nobody reads little is kept; once it is read, all the rest comes.
    """
    async with pair() as (ours, theirs), beside(theirs.sendall, BIG):
        most, began = 0, time.monotonic()
        while time.monotonic() < began + 0.2:
            await anyio.sleep(0.01)
            most = max(most, len(ours._received))

        assert most <= 1024 * 1024
        assert BIG == await read_whole(ours, len(BIG))


@pytest.mark.parametrize("end", [reset, socket.socket.close])
async def test_an_end_behind_much_data_is_reached(end):
    """
    A connection that ends while its reader is far behind gives what came, and its end.
    """
    async with pair() as (ours, theirs), beside(theirs.sendall, bytes(700_000)):
        await until(lambda: ours._read_paused)
        await anyio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.05, end, theirs)

        got = 0
        with anyio.fail_after(5):
            try:
                while data := await ours.read(65536):
                    got += len(data)
            except httpcore.ReadError:
                assert end is reset
            else:
                assert (700_000, socket.socket.close) == (got, end)


async def test_a_reader_who_never_waits_can_be_cancelled():
    """
    However much is there to be read, a cancelled reader ends within some reads.
    """
    async with pair() as (ours, _):
        bring(ours, bytes(10_000))
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_soon(scope.cancel)
            for _ in range(10_000):
                await ours.read(1)

        assert scope.cancelled_caught
        assert len(ours._received) > 9_900


@pytest.mark.parametrize("event", ["closed", "reset", "spoke", "aborted"])
async def test_an_idle_connection_that_has_news_is_seen_at_once(event):
    """
    An idle connection is not readable; it is when the server left or spoke, even if the
    event loop had no step since.
    """
    async with pair() as (ours, theirs):
        await anyio.sleep(0.01)
        assert not ours.get_extra_info("is_readable")

        match event:
            case "closed":
                theirs.close()
            case "reset":
                reset(theirs)
            case "spoke":
                theirs.sendall(b"?")
            case _:
                await ours.aclose()
        for _ in range(500):
            if ours.get_extra_info("is_readable"):
                break
            time.sleep(0.01)  # noqa: ASYNC251 - the event loop must have no step
        else:
            pytest.fail("nothing was seen")

        await anyio.sleep(0.01)
        assert ours.get_extra_info("is_readable")


async def test_a_connection_knows_its_ends():
    """
    A connection tells both addresses, its socket, and that it has no TLS.
    """
    async with pair() as (ours, theirs):
        assert theirs.getsockname() == ours.get_extra_info("server_addr")
        assert theirs.getpeername() == ours.get_extra_info("client_addr")
        assert ours.get_extra_info("socket").fileno() > 0
        assert ours.get_extra_info("ssl_object") is None


class Moody:
    """A server that answers once on each connection, and then does *what* at a word."""

    def __init__(self, what):
        self._what = what
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(10)
        self.url = f"http://{HOST}:{self._listener.getsockname()[1]}/v1"
        self.idle, self.now, self.done = (threading.Event() for _ in range(3))
        self.answered = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        self._answer(first=True)
        self._answer(first=False)

    def _answer(self, *, first):
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        with sock:
            sock.settimeout(10)
            got = b""
            while not got.endswith(b"}") and (data := sock.recv(65536)):
                got += data
            sock.sendall(REPLY)
            self.answered += 1
            if first:
                self.idle.set()
                self.now.wait(10)
                self._what(sock)
                self.done.set()

    def close(self):
        self._thread.join(10)
        self._listener.close()


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(socket.socket.close, id="closes"),
        pytest.param(reset, id="breaks"),
        pytest.param(lambda sock: sock.sendall(REPLY), id="speaks"),
    ],
)
async def test_an_idle_connection_that_has_news_is_not_used_again(what):
    """
    After the server left, broke or talked on an idle connection the next call is made
    on a new one, in one try, though the event loop had no step in between.
    """
    server = Moody(what)
    async with asi1.AsyncASI1("sk-test", server.url, max_retries=0) as client:
        await client.chat.completions.create(messages="Hi")
        await anyio.to_thread.run_sync(server.idle.wait, 10)
        server.now.set()
        assert server.done.wait(10)  # and meanwhile no loop runs
        with anyio.fail_after(10):
            answer = await client.chat.completions.create(messages="Hi")

    assert "Hi." == answer.text
    server.close()
    assert 2 == server.answered
