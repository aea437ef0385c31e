"""
Where the steps of a run come from: an answer of the model, or tools that are running.

A cancelled read loses nothing. No task refers to its source: garbage collection of a
source cancels the source's tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from anyio.lowlevel import checkpoint

from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._protocol.tools.run_events import Answered
from .._protocol.tools.streamed_steps import StreamedSteps
from .._protocol.tools.tool_calls import Runnable
from .._transport.event_loop import loop_token
from .batch_queue import BatchQueue
from .call import Call
from .chunk_stream import ChunkStream
from .engine import Engine
from .run_item import Item
from .task import CallTask
from .tool_task import ToolTask


if TYPE_CHECKING:
    from .watch import Watch


__all__ = ["AnswerSource", "Source", "StreamSource", "ToolSource"]

# Number of tools that begin before other tasks run.
_TOOLS_PER_TURN = 64


class Source(Protocol):
    """What a run waits for: an answer of the model, or tools that are running."""

    @property
    def ended(self) -> bool:
        """Whether all items were read."""
        ...

    async def read(self) -> Sequence[Item]:
        """Wait for items, and return them."""
        ...

    def stop(self) -> None:
        """Cancel the tasks of the source; may be called from any thread."""

    async def aclose(self) -> None:
        """Cancel the tasks of the source, and wait until they have ended."""


class _Tasks:
    """The tasks of a source."""

    _tasks: Sequence[CallTask] = ()
    ended = False

    def stop(self) -> None:
        """Cancel the tasks; may be called from any thread."""
        for task in self._tasks:
            task.stop()

    async def aclose(self) -> None:
        """Cancel the tasks, and wait until they have ended."""
        self.stop()
        for task in self._tasks:
            if task.token is loop_token():  # another loop's task cannot be awaited
                await task.join()

    def __del__(self) -> None:
        if not self.ended:
            self.stop()


class AnswerSource(_Tasks):
    """An answer of the model that is not streamed."""

    def __init__(
        self,
        engine: Engine,
        call: Call[ChatCompletion],
        checked: Callable[[ChatCompletion], Answered],
    ) -> None:
        """Begin *call*; *checked* returns the answer's event, or raises an error."""
        self._call = call
        self._checked = checked
        self._tasks = [engine.begin(call)]

    async def read(self) -> Sequence[Item]:
        """
        Wait for the answer, and return its event as a single item.

        Raises:
            ASI1Error: The call failed, or the answer cannot be used.
        """
        # The connection is free for the next call only when the task has ended.
        await self._tasks[0].done.wait()
        (answer,) = await self._call.queue.get()
        self.ended = True
        return [Item(self._checked(answer))]


class StreamSource:
    """An answer of the model that is streamed."""

    ended = False

    def __init__(
        self,
        engine: Engine,
        call: Call[ChatCompletionChunk],
        checked: Callable[[ChatCompletion], Answered],
    ) -> None:
        """Stream the answer to *call*, which begins at the first read."""
        self._stream = ChunkStream(call, partial(engine.begin, call))
        self._steps = StreamedSteps()
        self._checked = checked

    async def read(self) -> Sequence[Item]:
        """
        Wait for the next pieces of the answer; the last item is the whole answer.

        Raises:
            ASI1Error: The call failed, or the answer cannot be used.
        """
        batch = await self._stream.next_batch()
        if batch:
            steps = self._steps.of(batch, self._stream.snapshot)
            return [Item(step=step) for step in steps]
        answered = self._checked(self._stream.snapshot())
        self.ended = True
        rest = self._steps.rest(answered.answer.text)
        return [*(Item(step=step) for step in rest), Item(answered)]

    def stop(self) -> None:
        """Cancel the call; may be called from any thread."""
        self._stream.abandon()

    async def aclose(self) -> None:
        """Cancel the call, and wait until it has ended."""
        await self._stream.aclose()


class ToolSource(_Tasks):
    """A group of tools that run at the same time."""

    def __init__(
        self,
        engine: Engine,
        calls: Sequence[Runnable],
        timeout: float | None,
        watch: Callable[[str, str], Watch] | None = None,
    ) -> None:
        """
        Begin the first tools.

        Args:
            engine: Runs the tasks of the tools.
            calls: The calls of the tools.
            timeout: Maximum seconds of a tool that has no timeout of its own; None for
                no limit.
            watch: Returns the `Watch` that reports a tool's call to the hooks; None
                without hooks.
        """
        self._engine, self._timeout, self._watch = engine, timeout, watch
        self._outcomes: BatchQueue[Item] = BatchQueue()
        self._left = len(calls)
        self._stopped = False
        self._begun: list[CallTask] = []
        self._tasks = self._begun
        self._waiting = iter(calls)
        self._begin_some()

    def _begin_some(self) -> bool:
        """Begin the next tools; return whether there were any."""
        calls = () if self._stopped else islice(self._waiting, _TOOLS_PER_TURN)
        begun = len(self._begun)
        try:
            for call in calls:
                limit = call.tool.timeout
                limit = self._timeout if limit is None else limit
                task = ToolTask(call, limit, self._outcomes, self._watch)
                self._begun.append(self._engine.begin(task))
        except BaseException:
            # The error's traceback keeps this source alive, so garbage collection
            # does not cancel its tasks.
            self.stop()
            raise
        if self._stopped:  # another thread has called `stop` meanwhile
            self.stop()
        return len(self._begun) > begun

    def stop(self) -> None:
        """Cancel the tasks, and begin no more; may be called from any thread."""
        self._stopped = True
        super().stop()

    async def read(self) -> Sequence[Item]:
        """
        Wait until a tool ends; return the outcomes in the order in which tools ended.

        Raises:
            ClientClosedError: The client was closed, which cancels the tools.
        """
        while self._left > len(self._begun) and self._begin_some():
            await checkpoint()
        batch = await self._outcomes.get()
        self._left -= len(batch)
        self.ended = not self._left
        return batch
