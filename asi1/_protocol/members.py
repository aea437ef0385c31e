"""
The members that must be joined over a stream's chunks: texts, unknown ones, the usage.

A server may send a complete member in one chunk, and null or an empty value in all
others; repeat the member in every chunk; or send a fragment of it in each chunk.
"""

import re

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from attrs import define, field

from .._models.base_types import JSON
from .._models.completion import Usage


__all__ = [
    "Members",
    "Text",
    "is_name_of_ping",
    "is_notice",
    "is_sign_of_life",
    "newer_usage",
]

# Names, in lowercase, of events that only show that the server is alive; and those
# members of an event that may hold its name.
_SIGN_OF_LIFE = re.compile(
    r"(?:.*[^a-z])?(?:ping|pong|heart[ _-]?beat|(?:keep[ _-]?)?alive|no[ _-]?op)"
)
_EVENT_NAMES = ("type", "event", "status", "object")

# Parts of the values of ``type``, in lowercase, of objects that report a failure; a
# colon is that of a URI, the type of a problem in RFC 9457.
_FAILURE = re.compile(
    r"error|exception|fail|invalid|denied|refused|forbidden|unauthori[sz]ed|not.?found"
    r"|exceeded|exhausted|insufficient|limit|quota|billing|balance|overload|busy"
    r"|unavailable|time.?out|throttl|too.?many|abort|reject|block|fault|:"
)

# Unknown members of a delta, or of a fragment in it, whose strings are joined. Servers
# never split other strings, such as an id, a type or a signature.
_PIECES = frozenset(
    {"arguments", "content", "data", "partial_json", "reasoning", "refusal", "summary"}
    | {"text", "thinking", "transcript"}
)
# Unknown members of a choice that are lists with one item for each token of the chunk.
_LISTS = frozenset({"logprobs", "token_ids"})


@define
class Text:
    """A growing str, stored as a list of fragments until it is read."""

    pieces: list[str] = field(factory=list)

    def add(self, piece: str) -> bool:
        """Append *piece*, which may be empty; return whether the text has grown."""
        if piece:
            self.pieces.append(piece)
        return bool(piece)

    def join(self) -> str:
        """Return the text so far."""
        if len(self.pieces) > 1:
            text, *more = self.pieces
            self.pieces.clear()
            text += "".join(more)  # in place, if no earlier answer holds the text
            self.pieces.append(text)
        return self.pieces[0] if self.pieces else ""


@define
class _Fragments:
    """A list of objects, assembled from fragments that have an ``index``."""

    deep: bool
    parts: list["Members"] = field(factory=list)
    # The newest part with an index, and the newest with an index and a type; the number
    # tells parts with the same of both that one list had.
    _known: dict[tuple[str, str | None, int], "Members"] = field(factory=dict)

    def add(self, fragments: list[dict[str, JSON]]) -> bool:
        """
        Add the fragments of one list, each of which belongs to another part.

        Returns:
            Whether they add a part of the answer; see `Members.add`.
        """
        carries = False
        seen: Counter[tuple[str, str | None]] = Counter()
        used: set[int] = set()
        for fragment in fragments:
            index, kind = str(fragment["index"]), fragment.get("type")
            names: list[tuple[str, str | None]] = [(index, None)]
            if isinstance(kind, str):
                names.append((index, kind))
            keys = [(*name, seen[name]) for name in names]
            seen.update(names)
            part = self._known.get(keys[-1]) or self._known.get(keys[0])
            if part is None or id(part) in used or not part.may_have(fragment):
                part = Members(self.deep, named=True)
                self.parts.append(part)
                carries = True
            self._known.update(dict.fromkeys(keys, part))
            used.add(id(part))
            carries |= part.add(fragment)
        return carries


