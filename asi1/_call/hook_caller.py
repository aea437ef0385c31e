"""Calls the hooks of a client, and reports each broken hook once."""

from __future__ import annotations

import asyncio
import inspect

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Any

import attrs

from attrs import define, field

from .._log import warn_of
from .._models.call_info import Call, Operation
from .._protocol.request import Request
from .._settings.hooks import Hooks
from .._transport.event_loop import real_clock
from .watch import Watch, call_of, messages_of


__all__ = ["HookCaller"]

# Operations that only hooks with ``runs=True`` are called for.
_RUNS = frozenset({"run_tools", "parse", "tool"})


@define(eq=False)
class HookCaller:
    """
    Calls the hooks of a client; a hook's error does not fail a call.

    Attributes:
        hooks: The user-provided functions, called in this order.
    """

    hooks: tuple[Hooks, ...]
    # The broken hooks that were reported, shared with the clients of `with_options`.
    _reported: set[tuple[int, str]] = field(factory=set, init=False)

    def and_also(self, hooks: tuple[Hooks, ...]) -> HookCaller:
        """Return a `HookCaller` that calls these hooks and, after them, *hooks*."""
        caller = HookCaller((*self.hooks, *hooks))
        caller._reported = self._reported
        return caller

    @property
    def contents(self) -> bool:
        """Whether any of the hooks see messages and answers (``contents=True``)."""
        return any(hooks.contents for hooks in self.hooks)

    def watch(
        self, request: Request, parent: Watch | None, now: Callable[[], float]
    ) -> Watch:
        """Return a `Watch`, which reports the call of *request* to the hooks."""
        call = full = call_of(request, None if parent is None else parent.call, now())
        if self.contents:
            full = attrs.evolve(call, messages=messages_of(request))
        return Watch(self.call, call, full, now, parent)

    def watch_run(
        self, operation: Operation, parent: Watch | None = None, **fields: Any
    ) -> Watch:
        """
        Return the `Watch` of a tool run, of a tool's call or of a `parse`.

        The `Call` that the hooks receive has these *fields*.
        """
        clock = real_clock()
        now = partial(_since, clock, clock())
        call = Call(
            id=token_hex(16),
            operation=operation,
            started_at=datetime.now(UTC),
            parent=None if parent is None else parent.call,
            **fields,
        )
        full = attrs.evolve(call) if self.contents else call
        return Watch(self.call, call, full, now, parent)

    def watch_tool(self, run: Watch, name: str, call_id: str) -> Watch:
        """Return the `Watch` of a call of the tool *name* in a tool run."""
        return self.watch_run(
            "tool", run, name=name, tool_call_id=call_id, tags={**run.call.tags}
        )

    def call(self, name: str, call: Call, full: Call) -> None:
        """
        Call each hook named *name* with *call*, or with *full* if it may see contents.

        Raises:
            BaseException: A hook raised it to end the program; it is raised after all
                hooks were called.
        """
        exiting: BaseException | None = None
        for hooks in self.hooks:
            hook = getattr(hooks, name)
            if hook is not None and (hooks.runs or call.operation not in _RUNS):
                try:
                    self._run(hook, (id(hooks), name), full if hooks.contents else call)
                except BaseException as error:  # noqa: BLE001 - raised below
                    exiting = error
        if exiting is not None:
            raise exiting

    def _run(
        self, hook: Callable[[Call], object], key: tuple[int, str], call: Call
    ) -> None:
        try:
            result = hook(call)
        # A hook that asks a cancelled asyncio task for its result raises the task's
        # CancelledError, which does not mean that the call was cancelled.
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a failing hook must not fail the call
            self._report(key, f"raised {type(error).__name__}", error)
        else:
            if inspect.iscoroutine(result):
                result.close()  # else Python warns that it was never awaited
                self._report(key, "returned a coroutine, which nothing awaits", None)

    def _report(
        self, key: tuple[int, str], problem: str, error: BaseException | None
    ) -> None:
        if key in self._reported:
            return
        self._reported.add(key)
        text = f"the hook {key[1]} {problem}; this is reported once per client"
        warn_of(text, error)


def _since(clock: Callable[[], float], began: float) -> float:
    return clock() - began
