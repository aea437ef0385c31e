"""
Reads one request from a connection, with h11.

Most replies begin when the complete request has been read; a fault may have a
`Reading`, which says how much of the request is read, and how fast.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

import anyio
import h11

from attrs import evolve

from ._connection import Connection
from ._plan import Plan
from ._request import Ending, RecordedRequest, join_headers
from ._script import Script


__all__ = ["RequestReader"]


_HEAD_SIZE = 1024 * 1024  # maximum size, in bytes, of a request's line and headers


class RequestReader:
    """
    Reads one request, and lets the script choose the reply.

    Args:
        connection: The client's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._stream = connection
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_SIZE)

    @property
    def complete(self) -> bool:
        """Whether the complete request has been read."""
        return self._parser.their_state is h11.DONE

    async def head(self, ending: Ending) -> RecordedRequest:
        """
        Read the request's line and headers.

        Raises:
            h11.RemoteProtocolError, ValueError: The request is invalid.
        """
        connection = self._stream
        if connection.unread:  # otherwise h11 takes b"" for the end of the connection
            self._parser.receive_data(connection.unread)
            connection.unread = b""
        # h11's first event is the Request, unless h11 raises an error.
        head = cast("h11.Request", await self._event())
        target = urlsplit(head.target.decode("latin-1"))
        return RecordedRequest(
            method=head.method.decode("latin-1"),
            path=target.path,
            query=target.query,
            headers=join_headers(head.headers),
            connection=connection.number,
            ending=ending,
        )

    async def answer(self, head: RecordedRequest, script: Script) -> Plan:
        """
        Read the request's body, or as much as the reply requires; return the reply.

        Raises:
            h11.RemoteProtocolError: The body is invalid.
        """
        early = script.take_early(head)
        reading = early.reading if early else None
        body = bytearray()
        if reading is not None and not reading.body:
            while isinstance(arrived := self._parser.next_event(), h11.Data):
                body += arrived.data
        else:
            size, seconds = (reading.size, reading.seconds) if reading else (None, 0.0)
            while isinstance(event := await self._event(size, seconds), h11.Data):
                body += event.data
        if self.complete:
            self._stream.unread = self._parser.trailing_data[0]
        self._stream.deaf = not self.complete
        return script.answer(evolve(head, body=bytes(body)), early)

    async def _event(self, size: int | None = None, seconds: float = 0.0) -> object:
        parser, connection = self._parser, self._stream
        while (event := parser.next_event()) is h11.NEED_DATA:
            if parser.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await connection.send(parser.send(go_on) or b"")
            if size is None:
                parser.receive_data(await connection.receive())
            else:
                await anyio.sleep(seconds)
                parser.receive_data(await connection.receive(size))
        return event