@define
class Members:
    """
    The unknown members of an object, joined over all chunks of a stream.

    A later value of a member replaces the earlier one, unless the later value is empty;
    but ``logprobs``, and fragments with an ``index``, are joined.

    Attributes:
        deep: Whether it is a delta or in one, so that strings and objects are joined.
        joined: Whether all lists in the object are joined.
        named: Whether it is an item of a list, so that each of its strings is a part of
            the answer.
    """

    deep: bool = False
    joined: bool = False
    named: bool = False
    _values: dict[str, Any] = field(factory=dict)

    def add(self, more: Mapping[str, JSON]) -> bool:
        """
        Add the members of one chunk; return whether they add a part of the answer.

        A member that repeats its value adds nothing. A number adds nothing either, and
        neither does a string at the top level of a chunk or choice, or one that
        replaces another: it may be the time, which differs in each sign of life.
        """
        carries = False
        for name, value in more.items():
            if value is None or value in ("", [], {}):
                self._values.setdefault(name, value)
                continue
            grown = self._grown(name, value)
            if grown is not None:
                carries |= grown.add(value)
                continue
            old = self._values.get(name)
            if old != value:
                self._values[name] = value
                carries |= self._is_part(name, old, value)
        return carries

    def _is_part(self, name: str, old: JSON, new: JSON) -> bool:
        """Return whether *new*, which replaces *old*, is a part of the answer."""
        if isinstance(new, str):
            return self.named or (self.deep and not old)
        return isinstance(new, dict | list) and not is_name_of_ping(name)

    def may_have(self, fragment: Mapping[str, JSON]) -> bool:
        """Whether a fragment has no other type and no other id than the object."""
        pairs = ((self._values.get(key), fragment.get(key)) for key in ("type", "id"))
        return all(not old or not new or old == new for old, new in pairs)

    def _grown(self, name: str, value: JSON) -> Any:
        """Return the object to add the fragment *value* to; None if it is complete."""
        new: Any = None
        if isinstance(value, str) and self.deep and name in _PIECES:
            new = Text()
        elif isinstance(value, dict) and (self.deep or name == "logprobs"):
            new = Members(self.deep, joined=name == "logprobs")
        elif isinstance(value, list) and (self.joined or name in _LISTS):
            new = _Items()
        elif isinstance(value, list) and all(map(_has_index, value)):
            new = _Fragments(self.deep)
        if new is None:
            return None
        if type(self._values.get(name)) is not type(new):
            self._values[name] = new
        return self._values[name]

    def to_json(self) -> dict[str, JSON]:
        """Return a copy of the members so far."""
        return {name: _to_json(value) for name, value in self._values.items()}


class _Items(list[JSON]):
    """A growing list of the server's values."""

    def add(self, values: list[JSON]) -> bool:
        """Append *values*, which are a part of the answer."""
        self.extend(values)
        return True


def _has_index(value: JSON) -> bool:
    return isinstance(value, dict) and isinstance(value.get("index"), int | str)


def _to_json(value: Any) -> JSON:
    match value:
        case Text():
            return value.join()
        case Members():
            return value.to_json()
        case _Fragments():
            return [part.to_json() for part in value.parts]
        case _Items():
            return list(value)
        case _:
            return value


def is_sign_of_life(members: Mapping[str, JSON]) -> bool:
    """Whether these members say that an event is only a ping."""
    if not members:
        return False
    names = (members.get(key) for key in _EVENT_NAMES)
    return any(is_name_of_ping(name) for name in names if isinstance(name, str))


def is_name_of_ping(name: str) -> bool:
    """Whether an event of this name only shows that the server is alive."""
    return _SIGN_OF_LIFE.fullmatch(name[:100].lower()) is not None


def is_notice(members: Mapping[str, JSON]) -> bool:
    """Whether an event with these members has a type, which is not that of an error."""
    kind, code, status = (members.get(key) for key in ("type", "code", "status"))
    if not isinstance(kind, str) or not kind or _FAILURE.search(kind.lower()):
        return False
    return code is None and not isinstance(status, int)


def newer_usage(old: Usage | None, new: Usage | None) -> Usage | None:
    """Return *new*, with *old*'s counts in place of those that *new* does not have."""
    if old is None or new is None:
        return new or old
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens")
    counts = {name: _truer(getattr(old, name), getattr(new, name)) for name in names}
    if new.total_tokens <= 0:  # the old total may not include the new counts
        parts = counts["prompt_tokens"] + counts["completion_tokens"]
        counts["total_tokens"] = max(old.total_tokens, parts)
    extra = _truer(old.extra, new.extra)
    extra = {key: extra[key] for key in extra if key not in names}
    newer = attrs.evolve(new, **counts, extra=extra, wire=None)
    return new if newer == new else newer


def _truer(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: _truer(old.get(key), new[key]) for key in new}}
    counts = bool(new) and not (isinstance(new, int | float) and new < 0)
    return new if counts or old is None else old
