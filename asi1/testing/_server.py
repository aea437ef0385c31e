"""
Serves scripted replies on sockets, in a thread with its own event loop.

`_connection` has the connection to a client, `_reader` reads the requests.
"""

from __future__ import annotations

import asyncio
import socket

from contextlib import suppress
from itertools import chain, pairwise
from threading import Event, Thread

import anyio
import h11

from anyio.abc import TaskGroup

from ._connection import Connection, DisconnectedError
from ._plan import Close, End, Listen, Pause, Plan, Reset, Stall, flat
from ._reader import RequestReader
from ._render import Renderer
from ._replies import json_plan
from ._request import Ending, Outcome
from ._script import Script


__all__ = ["Server"]


async def _play(plan: Plan, connection: Connection, renderer: Renderer) -> bool:
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
            group.start_soon(self._serve_connection, Connection(accepted, self._count))

    async def _serve_connection(self, connection: Connection) -> None:
        try:
            with connection, suppress(DisconnectedError):
                while await self._serve_request(connection):
                    pass
        finally:
            self.open_connections -= 1

    async def _serve_request(self, connection: Connection) -> bool:
        reader, ending = RequestReader(connection), Ending()
        try:
            request = await reader.head(ending)
            plan = await reader.answer(request, self._script)
        except (h11.RemoteProtocolError, ValueError) as exc:  # ValueError: invalid URL
            await self._refuse(connection, str(exc))
            return False
        renderer = Renderer(head_only=request.method == "HEAD")
        outcome: Outcome = "stopped"
        keep = False
        try:
            keep = await _play(plan, connection, renderer) and reader.complete
            outcome = "sent"
        except DisconnectedError:
            outcome = "left"
            raise
        finally:
            # The connection is closed before the outcome is set, because a test that
            # waits for the outcome may send its next request at once.
            if not keep:
                connection.close()
            ending.end(outcome)
        return keep

    async def _refuse(self, connection: Connection, reason: str) -> None:
        error = {"error": {"message": reason, "type": "bad_request"}}
        plan = json_plan(400, error, {"connection": "close"})
        await _play(plan, connection, Renderer())
        await connection.close_gracefully()
