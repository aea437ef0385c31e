"""A streamed answer as the source of server-sent events."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from .._models.chunks import ChatCompletionChunk
from .._protocol.sse_writer import done_event, piece_events
from .chunk_stream import ChunkStream


__all__ = ["ChunkEvents"]


class ChunkEvents:
    """The events of an answer's unread chunks."""

    def __init__(
        self, answer: ChunkStream, unread: Iterable[ChatCompletionChunk]
    ) -> None:
        """Begin with the chunks in *unread*, which were taken from *answer* before."""
        self._answer = answer
        self._unread = unread

    def unread(self) -> bytes:
        """Return the events of the chunks in *unread*; this exhausts *unread*."""
        return piece_events(self._unread)

    async def read(self) -> bytes:
        """Wait for chunks that have events; return the events, b"" at the end."""
        while batch := await self._answer.next_batch():
            if data := piece_events(batch):
                return data
        return b""

    def last(self) -> Generator[None, None, bytes]:
        """Return the steps that write the event ``done``."""
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
        await self._answer.aclose(delivered=delivered)
