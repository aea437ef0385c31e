"""
Serves scripted replies on sockets, in a thread with its own event loop.

The server uses plain sockets, not anyio's streams, because a reset needs a close
without a shutdown before it, and each piece of a reply must be one write.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from contextlib import suppress
from itertools import chain, pairwise
from threading import Event, Thread
from typing import Self, cast
from urllib.parse import urlsplit

import anyio
import h11

from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from ._plan import Close, End, Listen, Pause, Plan, Reset, Stall, flat
from ._render import Renderer
from ._replies import json_plan
from ._request import Ending, Outcome, RecordedRequest, join_headers
from ._script import Script


__all__ = ["Server"]


_READ_SIZE = 65536
_HEAD_SIZE = 1024 * 1024  # bytes; the limit of a request's line and headers
_LINGER_ZERO = struct.pack("ii", 1, 0)  # close() sends a reset: SO_LINGER in socket(7)
_SHORT_PAUSE = 0.25  # seconds; a disconnection in a shorter pause is noticed after it
_LINGER = 0.5  # seconds for a client to read the reply to an invalid request


class _DisconnectedError(Exception):
    """The client has closed or reset the connection."""


class _Connection:
    """A connection to a client; its methods raise when the client disconnects."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.number = number
        self.unread = b""  # bytes that were received, but are not parsed yet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, unless it is already closed."""
        self._sock.close()

    async def receive(self) -> bytes:
        """Wait for bytes and return them; raise if the client disconnects instead."""
        while (data := self._take()) is None:
            await anyio.wait_readable(self._sock)
        return data

    def _take(self) -> bytes | None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise _DisconnectedError from exc
        if not data:
            raise _DisconnectedError
        return data

    async def send(self, data: bytes) -> None:
        """Send bytes, in one write if the socket's buffer has room for them."""
        await checkpoint()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)
            except OSError as exc:
                raise _DisconnectedError from exc

    async def wait(self, seconds: float | None) -> None:
        """Wait *seconds* (None: no limit); raise if the client disconnects first."""
        if seconds is not None and seconds <= _SHORT_PAUSE:
            await anyio.sleep(seconds)
            self.unread += self._take() or b""
            return
        with anyio.move_on_after(seconds):
            while True:
                self.unread += await self.receive()

    async def listen(self) -> None:
        """Wait until bytes of the client's next request have arrived."""
        while not self.unread:
            self.unread += await self.receive()

    async def close_gracefully(self) -> None:
        """Close the sending side, and give the client time to read the reply."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        await self.wait(_LINGER)

    def reset(self) -> None:
        """Reset the connection."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._sock.close()


async def _play(plan: Plan, connection: _Connection, renderer: Renderer) -> bool:
    """Carry out a reply's steps; return whether the connection can be used again."""
    for step, following in pairwise(chain(flat(plan), [End()])):
        match step:
            case Pause(seconds) | Stall(seconds):
                await connection.wait(seconds)
            case Listen():
                await connection.listen()
            case Reset():
                connection.reset()
                return False
            case Close():
                return False
            case _:
                data = renderer.render(step)
                if isinstance(following, End):  # send the body's end in the same write
                    data += renderer.render(following)
                await connection.send(data)
    await connection.send(renderer.render(End()))
    return renderer.keep_alive


async def _event(connection: _Connection, parser: h11.Connection) -> object:
    while (event := parser.next_event()) is h11.NEED_DATA:
        if parser.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            await connection.send(parser.send(go_on) or b"")
        parser.receive_data(await connection.receive())
    return event


async def _read(
    connection: _Connection, parser: h11.Connection, ending: Ending
) -> RecordedRequest:
    if connection.unread:  # because h11 takes b"" for the connection's end
        parser.receive_data(connection.unread)
        connection.unread = b""
    # h11 returns first a Request, then Data events and EndOfMessage, or raises.
    head = cast("h11.Request", await _event(connection, parser))
    body = bytearray()
    while isinstance(event := await _event(connection, parser), h11.Data):
        body += event.data
    connection.unread = parser.trailing_data[0]
    return _record(head, bytes(body), connection.number, ending)


def _record(
    head: h11.Request, body: bytes, number: int, ending: Ending
) -> RecordedRequest:
    target = urlsplit(head.target.decode("latin-1"))
    return RecordedRequest(
        method=head.method.decode("latin-1"),
        path=target.path,
        query=target.query,
        headers=join_headers(head.headers),
        body=body,
        connection=number,
        ending=ending,
    )


class Server:
    """
    Listens on 127.0.0.1 and sends scripted replies.

    Args:
        script: Chooses the replies.
        port: The port; 0 for any free port.

    Attributes:
        port: The port, also after `stop`; None before the first `start`.
        open_connections: How many sockets are open, idle ones included.
    """

    def __init__(self, script: Script, port: int) -> None:
        self._script = script
        self._requested_port = port
        self._thread: Thread | None = None
        self._ready = Event()
        self._count = 0
        self.port: int | None = None
        self.open_connections = 0

    @property
    def running(self) -> bool:
        """Whether the server is listening."""
        return self._thread is not None

    def start(self) -> None:
        """
        Listen on the port, then serve requests in a new thread.

        Raises:
            RuntimeError: The server is already running.
            OSError: The port is in use.
        """
        if self.running:
            raise RuntimeError("the fake is already running")
        sock = socket.create_server(("127.0.0.1", self._requested_port), backlog=4096)
        self.port = sock.getsockname()[1]
        self._ready.clear()
        # A daemon thread, because a fake left running must not keep the process alive.
        self._thread = Thread(
            target=anyio.run, args=(self._serve, sock), name="asi1-fake", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Cancel all replies, close all sockets and end the thread."""
        if self._thread is not None:
            self._ready.wait()
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    async def _serve(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = anyio.Event()
        self._ready.set()
        with sock:
            sock.setblocking(False)
            async with anyio.create_task_group() as group:
                group.start_soon(self._accept, sock, group)
                await self._stopping.wait()
                group.cancel_scope.cancel()

    async def _accept(self, sock: socket.socket, group: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(sock)
            try:
                accepted, _ = sock.accept()
            except OSError:
                # `accept` fails if the client has gone or no file descriptor is free.
                await anyio.sleep(0.01)
                continue
            self._count += 1
            self.open_connections += 1
            group.start_soon(self._serve_connection, _Connection(accepted, self._count))

    async def _serve_connection(self, connection: _Connection) -> None:
        try:
            with connection, suppress(_DisconnectedError):
                while await self._serve_request(connection):
                    pass
        finally:
            self.open_connections -= 1

    async def _serve_request(self, connection: _Connection) -> bool:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_SIZE)
        ending = Ending()
        try:
            request = await _read(connection, parser, ending)
        except (h11.RemoteProtocolError, ValueError) as exc:  # ValueError: invalid URL
            await self._refuse(connection, str(exc))
            return False
        renderer = Renderer(head_only=request.method == "HEAD")
        outcome: Outcome = "stopped"
        keep = False
        try:
            keep = await _play(self._script.answer(request), connection, renderer)
            keep = keep and parser.their_state is h11.DONE
            outcome = "sent"
        except _DisconnectedError:
            outcome = "left"
            raise
        finally:
            # The connection is closed before the outcome is set, because a test that
            # waits for the outcome may send its next request at once.
            if not keep:
                connection.close()
            ending.end(outcome)
        return keep

    async def _refuse(self, connection: _Connection, reason: str) -> None:
        error = {"error": {"message": reason, "type": "bad_request"}}
        plan = json_plan(400, error, {"connection": "close"})
        await _play(plan, connection, Renderer())
        await connection.close_gracefully()
