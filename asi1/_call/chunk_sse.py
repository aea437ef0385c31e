"""Makes server-sent events of the chunks of a streamed answer."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from .._models.busy_errors import StreamBusyError
from .._models.chunks import ChatCompletionChunk
from .._protocol.sse_writer import done_event, piece_events, piece_events_in_steps
from .._transport.event_loop import run_in_turns
from .chunk_stream import ChunkStream


__all__ = ["ChunkEvents"]


class ChunkEvents:
    """The server-sent events of an answer's unread chunks."""

    def __init__(
        self, answer: ChunkStream, unread: Iterable[ChatCompletionChunk]
    ) -> None:
        """
        Begin with *unread*: chunks of *answer* that arrived, but that no caller has
        read.
        """
        self._answer = answer
        self._unread = unread
        # Writes the events of a batch. If a ping interrupts the writing, the next read
        # resumes this generator.
        self._steps: Generator[None, None, bytes] | None = None
        self._writing = False

    def unread(self) -> bytes:
        """Return the events of the chunks not read yet; b"" if called again."""
        return piece_events(self._unread)

    async def read(self) -> bytes:
        """Wait for chunks that have events; return the events, b"" at the end."""
        if self._writing:
            raise StreamBusyError("the stream is already being read")
        while True:
            if self._steps is None:
                batch = await self._answer.next_batch()
                if not batch:
                    return b""
                self._steps = piece_events_in_steps(batch)
            self._writing = True
            try:
                data = await run_in_turns(self._steps)
                self._steps = None
            finally:
                self._writing = False
            if data:
                return data

    def last(self) -> Generator[None, None, bytes]:
        """Return a generator that writes and returns the event ``done``, in steps."""
        return done_event(self._answer.snapshot())

    def shut(self) -> None:
        """Make later reads raise `StreamClosedError`; needs no running event loop."""
        self._answer.shut()

    def leave(self) -> None:
        """Cancel the call without waiting for it; must run on the call's event loop."""
        self._answer.leave()

    def abandon(self) -> None:
        """Cancel the call without waiting for it; may be called from any thread."""
        self._answer.abandon()

    async def aclose(self, *, delivered: bool) -> None:
        """Close the stream; *delivered*: whether all events that were read are sent."""
        await self._answer.aclose(delivered=delivered and self._steps is None)
