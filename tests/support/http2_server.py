"""A small HTTP/2 server without TLS, which replies as a test chooses."""

from __future__ import annotations

import asyncio
import json
import threading

from collections.abc import Callable
from typing import Self

import h2.config
import h2.connection
import h2.events


__all__ = ["HTTP2Server"]

ANSWER = json.dumps(
    {"choices": [{"message": {"content": "Two."}, "finish_reason": "stop"}]}
).encode()


RESETS = {"protocol": 1, "refuse": 7, "cancel": 8, "need-http1": 13}


class HTTP2Server:
    """
    A server that runs in a thread of its own.

    Attributes:
        replies: What is done with the first request, the second and so on: "answer",
            "stall", "begin" (a reply without an end), "leave" (GOAWAY), or one of
            `RESETS`, an error of the stream. The last entry also stands for all later
            requests.
        deaf: Whether the server ignores all that clients send from now on.
        requests: How many requests have arrived.
        resets: How many streams the clients have reset.
        connections: How many connections were opened.
        open_connections: How many connections are open now.
    """

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies or ["answer"])
        self.deaf = False
        self.requests = self.resets = 0
        self.connections = self.open_connections = 0
        self.transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """The base URL of a client."""
        return f"http://127.0.0.1:{self._port}"

    def next_reply(self) -> str:
        """Return what is done with the next request."""
        self.requests += 1
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def _start(self) -> None:
        self._server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for each in list(self.transports):
            each.abort()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class _Connection(asyncio.Protocol):
    def __init__(self, server: HTTP2Server) -> None:
        self._server = server
        config = h2.config.H2Configuration(client_side=False)
        self._h2 = h2.connection.H2Connection(config)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.transports.add(transport)
        self._server.connections += 1
        self._server.open_connections += 1
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.open_connections -= 1
        self._server.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._server.deaf:
            return
        events = self._h2.receive_data(data)
        reset = {e.stream_id for e in events if isinstance(e, h2.events.StreamReset)}
        self._server.resets += len(reset)
        for event in events:
            stream = getattr(event, "stream_id", None)
            if stream is None or stream in reset:
                continue
            if isinstance(event, h2.events.StreamEnded):
                self._reply(stream)
            elif isinstance(event, h2.events.DataReceived):
                size = event.flow_controlled_length
                self._h2.acknowledge_received_data(size, stream)
        self._flush()

    def _reply(self, stream: int) -> None:
        play: dict[str, Callable[[], None]] = {
            "answer": lambda: self._answer(stream),
            "stall": lambda: None,
            "begin": lambda: self._begin(stream),
            "leave": lambda: self._h2.close_connection(last_stream_id=stream),
        }
        reply = self._server.next_reply()
        if reply in RESETS:
            self._h2.reset_stream(stream, error_code=RESETS[reply])
        else:
            play[reply]()

    def _begin(self, stream: int, kind: str = "text/event-stream") -> None:
        self._h2.send_headers(stream, [(":status", "200"), ("content-type", kind)])
        if kind != "application/json":
            delta = {"choices": [{"delta": {"content": "T"}}]}
            data = f"data: {json.dumps(delta)}\n\n"
            self._h2.send_data(stream, data.encode())

    def _answer(self, stream: int) -> None:
        self._begin(stream, "application/json")
        self._h2.send_data(stream, ANSWER, end_stream=True)

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())
