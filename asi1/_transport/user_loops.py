"""
Lets several event loops use one client or transport of a user.

The connections of httpx and aiohttp belong to the event loop that opened them. So the
first event loop uses the user's own object, and each other one a copy of the object
with connections of its own, which asi1 closes. The copy has the same settings, hooks
and cookies.
"""

from __future__ import annotations

import copy
import os

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from .._models.errors import ConfigurationError
from .event_loop import loop_token


__all__ = ["hand_over", "on_this_loop", "transports_of"]

# For each client or transport that the user has made: the event loop and the process
# that use it directly. Other event loops use copies, or hand their requests over.
_homes: WeakKeyDictionary[Any, tuple[Any, int]] = WeakKeyDictionary()
# For each transport of httpx-aiohttp: the function that creates its aiohttp session,
# noted before its first use.
_sessions: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
# The attributes of a pool of httpcore or httpcore2 that a copy must not share.
_POOL_STATE = ("_connections", "_requests", "_optional_thread_lock", "_network_backend")


def transports_of(owner: Any) -> Iterator[Any]:
    """Yield all transports of a client; of a transport, itself and those inside it."""
    mounts: dict[Any, Any] = getattr(owner, "_mounts", {})
    for each in (getattr(owner, "_transport", owner), *mounts.values()):
        if each is not None:
            yield each
            yield from (part for _, part in _parts(each))


def _parts(transport: object) -> list[tuple[str, Any]]:
    """Return the attributes of a wrapping transport that are transports themselves."""
    parts = getattr(transport, "__dict__", {}).items()
    return [(name, part) for name, part in parts if hasattr(part, "_pool")]


def hand_over(owner: object) -> None:
    """Record how to copy a user's client or transport, before its first use."""
    for each in transports_of(owner):
        if _is_of_aiohttp(each):
            _sessions.setdefault(each, each.client)


def on_this_loop(owner: Any) -> tuple[Any, list[Any]]:
    """
    Return *owner* or its copy for this event loop, and the transports to close later.

    Raises:
        ConfigurationError: *owner* cannot be used on this event loop.
    """
    here = loop_token(), os.getpid()
    try:
        home = _homes.setdefault(owner, here)
    except TypeError:  # the object does not support weak references
        return owner, []
    if home == here:
        return owner, []
    if not hasattr(owner, "_mounts"):
        copied = _copy(owner)
        return copied, [] if copied is owner else [copied]
    own = copy.copy(owner)
    own._transport = _copy(owner._transport)
    own._mounts = {name: each and _copy(each) for name, each in owner._mounts.items()}
    pairs = zip(
        (own._transport, *own._mounts.values()),
        (owner._transport, *owner._mounts.values()),
        strict=True,
    )
    return own, [made for made, old in pairs if made is not old]


def _copy(transport: Any) -> Any:
    """Return a copy without connections; *transport* itself if it opens none."""
    if _is_of_aiohttp(transport):
        made = copy.copy(transport)
        made.client = _session_maker(transport)
        return made
    pool = getattr(transport, "_pool", None)
    if all(hasattr(pool, name) for name in _POOL_STATE):
        made = copy.copy(transport)
        made._pool = _empty_pool(pool)
        return made
    if parts := _parts(transport):
        made = copy.copy(transport)
        for name, part in parts:
            setattr(made, name, _copy(part))
        return made
    return transport


def _empty_pool(pool: Any) -> Any:
    made = copy.copy(pool)
    made._connections, made._requests = [], []
    made._optional_thread_lock = type(pool._optional_thread_lock)()
    backend = getattr(pool._network_backend, "inner", pool._network_backend)
    # httpcore's default backend remembers whether it runs on asyncio or on trio.
    usual = type(backend).__name__ == "AutoBackend"
    made._network_backend = type(backend)() if usual else backend
    return made


def _is_of_aiohttp(transport: object) -> bool:
    names = {each.__name__ for each in type(transport).__mro__}
    return "AiohttpTransport" in names and hasattr(transport, "client")


def _session_maker(transport: Any) -> Any:
    """
    Return the function that creates a session for another event loop; None if
    httpx-aiohttp creates the session itself.
    """
    maker = _sessions.get(transport)
    if maker is None or not hasattr(maker, "_connector"):
        return maker
    raise ConfigurationError(
        "the aiohttp.ClientSession in your transport belongs to another event loop:"
        " give AiohttpTransport a function that makes a session, or use one client for"
        " each event loop"
    )
