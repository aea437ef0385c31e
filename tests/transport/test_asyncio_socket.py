"""
asi1's own asyncio sockets: writes, reads, and closed or reset connections.
"""

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
import pytest

import asi1

from asi1._transport import network_errors
from asi1._transport.connect import AsyncioNetwork

from ..support.talk import backend_of, until


HOST = "127.0.0.1"
BIG = bytes(range(256)) * (32 * 1024 * 4)  # 32 MiB, more than all socket buffers
ANSWER = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return backend_of(request.param)


@asynccontextmanager
async def pair():
    """Yield a connection of asi1's AsyncioNetwork, and its peer, a standard socket."""
    with socket.create_server((HOST, 0)) as listener:
        ours = await AsyncioNetwork().connect_tcp(HOST, listener.getsockname()[1], 5)
        theirs, _ = listener.accept()
    theirs.settimeout(10)
    try:
        with theirs:
            yield ours, theirs
    finally:
        await ours.aclose()


def reset(sock):
    """Close *sock* with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def received(sock, size):
    """Read *size* bytes from *sock*, or fewer if the connection ends earlier."""
    got = bytearray()
    while len(got) < size and (data := sock.recv(65536)):
        got += data
    return bytes(got)


def nothing_arrived(sock):
    """Return whether *sock* has no bytes to read."""
    sock.setblocking(False)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(10)


@asynccontextmanager
async def blocking_thread(call, *args):
    """Run *call* in a thread while the body of the ``async with`` runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(anyio.to_thread.run_sync, call, *args))
        yield


async def read_whole(ours, size):
    got = bytearray()
    while len(got) < size:
        got += await ours.read(65536, 10) or pytest.fail("the end came early")
    return bytes(got)


def deliver(ours, data):
    """Pass *data* to the connection as the event loop does after a read."""
    ours.get_buffer(-1)[: len(data)] = data
    ours.buffer_updated(len(data))


async def test_small_request_is_buffered_and_sent_in_one_write():
    """
    A small request is buffered until an empty write marks its end, then sent at once.
    """
    async with pair() as (ours, theirs):
        for part in (b"head ", b"body ", b"more"):
            await ours.write(part, 5)
            await anyio.sleep(0.01)
            assert nothing_arrived(theirs)
        await ours.write(b"", 5)

        assert b"head body more" == await anyio.to_thread.run_sync(theirs.recv, 65536)


async def test_read_sends_the_buffered_bytes_of_the_request_first():
    """
    Before a read waits, it sends the buffered bytes of the request. Without them the
    server would never reply.
    """
    async with pair() as (ours, theirs):
        await ours.write(b"Hello?", 5)
        with pytest.raises(network_errors.ReadTimeout):
            await ours.read(10, 0.01)

        assert b"Hello?" == await anyio.to_thread.run_sync(theirs.recv, 65536)


@pytest.mark.parametrize("size", [65535, 65536, 65537, 200_000, len(BIG)])
async def test_body_of_any_size_arrives_complete_after_its_head(size):
    """
    A body of any size arrives complete and unchanged, after its head.
    """
    came = []
    async with (
        pair() as (ours, theirs),
        blocking_thread(lambda: came.append(received(theirs, size + 4))),
    ):
        for part in (b"head", BIG[:size], b""):
            await ours.write(part, 10)

    assert b"head" + BIG[:size] == came[0]


async def test_write_to_a_peer_that_reads_nothing_raises_write_timeout():
    """
    Writing a large body raises WriteTimeout if the peer does not read within the
    timeout.
    """
    async with pair() as (ours, _):
        with anyio.fail_after(60), pytest.raises(network_errors.WriteTimeout):
            await ours.write(BIG, 0.05)


@pytest.mark.parametrize("size", [10, len(BIG)])
async def test_write_on_a_broken_connection_raises_write_error(size):
    """
    A write on a broken connection raises WriteError, however many bytes are written.
    """
    async with pair() as (ours, theirs):
        reset(theirs)
        await until(lambda: ours._ended)

        with pytest.raises(network_errors.WriteError, match="closed"):
            await ours.write(bytes(size), 5)
            await ours.write(b"", 5)


async def test_connection_that_breaks_during_a_write_raises_write_error():
    """
    If a connection breaks while a write waits for the peer to read, WriteError is
    raised.
    """
    async with pair() as (ours, theirs):

        async def broken():
            await until(lambda: ours._write_waiter)
            reset(theirs)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(broken)
            with pytest.raises(network_errors.WriteError):
                await ours.write(BIG, 10)
        with pytest.raises(network_errors.WriteError):  # each later write fails too
            await ours.write(BIG, 10)


async def test_bytes_sent_before_a_close_are_read_before_the_end():
    """
    Reads return the bytes that the server sent before it closed the connection, then
    ``b""``.
    """
    async with pair() as (ours, theirs):
        theirs.sendall(b"abc")
        theirs.close()
        await until(lambda: ours._ended)

        assert [b"ab", b"c", b"", b""] == [await ours.read(2, 5) for _ in range(4)]


async def test_bytes_that_arrived_before_a_reset_are_read_before_the_error():
    """
    Reads return the bytes that arrived before a reset, then raise a ReadError with the
    reason.
    """
    async with pair() as (ours, theirs):
        theirs.sendall(b"abc")
        await until(lambda: ours._received)
        reset(theirs)
        await until(lambda: ours._ended)

        assert b"abc" == await ours.read(10, 5)
        for _ in range(2):
            with pytest.raises(network_errors.ReadError, match="reset"):
                await ours.read(10, 5)


