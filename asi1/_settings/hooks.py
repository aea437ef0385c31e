"""User-provided functions that a client calls as its calls start, wait and end."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .._models.base_types import Tag, public
from .._models.errors import ConfigurationError
from .validators import flag, setting, shown, tags


# Most clients have no hooks, and so never load the module of `Call`.
if TYPE_CHECKING:
    from .._models.call_info import Call


__all__ = ["Hooks", "read_hooks", "read_tags"]


def _function(value: Any) -> str | None:
    """Check that *value* is None or a function of one argument; return the problem."""
    if value is None:
        return None
    if not callable(value):
        return "must be a function"
    if any(map(_runs_later, (value, type(value).__call__))):
        return "must be a plain function, since nothing awaits or iterates it"
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # some functions written in C have no signature
        return None
    try:
        signature.bind(None)
    except TypeError:
        return "must accept one argument, the asi1.Call"
    return None


def _runs_later(function: object) -> bool:
    """Whether calling *function* only returns a coroutine or generator."""
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


_HOOK = setting(_function, "hooks")
_FLAG = setting(flag, "hooks")


@public
@frozen(kw_only=True)
class Hooks:
    """
    Functions that a client calls as its calls start, wait and end. Each gets one
    argument, the `Call`: the same object in all hooks of a call.

    They run on the client's event loop, in the task of the call, and must not block. An
    exception that they raise does not fail the call: the first one of each function is
    logged and issued as a `RuntimeWarning`.

    Attributes:
        on_start: Called when a call begins, before it waits for anything.
        on_wait: Called when a call begins to wait for the client's rate limit, and
            again if it then waits for another limit; not called for your own `Limiter`.
        on_retry: Called after a failed attempt, before the wait for the next one; also
            if the next one follows at once, with a new key or a shorter history.
        on_chunk: Called for the chunks of a stream, at most once for each read from the
            network; never without a stream.
        on_end: Called once for each call that began, however it ended: answered, failed
            or cancelled; its stream left early or dropped; its client closed.
        contents: True also shows these hooks the messages and the answer.
        runs: True also calls `on_start` and `on_end` for each tool run, for each tool
            in it, and for each `parse` with *repair*. If False, a call's ``parent``
            still shows which calls belong together.

    Raises:
        ConfigurationError: A hook is not a function, or an ``async`` one, or does not
            accept one argument.
    """

    on_start: Callable[[Call], object] | None = field(default=None, validator=_HOOK)
    on_wait: Callable[[Call], object] | None = field(default=None, validator=_HOOK)
    on_retry: Callable[[Call], object] | None = field(default=None, validator=_HOOK)
    on_chunk: Callable[[Call], object] | None = field(default=None, validator=_HOOK)
    on_end: Callable[[Call], object] | None = field(default=None, validator=_HOOK)
    contents: bool = field(default=False, validator=_FLAG)
    runs: bool = field(default=False, validator=_FLAG)


def read_hooks(value: object) -> tuple[Hooks, ...]:
    """
    Return a client's argument ``hooks`` as a tuple.

    Raises:
        ConfigurationError: *value* is neither None, `Hooks`, nor a list of `Hooks`.
    """
    if value is None:
        return ()
    hooks: tuple[Any, ...] = (value,)
    if isinstance(value, list | tuple):
        hooks = tuple(value)
    for each in hooks:
        if not isinstance(each, Hooks):
            raise ConfigurationError(
                f"hooks: must be Hooks, or a list of Hooks, not {shown(each)}"
            )
    return hooks


def read_tags(value: object) -> dict[str, Tag]:
    """
    Return a client's argument ``tags`` as a new dict.

    Raises:
        ConfigurationError: *value* does not map str to str, int, float or bool.
    """
    if problem := tags(value):
        raise ConfigurationError(f"tags: {problem}, not {shown(value)}")
    checked: Any = value
    return {**checked}
