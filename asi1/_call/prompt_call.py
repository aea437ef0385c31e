"""The call of one prompt of a `map`, and the calls that have ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field

from .._models.completion import ChatCompletion
from .._protocol.request import Request
from .._transport.event_loop import Flag
from .answer_reader import AnswerReader
from .attempts import OneRequest
from .call import Call
from .engine import Engine
from .task import CallTask


__all__ = ["EndedCalls", "PromptCall"]


@define(eq=False)
class EndedCalls:
    """
    The calls that have ended, and a flag that wakes the reader of their answers.

    Not a part of `ConcurrentCalls`, since the running calls refer to this object, and
    must not keep an abandoned reader alive.
    """

    calls: deque[PromptCall] = field(factory=deque)
    changed: Flag = field(factory=Flag)

    def add(self, call: PromptCall) -> None:
        """Record that *call* has ended, and wake the reader."""
        call.ended = True
        self.calls.append(call)
        self.wake()

    def wake(self) -> None:
        """Wake the reader."""
        self.changed.set()

    async def wait(self) -> None:
        """Wait for the next call of `wake`."""
        self.changed = Flag()
        await self.changed.wait()


@define(eq=False)
class PromptCall:
    """
    The call of one prompt.

    Attributes:
        key: The prompt's key.
        request: Makes the request of the prompt.
        item: The prompt.
        done: The `EndedCalls` to which this call is added when it has ended.
        call: The call; None before it was made.
        task: The call's task; None before it began.
        ended: Whether the call has ended.
        outcome: The answer or the error; None before it was read.
    """

    key: Any
    request: Callable[[Any], Request]
    item: Any
    done: EndedCalls
    call: Call[ChatCompletion] | None = field(default=None, init=False)
    task: CallTask | None = field(default=None, init=False)
    ended: bool = field(default=False, init=False)
    outcome: ChatCompletion | Exception | None = field(default=None, init=False)

    def begin(self, engine: Engine) -> None:
        """Begin the call; if the prompt is wrong, end the call with the error."""
        try:
            requests = OneRequest(self.request(self.item))
            self.call = engine.call(requests, AnswerReader)
            self.task = engine.begin(self)
        except Exception as error:  # noqa: BLE001 - `ConcurrentCalls.next` raises it
            self.outcome = error.with_traceback(None)
            self.settle()

    async def run(self) -> None:
        """Make the call."""
        if self.call is not None:
            await self.call.run()

    def settle(self) -> None:
        """Record that the call has ended."""
        if self.call is not None:
            self.call.settle()
        self.done.add(self)

    @property
    def lost(self) -> bool:
        """Whether the call was begun in the parent process, before a fork."""
        return self.task is not None and not self.task.here

    async def read(self) -> None:
        """Read the outcome of the call, which has ended."""
        if self.outcome is not None or self.call is None:
            return
        try:
            (self.outcome,) = await self.call.queue.get()
        except Exception as error:  # noqa: BLE001 - `ConcurrentCalls.next` raises it
            self.outcome = error.with_traceback(None)