@pytest.mark.parametrize("end", [reset, socket.socket.close])
async def test_close_or_reset_of_the_connection_wakes_a_waiting_reader(end):
    """
    A waiting reader wakes at once when the connection is closed or reset.
    """
    async with pair() as (ours, theirs):
        asyncio.get_running_loop().call_later(0.02, end, theirs)

        with anyio.fail_after(60):
            if end is reset:
                with pytest.raises(network_errors.ReadError):
                    await ours.read(10)
            else:
                assert b"" == await ours.read(10)


@pytest.mark.parametrize("first", ["bytes", "cancelled"])
async def test_cancelled_read_loses_no_bytes(first):
    """
    If a read is cancelled at the moment when bytes arrive, the bytes are returned by
    that read or by the next one.
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
            deliver(ours, b"abc")
            scope.cancel()

        assert b"abc" == (got or [await ours.read(10, 5)])[0]


async def test_read_can_be_repeated_after_a_timeout():
    """
    If no bytes arrive before its timeout, a read raises ReadTimeout; the next read
    returns the bytes that arrive later.
    """
    async with pair() as (ours, theirs):
        with pytest.raises(network_errors.ReadTimeout):
            await ours.read(10, 0.01)
        theirs.sendall(b"late")

        assert b"late" == await ours.read(10, 5)


@pytest.mark.system
async def test_socket_buffers_at_most_one_mib_while_no_task_reads():
    """
    While no task reads, the socket buffers at most 1 MiB, so that the server has to
    wait; a later reader gets all bytes.
    """
    async with pair() as (ours, theirs), blocking_thread(theirs.sendall, BIG):
        most, began = 0, time.monotonic()
        while time.monotonic() < began + 0.2:
            await anyio.sleep(0.01)
            most = max(most, len(ours._received))

        assert most <= 1024 * 1024
        assert BIG == await read_whole(ours, len(BIG))


@pytest.mark.parametrize("end", [reset, socket.socket.close])
async def test_late_reader_gets_all_bytes_sent_before_a_close(end):
    """
    A late reader gets all bytes that the peer sent before it closed the connection.
    After a reset, bytes that the socket has not buffered may be lost.
    """
    async with (
        pair() as (ours, theirs),
        blocking_thread(theirs.sendall, bytes(700_000)),
    ):
        await until(lambda: ours._read_paused)
        await anyio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.05, end, theirs)

        got = 0
        with anyio.fail_after(60):
            try:
                while data := await ours.read(65536):
                    got += len(data)
            except network_errors.ReadError:
                assert end is reset
            else:
                assert (700_000, socket.socket.close) == (got, end)


async def test_reads_of_buffered_bytes_can_be_cancelled():
    """
    A task that reads buffered bytes, and so never waits, can still be cancelled: it
    ends within a few reads.
    """
    async with pair() as (ours, _):
        deliver(ours, bytes(10_000))
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_soon(scope.cancel)
            for _ in range(10_000):
                await ours.read(1)

        assert scope.cancelled_caught
        assert len(ours._received) > 9_900


@pytest.mark.parametrize("event", ["closed", "reset", "wrote", "aborted"])
async def test_idle_connection_is_readable_after_a_close_or_sent_bytes(event):
    """
    `is_readable` of an idle connection becomes True when the server closes the
    connection or sends bytes, even if the event loop has not run since.
    """
    async with pair() as (ours, theirs):
        await anyio.sleep(0.01)
        assert not ours.get_extra_info("is_readable")

        match event:
            case "closed":
                theirs.close()
            case "reset":
                reset(theirs)
            case "wrote":
                theirs.sendall(b"?")
            case _:
                await ours.aclose()
        for _ in range(500):
            if ours.get_extra_info("is_readable"):
                break
            time.sleep(0.01)  # noqa: ASYNC251 - blocks the event loop on purpose
        else:
            pytest.fail("the connection did not become readable")

        await anyio.sleep(0.01)
        assert ours.get_extra_info("is_readable")


async def test_get_extra_info_returns_addresses_and_socket():
    """
    `get_extra_info` returns a connection's addresses and socket, but no TLS object.
    """
    async with pair() as (ours, theirs):
        assert theirs.getsockname() == ours.get_extra_info("server_addr")
        assert theirs.getpeername() == ours.get_extra_info("client_addr")
        assert ours.get_extra_info("socket").fileno() > 0
        assert ours.get_extra_info("ssl_object") is None


class MisbehavingServer:
    """
    A server that answers one request on each of two connections. After the first answer
    it calls *what* with the connection's socket.
    """

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
        pytest.param(socket.socket.close, id="close"),
        pytest.param(reset, id="reset"),
        pytest.param(lambda sock: sock.sendall(REPLY), id="write"),
    ],
)
async def test_idle_connection_that_was_closed_reset_or_written_to_is_not_reused(what):
    """
    After the server closed, reset or wrote to an idle connection, the next call opens a
    new connection and succeeds at the first attempt, even if the event loop has not run
    in between.
    """
    server = MisbehavingServer(what)
    async with asi1.AsyncASI1("sk-test", server.url, max_retries=0) as client:
        await client.chat.completions.create(messages="Hi")
        await anyio.to_thread.run_sync(server.idle.wait, 10)
        server.now.set()
        assert server.done.wait(10)  # blocks the event loop until the server is done
        with anyio.fail_after(60):
            answer = await client.chat.completions.create(messages="Hi")

    assert "Hi." == answer.text
    server.close()
    assert 2 == server.answered
