"""
Copies values of errors, such as partial answers, without the API key.

The text of an answer that a caller reads from a stream or a reply is not redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from operator import attrgetter, is_

import attrs

from attrs import define, field

from .._models.base import Model, as_sent
from .._models.base_types import JSON
from .._models.response import Attempt, RateLimits, ResponseInfo
from .._settings.search_steps import finished
from .._settings.secret import Secret


__all__ = ["without_key", "without_key_in_steps"]

# Stands for a value that contains itself, or is nested too deeply.
_UNREADABLE = "..."
# Maximum number of values that one step searches for strings.
_FEW_VALUES = 4096
# One step redacts about this many characters; each string counts its length plus
# `_CHARACTERS_PER_VALUE`.
_MOST_CHARACTERS = 32 * 1024
_CHARACTERS_PER_VALUE = 128
_CONTAINERS = (list, tuple, Mapping, Model, ResponseInfo, Attempt, RateLimits)


def without_key(value: JSON, secret: Secret) -> JSON:
    """Return *value* without the API key, as `without_key_in_steps` does."""
    return finished(without_key_in_steps(value, secret))


def without_key_in_steps(value: JSON, secret: Secret) -> Generator[None, None, JSON]:
    """
    Return *value* without the API key; *value* itself if it does not contain the key.

    The key is removed from strings, bytes and numbers in lists, tuples, mappings and
    asi1's objects, such as answers and response metadata. 8 or more characters of the
    key at the end of a string are removed too, since a server may have cut the string.

    Yields:
        None after each step of some milliseconds; never for a small value.
    """
    texts = yield from _texts(value)
    if not (yield from secret.search_in_steps("\n".join(texts))):
        return value
    try:
        return (yield from _Redaction(secret).of(value))
    except RecursionError:
        return _UNREADABLE


def _texts(value: JSON) -> Generator[None, None, list[str]]:
    """Return the strings in *value*, and its bytes and numbers as str; in steps."""
    texts: list[str] = []
    todo: list[Iterable[JSON]] = [(value,)]
    seen: set[int] = set()
    kept: list[JSON] = []
    steps = 0
    while todo:
        if len(seen) // _FEW_VALUES > steps:
            steps += 1
            yield
        for item in todo.pop():
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif item is not None and id(item) not in seen:
                # An answer may contain many thousand values, so the function that reads
                # the values of a type is cached.
                read = _READERS.get(kind) or _reader(kind)
                seen.add(id(item))
                kept.append(item)  # kept alive: Python reuses the ids of freed objects
                todo.append(read(item))
    return texts


def _reader(kind: type) -> Callable[[JSON], Iterable[JSON]]:
    """Return the function that returns the values inside an object of type *kind*."""
    read: Callable[[JSON], Iterable[JSON]] = _no_parts
    if issubclass(kind, Model | ResponseInfo | Attempt | RateLimits):
        read = attrgetter(*(each.name for each in attrs.fields(kind)))
    elif issubclass(kind, Mapping):
        read = _members
    elif issubclass(kind, list | tuple):
        read = iter
    elif issubclass(kind, str):
        read = _own_text
    elif issubclass(kind, bytes | bytearray):
        read = _bytes_text
    elif issubclass(kind, int | float):
        read = _number_text
    _READERS[kind] = read
    return read


def _members(value: Mapping[JSON, JSON]) -> Iterable[JSON]:
    return (*value, *value.values()) if value else ()


def _no_parts(_: JSON) -> Iterable[JSON]:
    return ()


def _own_text(value: str) -> Iterable[str]:
    return (str(value),)


def _bytes_text(value: bytes) -> Iterable[str]:
    return (value.decode("latin-1"),)


def _number_text(value: float) -> Iterable[str]:
    try:
        return (str(value),)
    except ValueError:  # Python cannot convert an int of over 4300 digits
        return ()


# Caches the results of `_reader` by type, since a process sees few types.
_READERS: dict[type, Callable[[JSON], Iterable[JSON]]] = {}


@define
class _Redaction:
    """Redacts one value, and each value inside it only once."""

    _secret: Secret
    # For each value seen so far, by its id: its redacted copy, and the value itself, so
    # that Python does not reuse the id.
    _seen: dict[int, tuple[JSON, JSON]] = field(factory=dict)
    _characters: int = 0  # characters counted in the current step

    def of(self, value: JSON) -> Generator[None, None, JSON]:
        """Return *value* without the key."""
        if isinstance(value, str):
            self._characters += _CHARACTERS_PER_VALUE + len(value)
            if self._characters > _MOST_CHARACTERS:
                self._characters = 0
                yield
            return (yield from self._secret.redact_in_steps(value))
        if isinstance(value, bytes | bytearray):
            return self._secret.redact_bytes(bytes(value))
        if isinstance(value, _CONTAINERS):
            if id(value) not in self._seen:
                self._seen[id(value)] = value, _UNREADABLE
                self._seen[id(value)] = value, (yield from self._of_parts(value))
            return self._seen[id(value)][1]
        if isinstance(value, int | float):
            return self._of_number(value)
        return value

    def _of_all(self, values: Iterable[JSON]) -> Generator[None, None, list[JSON]]:
        made = []
        for value in values:
            made.append((yield from self.of(value)))  # noqa: PERF401 - yields
        return made

    def _of_number(self, value: float) -> JSON:
        text = "".join(_number_text(value))
        redacted = self._secret.redact(text)
        return value if redacted == text else redacted

    def _of_parts(self, value: JSON) -> Generator[None, None, JSON]:
        if isinstance(value, list | tuple):
            parts = yield from self._of_all(value)
            if all(map(is_, parts, value)):
                return value
            # A named tuple becomes a `tuple`, since the class of a named tuple does not
            # accept a list.
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, Mapping):
            keys = yield from self._of_all(value)
            items = yield from self._of_all(value.values())
            same = all(map(is_, keys, value)) and all(map(is_, items, value.values()))
            return value if same else dict(zip(keys, items, strict=True))
        changes = {}
        for each in attrs.fields(type(value)):
            old = getattr(value, each.name)
            # A token count is not redacted, since its field must stay an int.
            new = old if isinstance(old, int | float) else (yield from self.of(old))
            if new is not old and each.init:
                changes[each.alias] = new
        if not changes:
            return value
        made = attrs.evolve(value, **changes)
        return as_sent(made, value) if isinstance(made, Model) else made
