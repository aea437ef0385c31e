"""
Runs tools for the model, round by round, for one reader of the steps.

Each read decides what is next; the only tasks are those of the model's calls and of the
tools. So a run goes on no faster than its steps are read: no tool begins before its
`ToolStartedStep` was read, and was kept in the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._models.busy_errors import StreamBusyError
from .._models.completion import ToolCall
from .._models.errors import StreamClosedError
from .._protocol.context.tokens import Wire
from .._protocol.request import ChatDraft
from .._protocol.tools.run_actions import (
    Action,
    Ask,
    Pause,
    Refuse,
    RunTools,
    Stop,
)
from .._protocol.tools.run_events import (
    Begun,
    Decided,
    Decision,
    Ended,
    Event,
    Paused,
    Started,
)
from .._protocol.tools.run_log import RunLog
from .._protocol.tools.steps import ToolStep
from .._protocol.tools.tool_calls import Runnable, error_content
from .._transport.event_loop import run_in_turns
from .answer_reader import AnswerReader
from .call import Call
from .chunk_reader import ChunkReader
from .engine import Engine
from .run_item import Item
from .tool_sources import AnswerSource, Source, StreamSource, ToolSource


if TYPE_CHECKING:
    from .watch import Watch


__all__ = ["RunRequests", "ToolRounds"]

# Other tasks run after this many reads, since reading items that are ready never waits.
_READS_PER_TURN = 256


class RunRequests(Protocol):
    """
    Makes the calls of a run.

    Attributes:
        later: The requests after the first, without their messages.
    """

    later: ChatDraft

    def begin(self) -> None:
        """Begin the run; a conversation allows no other turn until `end`."""

    def call(self, added: Sequence[Wire], reader: type[Any]) -> Call[Any]:
        """Return the call that sends the run's first messages, followed by *added*."""
        ...

    def commit(self, log: RunLog) -> None:
        """Add the messages of a run that is over to its conversation, if it has one."""

    def end(self) -> None:
        """End the run; may be called twice, from any thread."""


