"""
Find a string in values, their parts and attributes, in error chains and log records.

The search covers what a debugger, a crash reporter or a pickle would show. A client
stores its key in a `Secret`, which may contain the key and so is not searched.
"""

from __future__ import annotations

import logging
import pickle
import traceback

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

from asi1._settings.secret import Secret


__all__ = ["KEY", "found", "in_error", "in_records", "lines"]

# The key has each kind of character that real keys have, and none that JSON, HTML or
# URLs escape.
KEY = "sk_canary-0123456789.abcdefABCDEF"

_MOST = 20_000
# Types that are not searched: a frame contains the tests' own variables, a Secret
# contains the key on purpose, and the other types hold no data.
_CLOSED = (CodeType, FrameType, FunctionType, ModuleType, Secret, TracebackType, type)
# Modules whose objects are not searched: pytest, large libraries, and the fake server,
# which records each request with its key.
_FOREIGN = ("_pytest", "asi1.testing", "asyncio", "selectors", "threading", "trio")


def found(*roots: object, text: str | Collection[str] = KEY) -> list[str]:
    """
    Return the paths, such as ``[0].args[1]``, at which *roots* contain *text*, or one
    of several texts.
    """
    texts = [text] if isinstance(text, str) else list(text)
    seen: set[int] = set()
    # Searched objects are kept alive, because Python would reuse the ids of freed ones.
    kept: list[object] = []
    todo = deque((f"[{n}]", root) for n, root in enumerate(roots))
    places = []
    while todo and len(seen) < _MOST:
        path, value = todo.popleft()
        if id(value) in seen or _is_closed(value):
            continue
        seen.add(id(value))
        kept.append(value)
        if _shows(value, texts):
            places.append(path)
        todo.extend((f"{path}{name}", part) for name, part in _parts(value))
    return places


def _is_closed(value: object) -> bool:
    module = type(value).__module__
    return isinstance(value, _CLOSED) or any(
        module == name or module.startswith(f"{name}.") for name in _FOREIGN
    )


def _shows(value: object, texts: list[str]) -> bool:
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        return any(text.encode() in data for text in texts)
    shown = {str(value), repr(value)}
    return any(text in each for each in shown for text in texts)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from (("(key)", key) for key in value)
        yield from ((f"[{key!r:.40}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from ((f"[{n}]", part) for n, part in enumerate(value))
    if isinstance(value, BaseException):
        names = ("args", "__cause__", "__context__", "__notes__", "exceptions")
        yield from ((f".{name}", getattr(value, name, None)) for name in names)
    for name in _names(value):
        try:
            yield f".{name}", object.__getattribute__(value, name)
        except AttributeError:
            continue


def _names(value: object) -> Iterable[str]:
    names = list(getattr(value, "__dict__", ()))
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return [name for name in names if isinstance(name, str)]


def in_error(error: BaseException, text: str | Collection[str] = KEY) -> list[str]:
    """
    Return where *text*, or one of several texts, occurs in the parts, pickle and
    traceback of *error*.
    """
    texts = [text] if isinstance(text, str) else list(text)
    places = found(error, text=texts)
    try:
        pickled = pickle.dumps(error)
    except TypeError:  # some errors of other libraries cannot be pickled
        pickled = b""
    if any(text.encode() in pickled for text in texts):
        places.append("pickle")
    for line in lines(error):
        if any(text in line for text in texts):
            places.append(f"traceback: {line.strip():.100}")
    return places


def lines(error: BaseException) -> list[str]:
    """Return the traceback of *error* as lines, with each frame's local variables."""
    told = traceback.TracebackException(
        type(error), error, error.__traceback__, capture_locals=True
    )
    return "".join(told.format()).splitlines()


def in_records(records: Iterable[logging.LogRecord], text: str = KEY) -> list[str]:
    """Return the logger and message of each record that contains *text*."""
    logged: list[Any] = [(record, record.getMessage()) for record in records]
    return [
        f"{record.name}: {message:.100}"
        for record, message in logged
        if text in message or found(vars(record), text=text)
    ]
