"""
Joins an answer's texts, and its members with unknown keys, over a stream's chunks.

A member is a key of a JSON object, and its value. A server may send a complete member
in one chunk, and null or an empty value in all others; repeat the member in every
chunk; or send a fragment of it in each chunk.
"""

import json
import re

from collections import Counter
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from .._models.base_types import JSON


__all__ = [
    "COMPLETE",
    "Members",
    "Text",
    "is_name_of_ping",
    "is_sign_of_life",
]

# Matches a lowercase event name that only shows that the server is alive.
_SIGN_OF_LIFE = re.compile(
    r"(?:.*[^a-z])?(?:ping|pong|heart[ _-]?beat|(?:keep[ _-]?)?alive|no[ _-]?op)"
)
# Keys under which an event may have its name.
_EVENT_NAMES = ("type", "event", "status", "object")

# Unknown members of a delta, or of an object in it, whose strings are sent in
# fragments. Servers never split other strings, such as an id, a type or a signature.
_PIECES = frozenset(
    {"arguments", "content", "data", "partial_json", "reasoning", "refusal", "summary"}
    | {"text", "thinking", "transcript"}
)
# Two fragments of this many characters or more are hardly ever equal by chance.
_LONG = 16
# Unknown members, of a delta or of an object in it, that are lists of complete items.
COMPLETE = frozenset(
    {"annotations", "citations", "images", "references", "search_results", "sources"}
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
            text += "".join(more)  # nothing else refers to it: CPython appends in place
            self.pieces.append(text)
        return self.pieces[0] if self.pieces else ""


@define
class _Fragment(Text):
    """
    A str that a server sends in fragments, or in full with each chunk.

    It is sent in full if each value repeats or continues the value before. Short values
    prove this only if the object around them has an id or a name.
    """

    _last: str = ""
    _whole: bool = True

    def add(self, piece: str, *, labelled: bool = False) -> bool:
        """Add *piece*; return False if it is empty or only repeats the last value."""
        if self._last:
            certain = labelled or len(self._last) >= _LONG
            self._whole = self._whole and certain and piece.startswith(self._last)
        repeated = self._whole and piece == self._last
        self._last = piece
        return super().add(piece) and not repeated

    def join(self) -> str:
        """Return the text so far."""
        return self._last if self._whole else super().join()


@define
class _Fragments:
    """A list of objects, assembled from fragments that have an ``index``."""

    deep: bool
    parts: list["Members"] = field(factory=list)
    # The newest object for each index, and for each index and type. The number in the
    # key counts the objects of one list that have the same index and type.
    _known: dict[tuple[str, str | None, int], "Members"] = field(factory=dict)

    def add(self, fragments: list[dict[str, JSON]]) -> bool:
        """
        Add the fragments of one list; no two of them belong to the same object.

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
    but ``logprobs``, and fragments with an ``index``, are joined. A delta's lists of
    complete items, such as annotations, are joined too, without repeated items.

    Attributes:
        deep: Whether the object is a delta or in one: strings and objects are joined.
        joined: Whether all lists in the object are joined.
        named: Whether the object is an item of a list: then each of its strings is a
            part of the answer.
    """

    deep: bool = False
    joined: bool = False
    named: bool = False
    _values: dict[str, Any] = field(factory=dict)

    def add(self, more: Mapping[str, JSON]) -> bool:
        """
        Add the members of one chunk; return whether they add a part of the answer.

        These add nothing: a repeated value, a number, a string that replaces another,
        and a string at the top level of a chunk or choice, such as the time of a ping.
        """
        carries = False
        kinds = (list, dict, str) if self.deep or self.named else (list, dict)
        for name, value in more.items():
            if not isinstance(value, kinds) and value is not None and value != "":
                self._values[name] = value
            elif not value:
                self._values.setdefault(name, value)
            elif self._add_value(name, value, more):
                carries = True
        return carries

    def _add_value(self, name: str, value: Any, more: Mapping[str, JSON]) -> bool:
        grown = self._grown(name, value)
        if isinstance(grown, _Fragment):
            return grown.add(value, labelled=_is_labelled(more))
        if grown is not None:
            return bool(grown.add(value))
        old = self._values.get(name)
        if old == value:
            return False
        self._values[name] = value
        return self._is_part(name, old, value)

    def _is_part(self, name: str, old: JSON, new: JSON) -> bool:
        """Return whether *new*, which replaces *old*, is a part of the answer."""
        if isinstance(new, str):
            return self.named or (self.deep and not old)
        return isinstance(new, dict | list) and not is_name_of_ping(name)

    def may_have(self, fragment: Mapping[str, JSON]) -> bool:
        """Whether *fragment* may belong to this object: neither type nor id differs."""
        pairs = ((self._values.get(key), fragment.get(key)) for key in ("type", "id"))
        return all(not old or not new or old == new for old, new in pairs)

    def _grown(self, name: str, value: JSON) -> Any:
        """Return the object that joins *name*'s values; None if *value* is complete."""
        new: Any = None
        if isinstance(value, str) and self.deep and name in _PIECES:
            new = _Fragment()
        elif isinstance(value, list) and self.deep and name in COMPLETE:
            new = _Distinct()
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
        """Return a copy of the members assembled so far."""
        return {name: _to_json(value) for name, value in self._values.items()}


class _Items(list[JSON]):
    """A list that grows with each chunk: servers send only its new items."""

    def add(self, values: list[JSON]) -> bool:
        """Append *values*, which are a part of the answer."""
        self.extend(values)
        return True


@define
class _Distinct:
    """A list of complete items; a server may repeat earlier items before new ones."""

    items: list[JSON] = field(factory=list)
    _seen: set[str] = field(factory=set)

    def add(self, values: list[JSON]) -> bool:
        """Add those of *values* that are new; return whether any value is new."""
        before = len(self._seen)
        for place, value in enumerate(values):
            text = json.dumps(value, sort_keys=True)
            if text in self._seen:
                continue
            self._seen.add(text)
            if place < len(self.items) and _continues(value, self.items[place]):
                self.items[place] = value
            else:
                self.items.append(value)
        return len(self._seen) > before


def _continues(new: JSON, old: JSON) -> bool:
    """Return whether *new* is the object *old* with more members or longer texts."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return False
    return all(
        new.get(name) == value
        or (name in _PIECES and str(new.get(name)).startswith(str(value)))
        for name, value in old.items()
    )


def _is_labelled(members: Mapping[str, JSON]) -> bool:
    """Return whether *members* have an id, a name or several texts."""
    texts = sum(name in _PIECES and bool(members[name]) for name in members)
    return bool(members.get("id") or members.get("name")) or texts > 1


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
        case _Distinct():
            return list(value.items)
        case _:
            return value


def is_sign_of_life(members: Mapping[str, JSON]) -> bool:
    """Whether these members say that an event is only a ping."""
    names = (members.get(key) for key in _EVENT_NAMES)
    return any(is_name_of_ping(name) for name in names if isinstance(name, str))


def is_name_of_ping(name: str) -> bool:
    """Whether an event of this name only shows that the server is alive."""
    return _SIGN_OF_LIFE.fullmatch(name[:100].lower()) is not None
