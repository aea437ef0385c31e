"""
Returns a streamed answer, or a run with tools, as server-sent events.

`AnswerEvents` is a class, not a generator: so no cancel scope is open between two
reads, and garbage collection of an instance cancels its call, on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeAlias

import anyio

from anyio.lowlevel import checkpoint

from .._models.busy_errors import StreamBusyError
from .._models.errors import ASI1Error
from .._protocol.sse_writer import PING, failed_event
from .._settings.validators import or_none, seconds, wrong


__all__ = ["AnswerEvents", "EventSource", "Recording"]

# A context manager that yields an event; inside its ``with`` block, the caller records
# the event in a journal.
Recording: TypeAlias = AbstractContextManager[Any]


class EventSource(Protocol):
    """The answer or run that becomes events."""

    def unread(self) -> bytes:
        """
        Return the events of chunks that have arrived but that no caller has read; b""
        if there are none, or if called again.
        """
        ...

    async def read(self) -> bytes | Recording:
        """
        Wait for events, and return them; b"" at the end.

        Returns a `Recording` if something must be recorded before the next events. A
        cancelled read loses nothing.

        Raises:
            StreamBusyError: Another task is reading.
        """
        ...

    def last(self) -> Generator[None, None, bytes]:
        """
        Return a generator that writes the last event in steps, and returns it; for use
        after `read` has returned b"".
        """
        ...

    def shut(self) -> None:
        """
        Make later reads raise an error; some sources also cancel the call. Needs no
        running event loop.
        """

    def leave(self) -> None:
        """Cancel the call without waiting for it; must run on the call's event loop."""

    def abandon(self) -> None:
        """Cancel the call without waiting for it; may be called from any thread."""

    async def aclose(self, *, delivered: bool) -> None:
        """
        Cancel the call, and wait until it has ended; may be called twice.

        Args:
            delivered: Whether all events that were read have been sent.
        """


class AnswerEvents:
    """The server-sent events of a source; adds pings while no event arrives."""

    # Class attributes, since `__del__` reads them even if `__init__` raised an error.
    _begun = False
    _ended = False
    # Whether `shut` has dropped events before `next` returned them.
    _unsent = False
    # The generator that writes the last event. If a ping interrupts the writing, the
    # next read resumes this generator.
    _last: Generator[None, None, bytes] | None = None
    _writing = False

    def __init__(self, source: EventSource, ping: float | None) -> None:
        """
        Begin with the unread events of *source*.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
        """
        if problem := or_none(seconds)(ping):
            raise wrong("ping", problem, ping)
        self._source = source
        self._ping = ping
        self._ready = source.unread()
        # An error that the caller's recording raised; the next read raises it.
        self._unrecorded: Exception | None = None
        self._error: Exception | None = None

    async def open(self) -> Recording | None:
        """
        Wait for the first event or the first ping, whichever is earlier.

        Returns a `Recording` if something must be recorded first; after that, `open`
        must be called again.

        Raises:
            ASI1Error: As for reading the source.
        """
        if not self._ready and not self._ended:
            found = await self._read()
            if not isinstance(found, bytes):
                return found
            self._ready = found
        return None

    async def next(self) -> bytes | Recording:
        """
        Return the next events as bytes; b"" after the last event.

        Returns a `Recording` if something must be recorded first.

        Raises:
            StreamBusyError: Another task is reading.
            Exception: An error of the source that is not an `ASI1Error`; it is raised
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

    async def _read(self) -> bytes | Recording:
        try:
            with anyio.move_on_after(self._ping):
                return await self._events()
        except StreamBusyError:
            raise  # another reader uses the source, which has not ended
        except BaseException as error:
            self._ended = True
            if not isinstance(error, ASI1Error):
                self._source.leave()
            raise
        self._begun = True
        return PING

    async def _events(self) -> bytes | Recording:
        if error := self._unrecorded:
            self._unrecorded = None
            raise error
        if self._last is None:
            found = await self._source.read()
            self._begun = True
            if not isinstance(found, bytes):
                return self._guarded(found)
            if found:
                return found
            self._last = self._source.last()
        return await self._write(self._last)

    @contextmanager
    def _guarded(self, recording: Recording) -> Iterator[Any]:
        """
        Yield what *recording* yields; an error raised in the block becomes the last
        event.
        """
        try:
            with recording as event:
                yield event
        except StreamBusyError:
            raise
        except Exception as error:  # noqa: BLE001 - raised by the next read
            self._unrecorded = error
            self._source.abandon()
        except BaseException:
            self._ended = True
            self._source.abandon()
            raise

    async def _write(self, last: Generator[None, None, bytes]) -> bytes:
        """Return the event that *last* writes; other tasks run between its steps."""
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
        self._source.shut()

    async def aclose(self) -> None:
        """Close the source and its connection; may be called twice, by any task."""
        self.shut()
        await self._source.aclose(delivered=not self._unsent)

    def __del__(self) -> None:
        # If this object never read the source, another reader may still use it.
        if self._begun and not self._ended:
            self._source.abandon()
