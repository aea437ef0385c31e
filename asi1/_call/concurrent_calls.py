"""
Makes many calls, several at once, and returns the answers in the order of the prompts.

The only tasks are those of the calls. Each read of an answer takes prompts from the
user's iterable and begins calls. So prompts are taken no faster than answers are read,
and no prompt is taken after the last read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from attrs import define, field

from .._models.completion import ChatCompletion
from .._models.errors import (
    ArgumentError,
    ASI1Error,
    ClientClosedError,
    StreamBusyError,
    StreamClosedError,
)
from .._models.messages import Messages
from .._protocol.request import Request, draft_chat
from .._settings.options import ChatOptions
from .._settings.validators import whole_number, wrong
from .._transport.event_loop import loop_token
from .answer_reader import AnswerReader
from .attempts import OneRequest
from .call import Call
from .engine import Engine
from .task import CallTask


__all__ = ["ConcurrentCalls"]

# Maximum number of prompts with unread answers, as a multiple of *concurrency*. With 2,
# later calls can run while the reader waits for one slow answer.
_AHEAD = 2


@define(eq=False)
class _Starter:
    """Begins the calls in the order of the prompts, a limited number at once."""

    engine: Engine
    free: int
    waiting: deque[_Call] = field(factory=deque)

    def begin(self) -> None:
        """Begin waiting calls; at most *free* calls may still begin."""
        while self.free and self.waiting:
            call = self.waiting.popleft()
            try:
                call.task = self.engine.begin(call)
            except ASI1Error as error:
                call.call.queue.end(error)
            else:
                self.free -= 1

    def give_up(self) -> None:
        """End the waiting calls with `ClientClosedError`, without beginning them."""
        while self.waiting:
            error = ClientClosedError("the client was closed before the call")
            self.waiting.popleft().call.queue.end(error)


@define(eq=False)
class _Call:
    """The call of one prompt."""

    call: Call[ChatCompletion]
    starter: _Starter
    task: CallTask | None = None
    completed: bool = False  # True once `run` has returned without being cancelled

    async def run(self) -> None:
        await self.call.run()
        self.completed = True

    def settle(self) -> None:
        self.call.settle()
        if not self.completed:
            self.starter.give_up()
            return
        self.starter.free += 1
        self.starter.begin()

    async def outcome(self) -> ChatCompletion | Exception:
        """Wait for the answer and return it, or return the call's error."""
        if self.task is not None and not self.task.here:
            return StreamClosedError("the answers were begun in another process")
        try:
            (answer,) = await self.call.queue.get()
        except Exception as error:  # noqa: BLE001 - `ConcurrentCalls.next` raises it
            return error.with_traceback(None)
        return answer


