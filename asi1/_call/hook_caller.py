"""Calls the hooks of a client, and reports each broken hook once."""

from __future__ import annotations

import asyncio
import inspect
import warnings

from contextlib import suppress

from attrs import define, field

from .._log import logger
from .._models.response import Attempt, ResponseInfo
from .._settings.hooks import Hooks, Wait


__all__ = ["HookCaller"]


@define(eq=False)
class HookCaller:
    """
    Calls the hooks of a client and its children; a hook's error does not fail a call.

    Attributes:
        hooks: The user-provided functions.
    """

    hooks: Hooks
    _reported: set[str] = field(factory=set, init=False)

    def on_wait(self, wait: Wait) -> None:
        """Report that a call waits for the rate limit."""
        self._call("on_wait", wait)

    def on_retry(self, attempt: Attempt) -> None:
        """Report a failed attempt before the wait for the next one."""
        self._call("on_retry", attempt)

    def on_end(self, info: ResponseInfo, error: Exception | None) -> None:
        """Report the end of a call."""
        self._call("on_end", info, error)

    def _call(
        self, name: str, *args: Wait | Attempt | ResponseInfo | Exception | None
    ) -> None:
        hook = getattr(self.hooks, name)
        if hook is None:
            return
        try:
            result = hook(*args)
        # A hook that asks a cancelled asyncio task for its result raises the task's
        # CancelledError, which does not mean that the call was cancelled.
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a failing hook must not fail the call
            self._report(name, f"raised {type(error).__name__}", error)
        else:
            if inspect.iscoroutine(result):
                result.close()  # else Python would warn of a coroutine never awaited
                self._report(name, "returned a coroutine, which nothing awaits", None)

    def _report(self, name: str, problem: str, error: BaseException | None) -> None:
        if name in self._reported:
            return
        self._reported.add(name)
        text = f"the hook {name} {problem}; this is reported once per client"
        logger.warning(text, exc_info=error)
        # Logs are hidden by default, so a warning reports the broken hook too. If the
        # program's filters turn warnings into errors, `warn` raises the warning.
        with suppress(RuntimeWarning):
            warnings.warn(text, RuntimeWarning, stacklevel=2)
