"""Makes server-sent events of the steps of a tool run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from .._models.busy_errors import StreamBusyError
from .._protocol.tools.run_events import Event
from .._protocol.tools.step_events import run_done_event, step_events
from .answer_events import Recording
from .tool_rounds import ToolRounds


__all__ = ["RunEvents"]


class RunEvents:
    """The server-sent events of a run's unread steps."""

    def __init__(self, rounds: ToolRounds) -> None:
        """Begin with the next step of *rounds*."""
        self._rounds = rounds
        # Events of steps that are in the journal, but were not returned by `read` yet.
        self._recorded = b""

    def unread(self) -> bytes:
        """Return b"": steps that were read before are not written as events."""
        return b""

    async def read(self) -> bytes | Recording:
        """
        Wait for steps that have events; return the events, b"" at the end.

        Raises:
            StreamBusyError: Another task is reading.
            ASI1Error: As for reading the run.
        """
        with self._rounds.reader():
            if self._recorded:
                data, self._recorded = self._recorded, b""
                return data
            while item := await self._rounds.next():
                if item.event is not None:
                    return self._recording()
                if data := self._pieces():
                    return data
        return b""

    def _pieces(self) -> bytes:
        """Return the events of the ready steps, up to one that must be recorded."""
        pieces = []
        while (item := self._rounds.ready) and item.event is None:
            step = self._rounds.keep(item)
            pieces.append(step_events(step, streamed=True))
        return b"".join(pieces)

    @contextmanager
    def _recording(self) -> Iterator[Event]:
        """Yield the run's next event; record it in the run when the block ends."""
        with self._rounds.reader():
            item = self._rounds.ready
            if item is None or item.event is None:  # another thread has read the event
                raise StreamBusyError("the run is already being read")
            yield item.event
            step = self._rounds.keep(item)
            self._recorded += step_events(step, streamed=self._rounds.stream)

    def last(self) -> Generator[None, None, bytes]:
        """Return a generator that writes the pending calls and the event ``done``."""
        log = self._rounds.log
        return run_done_event(log.answers[-1], log.pending)

    def abandon(self) -> None:
        """Cancel what is running, without waiting; may be called from any thread."""
        self._rounds.abandon()

    shut = leave = abandon

    async def aclose(self, *, delivered: bool) -> None:  # noqa: ARG002
        """Cancel what is running, and wait for its end; may be called twice."""
        await self._rounds.aclose()