class ConcurrentCalls:
    """The calls of many prompts, several at once, for one reader of the answers."""

    def __init__(
        self,
        engine: Engine,
        request: Callable[[Messages], Request],
        prompts: Iterator[Messages],
        concurrency: int,
        *,
        return_exceptions: bool,
    ) -> None:
        """Prepare the calls of *prompts*; *request* builds a prompt's request."""
        self._starter = _Starter(engine, concurrency)
        self._request = request
        self._prompts: Iterator[Messages] | None = prompts
        self._concurrency = concurrency
        self._return_exceptions = return_exceptions
        self._taken: list[Messages] = []
        self._window: deque[_Call | Exception] = deque()
        self._reading = False
        self._closed = False
        self._error: Exception | None = None

    @classmethod
    def of(
        cls,
        engine: Engine,
        prompts: object,
        *,
        model: str | None,
        concurrency: int,
        return_exceptions: bool,
        options: ChatOptions,
    ) -> Self:
        """
        Prepare the calls of many prompts, but begin none of them.

        Raises:
            ArgumentError: An argument is wrong.
            ClientClosedError: The client is closed.
        """
        engine.check_open()
        problem = whole_number(1)(concurrency)
        if problem:
            raise wrong("concurrency", problem, concurrency)
        # All calls share the options, which are checked once, before the first call.
        draft = draft_chat(engine.config, model=model, stream=False, options=options)
        return cls(
            engine,
            draft.request,
            _prompts_of(prompts),
            concurrency,
            return_exceptions=return_exceptions,
        )

    @contextmanager
    def reader(self) -> Generator[None, None, None]:
        """Admit one reader; until the block ends, a second gets `StreamBusyError`."""
        if self._closed:
            error = self._error or StreamClosedError("the answers were closed")
            raise error.with_traceback(None)
        if self._reading:
            raise StreamBusyError("the answers are already being read")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    def take(self) -> None:
        """
        Take prompts from the iterable until the limit of unread answers is reached.

        The blocking client calls this in its caller's thread, since the iterable of
        prompts may block.
        """
        room = self._concurrency * _AHEAD - len(self._window) - len(self._taken)
        try:
            while self._prompts is not None and room > 0:
                self._taken.append(next(self._prompts))
                room -= 1
        except StopIteration:
            self._prompts = None
        except Exception as error:  # noqa: BLE001 - raised after the earlier answers
            self._prompts, self._error = None, error

    async def next(self) -> Any:
        """
        Return the answer to the next prompt; None after the last prompt.

        If the call of the prompt failed, return or raise the call's error.
        """
        outcome: Any = self._error
        try:
            self._begin()
            if self._window:
                first = self._window[0]
                outcome = await first.outcome() if isinstance(first, _Call) else first
                if self._closed:
                    outcome = StreamClosedError("the answers were closed")
                else:
                    self._window.popleft()
            if self._raises(outcome):
                self._error = outcome
                await self.aclose()
                raise outcome.with_traceback(None)
            return outcome
        finally:
            # The error's traceback refers to this frame. Without `del`, the error would
            # keep the calls alive.
            del self, outcome

    def _begin(self) -> None:
        """Begin the calls of the prompts that `take` took from the iterable."""
        for prompt in self._taken:
            try:
                request = OneRequest(self._request(prompt))
                made = self._starter.engine.call(request, AnswerReader)
                call = _Call(made, self._starter)
                self._starter.waiting.append(call)
                self._window.append(call)
            except Exception as error:  # noqa: BLE001 - `next` raises it in its turn
                self._window.append(error.with_traceback(None))
        self._taken.clear()
        self._starter.begin()

    def _raises(self, outcome: object) -> bool:
        if not isinstance(outcome, Exception):
            return False
        closed = isinstance(outcome, ClientClosedError | StreamClosedError)
        own = isinstance(outcome, ASI1Error) and outcome is not self._error
        return closed or not (own and self._return_exceptions)

    async def aclose(self) -> None:
        """Cancel the running calls; may be called twice, and by any task."""
        here = loop_token()
        for task in self.abandon():
            if task.token is here:  # only a task of this event loop can be awaited
                await task.join()

    def abandon(self) -> list[CallTask]:
        """Cancel the calls without waiting for them; may be called from any thread."""
        self._closed = True
        self._starter.waiting.clear()
        calls = [call for call in list(self._window) if isinstance(call, _Call)]
        tasks = [call.task for call in calls if call.task is not None]
        for task in tasks:
            task.stop()
        return tasks

    def __del__(self) -> None:
        # `__init__` was interrupted if `_window` is missing.
        if hasattr(self, "_window"):
            self.abandon()


def _prompts_of(prompts: object) -> Iterator[Messages]:
    """
    Return an iterator over *prompts*, an iterable of prompts.

    Raises:
        ArgumentError: *prompts* is a single prompt, or is not iterable.
    """
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        raise ArgumentError(
            "prompts: must be an iterable of prompts, each a str or a list of messages"
            f" (it is {type(prompts).__name__})",
            argument="prompts",
        )
    return iter(prompts)