@define(eq=False)
class ToolRounds:
    """
    A run with tools, for one reader at a time.

    Attributes:
        log: What has happened.
        over: Whether the run is over, or waits for decisions.
    """

    engine: Engine
    requests: RunRequests
    log: RunLog
    stream: bool
    tool_timeout: float | None
    over: bool = field(default=False, init=False)
    _items: deque[Item] = field(factory=deque, init=False)
    _group: Sequence[Runnable] = field(default=(), init=False)
    _source: Source | None = field(default=None, init=False)
    _begun: bool = field(default=False, init=False)
    _reading: bool = field(default=False, init=False)
    _reads: int = field(default=0, init=False)
    _error: Exception | None = field(default=None, init=False)
    _watch: Watch | None = field(default=None, init=False)
    _watch_tool: Callable[[str, str], Watch] | None = field(default=None, init=False)

    def record(self, event: Begun | Decided) -> None:
        """Log *event* before the first read; that read returns it, for the journal."""
        self.log.add(event)
        self._items.append(Item(event, recorded=True))

    def resume(self, decisions: Mapping[str, Decision]) -> None:
        """
        Go on with a run whose events are in the log.

        Raises:
            ArgumentError: A decision is wrong, or not about a pending call.
        """
        if decisions:
            self.record(self.log.decided(decisions))

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls that wait for an approval; empty while the run goes on."""
        return self.log.pending if self.over or not self._begun else ()

    @contextmanager
    def reader(self) -> Generator[None, None, None]:
        """Admit one reader; another gets `StreamBusyError` until the block ends."""
        self._check()
        if self._reading:
            raise StreamBusyError("the run is already being read")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    def _check(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)

    async def next(self) -> Item | None:
        """
        Return the next item, or None at the end. The item must be passed to `keep`
        before `next` can return another one.

        Raises:
            ASI1Error: A call failed, an answer cannot be used, or there were too many
                rounds.
        """
        self._reads += 1
        try:
            if self._reads % _READS_PER_TURN == 0:
                await checkpoint()
            while not self._items and not self.over:
                if self._source is None and self.log.open:
                    await run_in_turns(self.log.prepare())
                self._check()  # another thread may have abandoned the run
                if self._source is None:
                    self._begin_next()
                    continue
                items = await self._source.read()
                self._items.extend(items)
                if self._source.ended:
                    self._source = None
        except Exception as error:
            if self._error is not None:  # the run was closed during the read
                raise self._error.with_traceback(None) from None
            self._error = error
            self._tell_end(error)
            raise
        except (SystemExit, KeyboardInterrupt, BaseExceptionGroup):  # raised by a tool
            self._close()
            raise
        finally:
            # If the run was abandoned during this read, its new source still has to
            # stop.
            if self._error is not None:
                self.abandon()
        return self.ready

    async def finish(self) -> None:
        """
        Wait for all items, and record them.

        Raises:
            ASI1Error: As for `next`.
        """
        while item := await self.next():
            self.keep(item)

    @property
    def ready(self) -> Item | None:
        """The next item, if `next` need not wait for it; else None."""
        return self._items[0] if self._items else None

    def keep(self, item: Item) -> ToolStep | None:
        """Record and remove *item*, the next one; return its step, None without one."""
        self._items.popleft()
        if item.event is None:
            return item.step
        return None if item.recorded else self.log.add(item.event, item.error)

    def _begin_next(self) -> None:
        if not self._begun:
            self.requests.begin()
            self._begun = True
            self._tell_start()
        if self._group:
            calls, self._group = self._group, ()
            self._source = ToolSource(
                self.engine, calls, self.tool_timeout, self._watch_tool
            )
        else:
            self._act(self.log.next_action())

    def _act(self, action: Action) -> None:
        match action:
            case Ask():
                self._source = self._ask()
            case Refuse(refused):
                for call, words in refused:
                    self._add(Ended(call.id, error_content(words), failed=True))
            case RunTools(calls):
                self._group = calls
                for runnable in calls:
                    self._add(Started(runnable.call.id))
            case Pause(ids):
                self._add(Paused(ids))
            case Stop():
                self.over = True
                if not self.log.pending:
                    self.requests.commit(self.log)
                self.requests.end()
                self._tell_end(None)

    def _ask(self) -> Source:
        reader = ChunkReader if self.stream else AnswerReader
        call = self.requests.call(self.log.added(), reader)
        if self._watch is not None:
            call.parent = self._watch
        source = StreamSource if self.stream else AnswerSource
        return source(self.engine, call, self.log.checked)

    def _add(self, event: Event) -> None:
        self._items.append(Item(event))

    def _tell_start(self) -> None:
        hooks = self.engine.resources.hooks
        if hooks is not None:
            parts = self.requests.later.parts
            self._watch = hooks.watch_run(
                "run_tools",
                model=self.log.begun.model,
                stream=self.stream,
                tags={**parts["tags"]},
            )
            self._watch_tool = partial(hooks.watch_tool, self._watch)
            self._watch.start()

    def _tell_end(self, error: Exception | None) -> None:
        if self._watch is not None:
            self._watch.end(error)

    def _close(self) -> None:
        if not self.over and self._error is None:
            self._error = StreamClosedError("the run was closed")

    def abandon(self) -> None:
        """
        Cancel what is running, without waiting; may be called from any thread.

        Later reads raise `StreamClosedError`, unless the run is over.
        """
        self._close()
        self._tell_end(self._error)
        if self._source is not None:
            self._source.stop()
        if self._begun:
            self.requests.end()

    async def aclose(self) -> None:
        """Cancel what is running, and wait for its end; may be called twice."""
        self.abandon()
        source = self._source
        if source is not None:
            await source.aclose()

    def __del__(self) -> None:
        if not self.over:
            self.abandon()
