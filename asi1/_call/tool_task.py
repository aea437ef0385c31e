"""
Runs one tool call in its own task; a blocking tool's function runs in a thread.

Whatever the tool does, its call gets a result: the tool may raise, hang, return a value
that JSON cannot express, or be cancelled.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from attrs import define, field

from .._log import logger
from .._models.errors import CallCancelledError, ClientClosedError
from .._models.json_text import replace_surrogates
from .._protocol.tools.errors import ToolError
from .._protocol.tools.run_events import Ended
from .._protocol.tools.tool_calls import (
    Runnable,
    error_content,
    error_words,
    result_content,
)
from .batch_queue import BatchQueue
from .run_item import Item
from .tool_thread import run_in_thread


if TYPE_CHECKING:
    from .watch import Watch


__all__ = ["ToolTask"]

# Without these words, the model might call the tool again: a mail would be sent twice.
_UNSENDABLE = "the tool has run, but its result cannot be sent"
_TOO_LONG = (
    "the tool took longer than {} seconds; it is not known whether it took effect"
)


@define(eq=False)
class ToolTask:
    """
    Runs one tool call in a task of its own, and puts the outcome into a queue.

    Attributes:
        call: The call to run.
        timeout: Maximum seconds of the call; None for no limit.
        outcomes: The queue of all calls that run at the same time.
        watch: Tells the hooks when the tool begins and ends; None without hooks.
    """

    call: Runnable
    timeout: float | None
    outcomes: BatchQueue[Item]
    watch: Callable[[str, str], Watch] | None = None
    _ended: bool = field(default=False, init=False)
    _failure: Exception | None = field(default=None, init=False)

    async def run(self) -> None:
        """Run the tool, and tell the hooks; raise only the cancellation of the run."""
        if self.watch is None:
            await self._run()
            return
        call = self.call.call
        self._failure = CallCancelledError("the tool was cancelled with its run")
        watch = self.watch(call.function.name, call.id)
        try:
            watch.start()
            await self._run()
        finally:
            watch.end(self._failure)

    async def _run(self) -> None:
        seconds = math.inf if self.timeout is None else self.timeout
        try:
            with anyio.move_on_after(seconds) as scope:
                self._succeed(await _value_of(self.call.run))
            if scope.cancelled_caught:
                words = _TOO_LONG.format(self.timeout)
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

    def _succeed(self, value: Any) -> None:
        """End the call with what the tool returned, as the model reads it."""
        self._failure = None
        try:
            content = result_content(value)
        except Exception as error:  # noqa: BLE001 - a value of the user may raise any
            self._fail(error, f"{_UNSENDABLE}: {error_words(error)}")
        else:
            self._end(Ended(self.call.call.id, content, failed=False))

    def _fail(self, error: BaseException, words: str) -> None:
        name = self.call.call.function.name
        if not isinstance(error, ToolError):
            # Only the model reads the result: without the log, no developer would
            # notice a mistake in the tool.
            text = replace_surrogates(words)
            logger.warning("the tool %s failed: %s", name, text, exc_info=error)
        self._failure = error if isinstance(error, Exception) else ToolError(words)
        # Otherwise the frames of the traceback would keep the tool's values alive.
        BaseException.with_traceback(error, None)
        event = Ended(self.call.call.id, error_content(words), failed=True)
        self._end(event, error)

    def _end(self, event: Ended, error: BaseException | None = None) -> None:
        self._ended = True
        self.outcomes.put([Item(event, error=error)])

    def settle(self) -> None:
        """Wake the waiting reader: the task has ended."""
        if not self._ended:
            self.outcomes.end(ClientClosedError("the client was closed in the run"))


async def _value_of(run: Callable[[], Any]) -> Any:
    """Call *run*, and return its result; await the result first if it is awaitable."""
    value = run() if _is_async(run) else await run_in_thread(run)
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
