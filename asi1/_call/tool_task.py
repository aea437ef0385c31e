"""
Runs one tool call in its own task; the function of a blocking tool in its own thread.

Whatever the tool does, its call gets a result: the tool may raise, hang, return a value
without a form in JSON, or be cancelled.
"""

from __future__ import annotations

import contextvars
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
from .._transport.event_loop import Flag, call_soon, loop_token
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
        try:
            outcome = await self._outcome()
        except (SystemExit, KeyboardInterrupt) as ending:
            self._ended = True
            self.outcomes.end(ending)
        else:
            self._ended = True
            self.outcomes.put([outcome])

    async def _outcome(self) -> ToolOutcome:
        scope = anyio.CancelScope()
        try:
            with anyio.fail_after(self.timeout) as scope:
                content = result_content(await _value_of(self.call.run))
        except anyio.get_cancelled_exc_class() as cancelled:
            if anyio.current_effective_deadline() == -math.inf:
                raise  # the run is cancelled, not the tool alone
            return self._failed(cancelled, "the tool was cancelled")
        except TimeoutError as late:
            words = f"the tool took longer than {self.timeout} seconds"
            return self._failed(
                late, words if scope.cancelled_caught else error_words(late)
            )
        except Exception as error:  # noqa: BLE001 - the model reads any error
            return self._failed(error, error_words(error))
        return ToolOutcome(Ended(self.call.call.id, content, failed=False))

    def _failed(self, error: BaseException, words: str) -> ToolOutcome:
        error.__traceback__ = None  # its frames would keep the tool's values alive
        event = Ended(self.call.call.id, error_content(words), failed=True)
        return ToolOutcome(event, error)

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
    function = run.func
    while hasattr(function, "func"):  # a partial
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    return inspect.iscoroutinefunction(inspect.unwrap(function))


async def _in_thread(run: Callable[[], Any]) -> Any:
    """
    Return the result of *run*, which a new thread calls with the caller's contextvars.

    The thread is a daemon, unlike anyio's and asyncio's worker threads: a tool that
    hangs must not keep Python from exiting.
    """
    token, done = loop_token(), Flag()
    context = contextvars.copy_context()
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
