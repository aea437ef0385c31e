"""
`FakeASI1`: what a test sees of the script, the server and the transport.

Nothing is decided here. Replies are asked for in `_scripting`, made in `_replies` and
`_faults`, chosen in `_script`, and played by `_server` and `_transport`.
"""

from __future__ import annotations

from typing import Self

from ._request import RecordedRequest
from ._script import Script
from ._scripting import Scripting
from ._server import Server
from ._transport import FakeTransport


__all__ = ["FakeASI1"]


class FakeASI1(Scripting):
    """
    A stand-in for the ASI-1 service that answers what it is told to.

    It is a real HTTP/1.1 server on 127.0.0.1 with a thread and an event loop of its
    own, so it serves blocking clients, asyncio and trio alike::

        with FakeASI1() as fake:
            fake.reply("Otters hold hands.", thoughts=["Keep it short."])
            client = ASI1("any-key", base_url=fake.base_url)

    ``async with`` does the same. Where no socket is wanted, give `transport` to an
    ``httpx.AsyncClient`` and do not start it at all.

    Each scripting method queues a reply; each request under ``/v1/`` takes one from
    the queue, whatever its path. Once the queue is empty, a chat request gets the
    standing reply: the one last scripted with ``times=None``, or else a canned answer;
    other paths get 404. All methods may be called from any thread, at any time.

    Args:
        seed: Where ids and other chance details start from; the same seed and the same
            requests give the same bytes. None for any.
        port: The port to listen on; 0 for any free one.
        require_key: Whether a request without an Authorization header gets 401.
    """

    def __init__(
        self, *, seed: int | None = None, port: int = 0, require_key: bool = False
    ) -> None:
        super().__init__(Script(seed))
        self._script.require_key = require_key
        self._server = Server(self._script, port)
        self._transport = FakeTransport(self._script)

    def __repr__(self) -> str:
        state = "running" if self._server.running else "not running"
        return f"<FakeASI1 {self.base_url} {state}>"

    def start(self) -> Self:
        """
        Start the server, for use without ``with``.

        Raises:
            RuntimeError: It is running already.
            OSError: The port is taken.
        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop the server at once, also in the middle of replies; twice is no error."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Starting and stopping take a few milliseconds and wait for no client: done in
    # place, they leave no worker thread behind in the caller's event loop.
    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """
        The port of the server; once stopped, the port it had.

        Raises:
            RuntimeError: It has never been started.
        """
        if self._server.port is None:
            raise RuntimeError("Start the fake first: `with FakeASI1() as fake:`.")
        return self._server.port

    @property
    def base_url(self) -> str:
        """
        What to give to a client as its base URL.

        Before the first start it names port 1, which is good enough for `transport`;
        after the end it names a port that refuses connections.
        """
        return f"http://127.0.0.1:{self._server.port or 1}/v1"

    @property
    def open_connections(self) -> int:
        """How many sockets clients hold open now, idle ones included."""
        return self._server.open_connections

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, in the order of arrival; a copy."""
        return self._script.requests

    @property
    def pending(self) -> int:
        """How many queued replies no request has taken yet."""
        return self._script.pending

    @property
    def require_key(self) -> bool:
        """Whether a request without an Authorization header gets 401."""
        return self._script.require_key

    @require_key.setter
    def require_key(self, value: bool) -> None:
        self._script.require_key = value

    @property
    def transport(self) -> FakeTransport:
        """
        The same script without sockets, for ``httpx.AsyncClient(transport=...)``.

        It runs in the client's event loop, on asyncio or trio, and raises the errors
        that httpx's own transport would. Each request has a connection of its own, so
        faults of an idle connection do not show.
        """
        return self._transport

    def clear(self) -> None:
        """Forget the queue, the standing reply and the requests."""
        self._script.clear()
