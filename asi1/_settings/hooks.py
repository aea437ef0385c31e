"""User-provided functions that a client calls to report waits, retries and ends."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from .._models.base_types import public
from .._models.errors import APIError
from .._models.response import Attempt, ResponseInfo
from .validators import or_none, setting


__all__ = ["Hooks", "Wait"]


def _takes(arguments: int) -> Any:
    """Return an attrs validator of functions that take this number of arguments."""
    count = "one argument" if arguments == 1 else f"{arguments} arguments"

    def check(value: Any) -> str | None:
        if not callable(value):
            return "must be a function"
        if any(map(_runs_later, (value, type(value).__call__))):
            return "must be a plain function, since nothing awaits or iterates it"
        try:
            signature = inspect.signature(value)
        except (TypeError, ValueError):  # some functions written in C have no signature
            return None
        try:
            signature.bind(*[None] * arguments)
        except TypeError:
            return f"must accept {count}"
        return None

    return setting(or_none(check), "hooks")


def _runs_later(function: object) -> bool:
    """Whether calling *function* only returns a coroutine or generator."""
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


@public
@frozen(kw_only=True)
class Wait:
    """
    A call waits in the client's queue, because sending it now would exceed a limit.

    Attributes:
        reason: The reached limit's name in `RateLimit`: "requests_per_minute",
            "requests_per_day", "tokens_per_minute" or "max_concurrency"; or
            "retry_after" if the server asked for a pause in its reply to another call.
        limit: The value of that limit; None for "retry_after".
        seconds: The known minimum length of the wait; 0 if unknown.
    """

    reason: str
    limit: int | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.limit is None:
            return f"a pause that the server asked for ({self.reason})"
        unit = "calls at once"
        if self.reason != "max_concurrency":
            unit = self.reason.replace("_", " ")
        return f"its own rate limit of {self.limit:,} {unit} ({self.reason})"


@public
@frozen(kw_only=True)
class Hooks:
    """
    Functions that a client calls to report waits, retries and ended calls. They run on
    the client's event loop and must not block. An exception that they raise does not
    fail the call: the first one of each function is logged and issued as a
    `RuntimeWarning`.

    Attributes:
        on_wait: Called when a call begins to wait for the client's rate limit, and
            again if it then waits for another limit; not called for your own `Limiter`.
        on_retry: Called before the wait for another attempt, with the failed attempt;
            this contains the ``cause`` of its failure, and the ``wait`` in seconds.
        on_end: Called after a call, with the call's response metadata, and its error or
            None; for a stream, once it was read from the network to its end.

    Raises:
        ConfigurationError: A hook is not a function, or an ``async`` one, or does not
            accept the arguments.
    """

    on_wait: Callable[[Wait], object] | None = field(default=None, validator=_takes(1))
    on_retry: Callable[[Attempt], object] | None = field(
        default=None, validator=_takes(1)
    )
    on_end: Callable[[ResponseInfo, APIError | None], object] | None = field(
        default=None, validator=_takes(2)
    )
