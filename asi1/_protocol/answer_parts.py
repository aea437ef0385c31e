"""
The parts of an answer that grow with the chunks of a stream: texts and tool calls.

Servers differ in how they send tool calls. OpenAI's sends a call's id and name once,
with the call's first part, and an index with every part. Other servers leave out index
or id, send the same index with all calls, repeat the name in every part, or make a new
id for every part.
"""

import json
import re

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import attrs

from attrs import define, field

from .._models.base_types import JSON
from .._models.chunks import ToolCallDelta
from .._models.completion import FunctionCall, ToolCall
from .._models.json_text import json_text, load_json


__all__ = ["Parts", "Text", "ToolCalls"]

_ESCAPE = re.compile(r"\\.", re.DOTALL)

_M = TypeVar("_M")

# Maximum number of models that are built when the answer is read.
_MOST_STALE = 500


@define
class Parts(Generic[_M]):
    """Models of parts that grow, in order; at most `_MOST_STALE` are out of date."""

    _models: dict[Callable[[], _M], _M | None] = field(factory=dict, init=False)
    _stale: dict[Callable[[], _M], None] = field(factory=dict, init=False)

    def changed(self, build: Callable[[], _M]) -> None:
        """Record that a part is new or has grown; *build* builds its model."""
        self._models[build] = None
        self._stale[build] = None
        if len(self._stale) > _MOST_STALE:
            self._build(next(iter(self._stale)))

    def _build(self, build: Callable[[], _M]) -> None:
        del self._stale[build]
        self._models[build] = build()

    def build(self) -> tuple[_M, ...]:
        """Return the up-to-date models of all parts."""
        for build in list(self._stale):
            self._build(build)
        return tuple(cast("dict[Any, _M]", self._models).values())


@define
class Text:
    """A growing str, stored as a list of fragments until it is read."""

    pieces: list[str] = field(factory=list)

    def add(self, piece: str) -> None:
        """Append *piece*, which may be empty."""
        if piece:
            self.pieces.append(piece)

    def join(self) -> str:
        """Return the text so far."""
        if len(self.pieces) > 1:
            text, *more = self.pieces
            self.pieces.clear()
            text += "".join(more)  # in place, if no earlier answer holds the text
            self.pieces.append(text)
        return self.pieces[0] if self.pieces else ""


@define
class _Arguments(Text):
    """
    The JSON text of a tool call's arguments; tells whether the JSON is complete.

    Each character is scanned at most once, however often `whole` is read.
    """

    # The objects before the current one: see `add`.
    _earlier: list[str] = field(factory=list)
    _unscanned: list[str] = field(factory=list)
    _depth: int = 0
    _in_string: bool = False
    _begun: bool = False

    def add(self, piece: str) -> None:
        """
        Append the text *piece*, or begin a new object after a complete one.

        Some servers first send the arguments ``{}``, then the real arguments. Other
        servers send several objects, each with all or some of the arguments.
        """
        if piece.lstrip().startswith("{") and self.whole:
            self._earlier.append(Text.join(self))
            self.pieces, self._unscanned = [], []
            self._begun, self._depth = False, 0
        if piece:
            self.pieces.append(piece)
            self._unscanned.append(piece)

    def join(self) -> str:
        """Return the arguments so far; complete objects are merged into one."""
        text = Text.join(self)
        if self._earlier and self.whole:
            text = _merged([*self._earlier, text])
            self._earlier.clear()
            self.pieces = [text]
        return text

    @property
    def whole(self) -> bool:
        """Whether the text is a complete JSON object or list."""
        if self._unscanned:
            self._scan()
        return self._begun and self._depth <= 0 and not self._in_string

    def _scan(self) -> None:
        text = _ESCAPE.sub("", "".join(self._unscanned))
        # The second character of an escape may be in the next piece.
        self._unscanned = ["\\"] if text.endswith("\\") else []
        sections = text.split('"')
        outside = "".join(sections[self._in_string :: 2])
        opened = outside.count("{") + outside.count("[")
        self._depth += opened - outside.count("}") - outside.count("]")
        self._begun = self._begun or opened > 0
        if len(sections) % 2 == 0:
            self._in_string = not self._in_string


def _merged(texts: Sequence[str]) -> str:
    """Merge objects in JSON text; return the last text if one is not an object."""
    merged: dict[str, JSON] = {}
    values = []
    for text in texts:
        try:
            value = load_json(text.encode())
        except ValueError:
            return texts[-1]
        if not isinstance(value, dict):
            return texts[-1]
        values.append(value)
        merged |= value
    same = (text for text, value in zip(texts, values, strict=True) if value == merged)
    return next(same, None) or json_text(merged)


