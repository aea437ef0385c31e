"""
Plans acted out on sockets, in a thread with an event loop of its own.

The sockets are plain ones and not anyio's streams: a reset needs a close without the
polite end before it, and each piece of a reply must be one write.
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
from ._request import Ending, Outcome, RecordedRequest, joined
from ._script import Script


__all__ = ["Server"]


_READ_SIZE = 65536
_HEAD_SIZE = 1024 * 1024  # bytes of a request's head
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger for 0 seconds: see socket(7)
_SHORT = 0.25  # seconds; to watch a socket meanwhile costs more than such a pause
_LAST_WORDS = 0.5  # seconds for a client to read why its request was refused


class _ClientLeftError(Exception):
    """The client closed or broke the connection."""


class _Line:
    """One connection: bytes in and out, and the news that the client has left."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.number = number
        self.early = b""  # what came before it was asked for

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if nothing has done so."""
        self._sock.close()

    async def receive(self) -> bytes:
        """Give the next bytes, at least one; raise if there will be none."""
        while (data := self._take()) is None:
            await anyio.wait_readable(self._sock)
        return data

    def _take(self) -> bytes | None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise _ClientLeftError from exc
        if not data:
            raise _ClientLeftError
        return data

    async def send(self, data: bytes) -> None:
        """Write bytes, in one write if the system takes them all."""
        await checkpoint()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)
            except OSError as exc:
                raise _ClientLeftError from exc

    async def wait(self, seconds: float | None) -> None:
        """Let time go by, for ever if None; raise if the client leaves meanwhile."""
        if seconds is not None and seconds <= _SHORT:
            await anyio.sleep(seconds)
            self.early += self._take() or b""
            return
        with anyio.move_on_after(seconds):
            while True:
                self.early += await self.receive()

    async def listen(self) -> None:
        """Wait until the client has said something that was not asked for."""
        while not self.early:
            self.early += await self.receive()

    async def part(self) -> None:
        """End our side, and leave the client time to read what was sent to it."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        await self.wait(_LAST_WORDS)

    def reset(self) -> None:
        """Break the connection."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._sock.close()


async def _play(plan: Plan, line: _Line, renderer: Renderer) -> bool:
    """Act out a plan; tell whether the connection may serve another request."""
    for step, following in pairwise(chain(flat(plan), [End()])):
        match step:
            case Pause(seconds) | Stall(seconds):
                await line.wait(seconds)
            case Listen():
                await line.listen()
            case Reset():
                line.reset()
                return False
            case Close():
                return False
            case _:
                data = renderer.render(step)
                if isinstance(following, End):  # as a server does that has it all
                    data += renderer.render(following)
                await line.send(data)
    await line.send(renderer.render(End()))
    return renderer.keep_alive


async def _event(line: _Line, conn: h11.Connection) -> object:
    while (event := conn.next_event()) is h11.NEED_DATA:
        if conn.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            await line.send(conn.send(go_on) or b"")
        conn.receive_data(await line.receive())
    return event


async def _read(line: _Line, conn: h11.Connection, ending: Ending) -> RecordedRequest:
    # To h11, no bytes mean that the client has closed.
    if line.early:
        conn.receive_data(line.early)
        line.early = b""
    # A connection that is still open gives a request, its data and their end, or
    # raises.
    head = cast("h11.Request", await _event(line, conn))
    body = bytearray()
    while isinstance(event := await _event(line, conn), h11.Data):
        body += event.data
    line.early = conn.trailing_data[0]
    return _record(head, bytes(body), line.number, ending)


def _record(
    head: h11.Request, body: bytes, number: int, ending: Ending
) -> RecordedRequest:
    target = urlsplit(head.target.decode("latin-1"))
    return RecordedRequest(
        method=head.method.decode("latin-1"),
        path=target.path,
        query=target.query,
        headers=joined(head.headers),
        body=body,
        connection=number,
        ending=ending,
    )


class Server:
    """
    Listens on 127.0.0.1 and answers as the script says.

    Args:
        script: Chooses the replies.
        port: The port; 0 for any free one.

    Attributes:
        port: The port in use; the last one after `stop`, None before `start`.
        open_connections: How many sockets are open, idle ones included.
    """

    def __init__(self, script: Script, port: int) -> None:
        self._script = script
        self._wanted = port
        self._thread: Thread | None = None
        self._ready = Event()
        self._count = 0
        self.port: int | None = None
        self.open_connections = 0

    @property
    def running(self) -> bool:
        """Whether the server listens."""
        return self._thread is not None

    def start(self) -> None:
        """
        Listen, then serve in a new thread.

        Raises:
            RuntimeError: It is running already.
            OSError: The port is taken.
        """
        if self.running:
            raise RuntimeError("This fake is running already.")
        sock = socket.create_server(("127.0.0.1", self._wanted), backlog=4096)
        self.port = sock.getsockname()[1]
        self._ready.clear()
        # A daemon, so that a fake that nobody stops cannot hold up the interpreter.
        self._thread = Thread(
            target=anyio.run, args=(self._serve, sock), name="asi1-fake", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Break off every reply, close every socket and end the thread."""
        if self._thread is not None:
            self._ready.wait()
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
            self._thread = None

    async def _serve(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = anyio.Event()
        self._ready.set()
        with sock:
            sock.setblocking(False)
            async with anyio.create_task_group() as group:
                group.start_soon(self._accept, sock, group)
                await self._over.wait()
                group.cancel_scope.cancel()

    async def _accept(self, sock: socket.socket, group: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(sock)
            try:
                accepted, _ = sock.accept()
            except OSError:
                # The client has thought better of it, or no descriptor is free.
                await anyio.sleep(0.01)
                continue
            self._count += 1
            self.open_connections += 1
            group.start_soon(self._converse, _Line(accepted, self._count))

    async def _converse(self, line: _Line) -> None:
        try:
            with line, suppress(_ClientLeftError):
                while await self._exchange(line):
                    pass
        finally:
            self.open_connections -= 1

    async def _exchange(self, line: _Line) -> bool:
        conn = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_SIZE)
        ending = Ending()
        try:
            request = await _read(line, conn, ending)
        except (h11.RemoteProtocolError, ValueError) as exc:  # or the target is no URL
            await self._refuse(line, str(exc))
            return False
        renderer = Renderer(head_only=request.method == "HEAD")
        outcome: Outcome = "stopped"
        keep = False
        try:
            keep = await _play(self._script.answer(request), line, renderer)
            keep = keep and conn.their_state is h11.DONE
            outcome = "sent"
        except _ClientLeftError:
            outcome = "left"
            raise
        finally:
            # Who hears of the end may ask again at once, and not on this connection.
            if not keep:
                line.close()
            ending.end(outcome)
        return keep

    async def _refuse(self, line: _Line, reason: str) -> None:
        error = {"error": {"message": reason, "type": "bad_request"}}
        plan = json_plan(400, error, {"connection": "close"})
        await _play(plan, line, Renderer())
        await line.part()
