"""
Runs one tool call in its own task; the function of a blocking tool in its own thread.

Whatever the tool does, its call gets a result: the tool may raise, hang, return a value
without a form in JSON, or be cancelled.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import math
import threading

from collections.abc import Callable
from typing import Any

import anyio

from attrs import define, field, frozen

from .._models.errors import ClientClosedError
from .._protocol.tools.run_events import Ended
from .._protocol.tools.tool_calls import (
    Runnable,
    error_content,
    error_words,
    result_content,
)
from .._transport.event_loop import Flag, call_soon, forget_library, loop_token
from .batch_queue import BatchQueue


__all__ = ["ToolOutcome", "ToolTask"]


@frozen
class ToolOutcome:
    """The result of a tool call, and the exception that the tool raised, if any."""

    event: Ended
    error: BaseException | None = None


@define(eq=False)
class ToolTask:
    """
    The work of a tool's task: puts the call's outcome into a queue.

    Attributes:
        call: The call to run.
        timeout: The most seconds that it may take; None for no limit.
        outcomes: The queue of all calls that run at the same time.
    """

    call: Runnable
    timeout: float | None
    outcomes: BatchQueue[ToolOutcome]
    _ended: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Run the tool; raise nothing but the cancellation of the run."""
        seconds = math.inf if self.timeout is None else self.timeout
        try:
            with anyio.move_on_after(seconds) as scope:
                content = result_content(await _value_of(self.call.run))
                self._end(Ended(self.call.call.id, content, failed=False))
            if scope.cancelled_caught:
                words = f"the tool took longer than {self.timeout} seconds"
                self._fail(TimeoutError(words), words)
        except Exception as error:  # noqa: BLE001 - the model reads any error
            self._fail(error, error_words(error))
        except BaseException as error:
            if _has_exit(error):
                self._ended = True
                self.outcomes.end(error)
            elif not _is_cancelled(error):
                self._fail(error, error_words(error))
            elif anyio.current_effective_deadline() != -math.inf:
                self._fail(error, "the tool was cancelled")
            elif isinstance(error, anyio.get_cancelled_exc_class()):
                raise  # the run is cancelled, not the tool alone

    def _fail(self, error: BaseException, words: str) -> None:
        # The frames of the traceback would keep the tool's values alive.
        BaseException.with_traceback(error, None)
        event = Ended(self.call.call.id, error_content(words), failed=True)
        self._end(event, error)

    def _end(self, event: Ended, error: BaseException | None = None) -> None:
        self._ended = True
        self.outcomes.put([ToolOutcome(event, error)])

    def settle(self) -> None:
        """Wake the waiting reader: the task has ended."""
        if not self._ended:
            self.outcomes.end(ClientClosedError("the client was closed in the run"))


async def _value_of(run: Callable[[], Any]) -> Any:
    """Call *run*, and return its result, awaited if need be."""
    value = run() if _is_async(run) else await _in_thread(run)
    return await value if inspect.isawaitable(value) else value


def _is_async(run: Any) -> bool:
    """Return whether calling *run* only makes a coroutine, and so cannot block."""
    function = run
    while isinstance(function, functools.partial):
        function = function.func
    # A function that wraps a coroutine function, and is none itself, may block: it may
    # call `asyncio.run`.
    called = getattr(type(function), "__call__", None)  # noqa: B004 - for its kind
    return any(map(inspect.iscoroutinefunction, (function, called)))


def _has_exit(error: BaseException) -> bool:
    """Return whether *error* is, or contains, an exception that ends the program."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_has_exit, error.exceptions))
    return isinstance(error, SystemExit | KeyboardInterrupt)


def _is_cancelled(error: BaseException) -> bool:
    """Return whether *error* is, or contains, a cancellation of any event loop."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_cancelled, error.exceptions))
    kinds = anyio.get_cancelled_exc_class(), asyncio.CancelledError, GeneratorExit
    return isinstance(error, kinds)


async def _in_thread(run: Callable[[], Any]) -> Any:
    """
    Return the result of *run*, which a new thread calls with the caller's contextvars.

    The thread is a daemon, unlike anyio's and asyncio's worker threads: a tool that
    hangs must not keep Python from exiting.
    """
    token, done = loop_token(), Flag()
    context = contextvars.copy_context()
    context.run(forget_library)  # no event loop runs in the new thread
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(context.run(run))
        except BaseException as error:  # noqa: BLE001 - raised by the task
            errors.append(error)
        call_soon(token, done.set)

    threading.Thread(target=work, name="asi1 tool", daemon=True).start()
    await done.wait()
    if errors:
        raise errors.pop()
    return results.pop()