def _repeats(new: str, old: str) -> bool:
    """Whether *new* is the same JSON as *old*, or *old* is an empty object."""
    if old.strip() in ("{}", new):
        return True
    try:
        values = [load_json(t.encode()) for t in (new, old)]
        # Python's == takes true for 1, so the values are compared as text.
        texts = {json.dumps(value, sort_keys=True) for value in values}
    except ValueError:
        return False
    return len(texts) == 1 and isinstance(values[0], dict)


@define(eq=False)
class _Call:
    """A tool call, assembled from the parts received so far."""

    index: int | None
    id: str = ""
    type: str = "function"
    name: str = ""
    arguments: _Arguments = field(factory=_Arguments)
    extra: dict[str, JSON] = field(factory=dict)
    function_extra: dict[str, JSON] = field(factory=dict)
    # Whether the name came again after complete arguments, alone: if more arguments
    # follow, they belong to another call of the same function.
    named_again: bool = False

    def add(self, part: ToolCallDelta) -> None:
        function = part.function
        if function.name and function.name == self.name and not part.id:
            blank = not function.arguments.strip()
            self.named_again = self.named_again or (blank and self.arguments.whole)
        self.index = part.index if self.index is None else self.index
        self.id = self.id or part.id
        self.type = part.type or self.type
        # Servers never split the name; some of them send it in every part of the call.
        self.name = self.name or function.name
        self.arguments.add(function.arguments)
        self.extra.update(part.extra)
        self.function_extra.update(function.extra)

    def ends_before(self, part: ToolCallDelta) -> bool:
        """Return whether *part* begins another call, in spite of its index or id."""
        name, arguments = part.function.name, part.function.arguments.strip()
        new_id = bool(part.id) and part.id != self.id
        if not name:
            # LM Studio makes a new id for every part, and sends the name only once.
            whole = bool(arguments) and self.arguments.whole
            return whole and (new_id or self.named_again)
        if name != self.name:
            same_id = bool(part.id) and not new_id
            return bool(self.name) and (not same_id or self.arguments.whole)
        if not self.arguments.whole:
            # vLLM has made a new id for every part of a call, but with an index.
            return new_id and bool(self.id) and part.index is None
        if new_id:
            return bool(self.id) or bool(arguments)
        if part.id and arguments:  # this id and name again: perhaps a repeated part
            return not _repeats(arguments, self.arguments.join())
        return bool(arguments)

    def build(self) -> ToolCall:
        function = FunctionCall(
            name=self.name,
            arguments=self.arguments.join(),
            extra=dict(self.function_extra),
        )
        return ToolCall(
            id=self.id, type=self.type, function=function, extra=dict(self.extra)
        )


@define
class ToolCalls:
    """The tool calls of a message, in the order of their first parts."""

    _calls: list[_Call] = field(factory=list)
    # The last call with an index, or with an id.
    _by_index: dict[int, _Call] = field(factory=dict)
    _by_id: dict[str, _Call] = field(factory=dict)
    _models: Parts[ToolCall] = field(factory=Parts)

    def add(self, parts: Sequence[ToolCallDelta]) -> None:
        """Add the parts in one chunk to their calls."""
        for place, part in enumerate(parts):
            # Without index and id, a part's place in the list tells its call.
            lost = len(parts) > 1 and part.index is None and not part.id
            if lost and (part.function.name or place in self._by_index):
                self._add(attrs.evolve(part, index=place))
            else:
                self._add(part)

    def _add(self, part: ToolCallDelta) -> None:
        call = self._place_of(part)
        if call is None or call.ends_before(part):
            again = call is not None and call.named_again and not part.function.name
            call = _Call(part.index, name=call.name if call and again else "")
            self._calls.append(call)
        call.add(part)
        self._models.changed(call.build)
        if call.index is not None:
            self._by_index[call.index] = call
        if part.id:
            self._by_id[part.id] = call

    def _place_of(self, part: ToolCallDelta) -> _Call | None:
        """Return the last call with *part*'s index, else with its id; None if none."""
        named = self._by_id.get(part.id) if part.id else None
        last = self._calls[-1] if self._calls else None
        if part.index is None:
            return named or last
        if named is not None and named.index in (None, part.index):
            return named
        if part.index in self._by_index:
            return self._by_index[part.index]
        if not part.function.name and named is not None:
            return named
        return last if last is not None and last.index is None else None

    def build(self) -> tuple[ToolCall, ...]:
        """Return the tool calls so far."""
        return self._models.build()
