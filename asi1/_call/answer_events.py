"""
Converts an answer's unread chunks to server-sent events, for `to_sse` of both clients.

`AnswerEvents` is a class, not a generator: so no cancel scope is open between two
reads, and garbage collection of an instance cancels its call, on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import anyio

from anyio.lowlevel import checkpoint

from .._models.chunks import ChatCompletionChunk
from .._models.errors import ASI1Error, StreamBusyError
from .._protocol.sse_writer import PING, done_event, failed_event, piece_events
from .._settings.validators import is_number, wrong
from .chunk_stream import ChunkStream


__all__ = ["AnswerEvents"]


class AnswerEvents:
    """Converts an answer to server-sent events; adds pings while no chunk arrives."""

    # Class attributes, since `__del__` reads them even if `__init__` raised an error.
    _begun = False
    _ended = False
    # Whether `shut` has dropped events before `next` returned them.
    _unsent = False
    # The generator that writes the last event. If a ping interrupts the writing, the
    # next read resumes this generator.
    _last: Generator[None, None, bytes] | None = None
    _writing = False

    def __init__(
        self,
        answer: ChunkStream,
        unread: Iterable[ChatCompletionChunk],
        ping: float | None,
    ) -> None:
        """
        Convert the chunks in *unread* to the first events; this exhausts *unread*.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
        """
        if ping is not None and not (is_number(ping) and ping > 0):
            raise wrong("ping", "must be a number of seconds above 0, or None", ping)
        self._answer = answer
        self._ping = ping
        self._ready = piece_events(unread)
        self._error: Exception | None = None

    async def open(self) -> None:
        """
        Wait for the first event or the first ping, whichever is earlier.

        Raises:
            ASI1Error: As for reading the stream.
        """
        if not self._ready and not self._ended:
            self._ready = await self._read()

    async def next(self) -> bytes:
        """
        Return the next events as bytes; b"" after the last event.

        Raises:
            StreamBusyError: Another task is reading.
            Exception: An error of the stream that is not an `ASI1Error`; it is raised
                by the read after the one that returned its ``failed`` event.
        """
        if self._ready:
            data, self._ready = self._ready, b""
            return data
        if self._ended:
            if error := self._error:
                self._error = None
                raise error
            return b""
        try:
            return await self._read()
        except StreamBusyError:
            raise
        except ASI1Error as error:
            return failed_event(error)
        except Exception as error:  # noqa: BLE001 - raised by the next read
            self._error = error
            return failed_event(error)

    async def _read(self) -> bytes:
        try:
            with anyio.move_on_after(self._ping):
                return await self._pieces()
        except StreamBusyError:
            raise  # another reader uses the stream, so it is not ended
        except BaseException as error:
            self._ended = True
            if not isinstance(error, ASI1Error):
                self._answer.leave()
            raise
        self._begun = True
        return PING

    async def _pieces(self) -> bytes:
        while self._last is None:
            batch = await self._answer.next_batch()
            self._begun = True
            if not batch:
                self._last = done_event(self._answer.snapshot())
            elif data := piece_events(batch):
                return data
        return await self._write(self._last)

    async def _write(self, last: Generator[None, None, bytes]) -> bytes:
        """Run *last*, with other tasks between its steps; return the last event."""
        if self._writing:
            raise StreamBusyError("the stream is already being read")
        self._writing = True
        try:
            while not self._ended:
                try:
                    next(last)
                except StopIteration as end:
                    self._ended = True
                    return end.value  # type: ignore[no-any-return]
                await checkpoint()
        finally:
            self._writing = False
        return b""  # no events, since `shut` was called during the write

    def shut(self) -> None:
        """Make `next` return no more events; needs no running event loop."""
        self._ended = True
        self._unsent = self._unsent or bool(self._ready)
        self._ready = b""
        self._answer.shut()

    async def aclose(self) -> None:
        """Close the stream and its connection; may be called twice, by any task."""
        self.shut()
        await self._answer.aclose(delivered=not self._unsent)

    def __del__(self) -> None:
        # A stream that this object never read may have another reader, so it stays
        # open.
        if self._begun and not self._ended:
            self._answer.abandon()
