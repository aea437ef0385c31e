"""
`FakeASI1`: a fake ASI-1 service, as a server with sockets or as an httpx transport.

Tests script replies with the methods of `_scripting`; `_script` queues the replies,
`_replies` and `_faults` make a plan of each, `_server` and `_transport` carry out the
plans.
"""

from __future__ import annotations

from typing import Self

from .._settings.validators import flag, or_none, whole_number
from ._checks import ensure
from ._request import RecordedRequest
from ._script import Script
from ._scripting import Scripting
from ._server import Server
from ._shapes import GENERATION, Generation
from ._transport import FakeTransport


__all__ = ["FakeASI1"]


def _port(value: object) -> str | None:
    problem = whole_number(0)(value)
    fits = problem is None and isinstance(value, int) and value <= 65535
    return None if fits else "must be a whole number from 0 to 65535"


class FakeASI1(Scripting):
    """
    A fake ASI-1 service, which sends scripted replies.

    The fake is a real HTTP/1.1 server on 127.0.0.1, with its own thread and event loop,
    so that blocking clients and clients on asyncio or trio can use it::

        with FakeASI1() as fake:
            fake.reply("Otters hold hands.", thoughts=["Keep it short."])
            client = ASI1("any-key", base_url=fake.base_url)

    Each answer of the model takes one reply. So a run with tools that calls two tools
    at the same time, then answers, needs two::

        oslo, rome = {"city": "Oslo"}, {"city": "Rome"}
        fake.reply(
            tool_calls=[
                {"name": "weather", "arguments": oslo},
                {"name": "weather", "arguments": rome},
            ],
        )
        fake.reply("It is warmer in Rome.")

    A model that writes a call as markup is played by a text with the markup, such as
    ``<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>``.

    ``async with`` also starts and stops the fake. To use no sockets, do not start the
    fake, and give its `transport` to an ``httpx.AsyncClient``.

    Each scripting method queues a reply; each request under ``/v1/`` takes one from
    the queue, whatever its path. When the queue is empty, a chat request gets the
    standing reply: the one last scripted with ``times=None``, or else a built-in
    answer; unknown paths get a 404. All methods are thread-safe.

    Args:
        seed: Seed of the random ids and times in replies: the same seed and the same
            requests give the same bytes. None for a random seed.
        port: The port to listen on; 0 for any free port.
        require_key: Whether a request without an Authorization header gets a 401.
        generation: The format of all answers that do not set their own: ``"2025"``,
            ``"2026"`` or ``"guide"``, as `reply` describes them. None for ``"2025"``,
            and ``"guide"`` for the built-in answer.
        strict: If True, a request that would get a built-in reply gets a 400, and so
            does one with tool calls or results that services refuse, such as a result
            that belongs to no call. At its end, the ``with`` block raises an
            AssertionError if `verify` finds anything, unless another exception leaves
            the block.

    Raises:
        TypeError: An argument has a wrong type.
        ValueError: An argument has an invalid value.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        port: int = 0,
        require_key: bool = False,
        generation: Generation | None = None,
        strict: bool = False,
    ) -> None:
        ensure("seed", seed, or_none(whole_number()))
        ensure("port", port, _port, int)
        ensure("require_key", require_key, flag)
        ensure("generation", generation, GENERATION, str)
        ensure("strict", strict, flag)
        super().__init__(Script(seed, generation))
        self._script.require_key = require_key
        self._script.strict = strict
        self._server = Server(self._script, port)
        self._transport = FakeTransport(self._script)

    def __repr__(self) -> str:
        state = "running" if self._server.running else "not running"
        return f"<FakeASI1 {self.base_url} {state}>"

    def start(self) -> Self:
        """
        Start the server, for use without ``with``.

        Raises:
            RuntimeError: The server is already running.
            OSError: The port is in use.
        """
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop the server at once, even during replies; a second call has no effect."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if self.strict and kind is None:
            self.verify()

    # `start` and `stop` block for a few milliseconds only, so they are called directly:
    # a worker thread of anyio would stay idle in the caller's event loop.
    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.__exit__(kind)

    @property
    def port(self) -> int:
        """
        The port of the server; after the server stops, the port that it had.

        Raises:
            RuntimeError: The server has not been started.
        """
        if self._server.port is None:
            raise RuntimeError("the fake is not started: `with FakeASI1() as fake:`")
        return self._server.port

    @property
    def base_url(self) -> str:
        """
        The base URL for a client.

        Before the first start, the URL has port 1, which is enough for `transport`.
        After the fake stops, the port of the URL refuses connections.
        """
        return f"http://127.0.0.1:{self._server.port or 1}/v1"

    @property
    def open_connections(self) -> int:
        """How many connections to the server are open now, idle ones included."""
        return self._server.open_connections

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, in the order of arrival; the list is a copy."""
        return self._script.requests

    @property
    def pending(self) -> int:
        """How many scripted replies are still queued."""
        return self._script.pending

    @property
    def require_key(self) -> bool:
        """Whether a request without an Authorization header gets a 401."""
        return self._script.require_key

    @require_key.setter
    def require_key(self, value: bool) -> None:
        ensure("require_key", value, flag)
        self._script.require_key = value

    @property
    def strict(self) -> bool:
        """Whether the fake refuses calls that no reply was scripted for."""
        return self._script.strict

    def verify(self) -> None:
        """
        Check that each request had a scripted reply, and each scripted reply a request.

        A reply with ``times=None`` needs no request. After `clear`, only later requests
        and replies are checked.

        Raises:
            AssertionError: The message lists the requests without a reply, each with
                its last message, and the replies that are left over.
        """
        unmet = self._script.unmet()
        if unmet:
            raise AssertionError(unmet)

    @property
    def transport(self) -> FakeTransport:
        """
        The fake as a transport for ``httpx.AsyncClient(transport=...)``: no sockets.

        The transport runs in the client's event loop, on asyncio or trio, and raises
        the same errors as httpx's own transport. Each request has its own connection,
        so faults of an idle connection have no effect.
        """
        return self._transport

    def clear(self) -> None:
        """Remove all scripted replies, queued or standing, and recorded requests."""
        self._script.clear()
