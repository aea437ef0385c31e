"""
The tool calls of an answer, which grow with the chunks of a stream.

Servers differ in how they send tool calls. OpenAI's server sends a call's id and name
once, with the call's first part, and an index with every part. Other servers leave out
index or id, send the same index with all calls, repeat the name in every part, or make
a new id for every part.

So a new id alone does not begin a call. A part with a new id and a name does, with one
exception: the call with this index and name has incomplete arguments, or gets its first
arguments from this part. In one list, two parts with a name, the same index and
different ids are always two calls.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from attrs import define, field

from .._models.base_types import JSON
from .._models.chunks import ToolCallDelta
from .._models.completion import FunctionCall, ToolCall
from .call_arguments import Arguments, merging


__all__ = ["Parts", "ToolCalls"]

_M = TypeVar("_M")

# Maximum number of outdated models, since reading an answer rebuilds all of them.
_MOST_STALE = 500


@define
class Parts(Generic[_M]):
    """Builds models from parts that grow; at most `_MOST_STALE` models are outdated."""

    _models: dict[Any, _M | None] = field(factory=dict, init=False)
    _stale: dict[Any, None] = field(factory=dict, init=False)

    def changed(self, part: Any) -> None:
        """Record that *part* is new or has grown, so that its model is out of date."""
        self._models[part] = None
        self._stale[part] = None
        if len(self._stale) > _MOST_STALE:
            self._build(next(iter(self._stale)))

    def _build(self, part: Any) -> None:
        del self._stale[part]
        self._models[part] = part.build()

    def build(self) -> tuple[_M, ...]:
        """Rebuild the outdated models, and return the models of all parts."""
        for part in list(self._stale):
            self._build(part)
        return tuple(cast("dict[Any, _M]", self._models).values())


@define(eq=False)
class _Call(Arguments):
    """A tool call with its arguments, assembled from the parts received so far."""

    index: int | None = None
    id: str = ""
    type: str = "function"
    name: str = ""
    extra: dict[str, JSON] | None = None
    function_extra: dict[str, JSON] | None = None
    # Whether the name was sent again, without arguments, after complete arguments. Then
    # later arguments belong to another call of the same function.
    named_again: bool = False

    def add(self, part: ToolCallDelta) -> bool:
        """Add *part*; return whether it adds anything to the call."""
        function = part.function
        if function.name and function.name == self.name and not part.id:
            blank = not function.arguments.strip()
            self.named_again = self.named_again or (blank and self.whole)
        before = self.id, self.name
        self.index = part.index if self.index is None else self.index
        self.id = self.id or part.id
        self.type = part.type or self.type
        # Servers never split a function's name; some send it in each part of the call.
        self.name = self.name or function.name
        carries = self.add_text(function.arguments) or before != (self.id, self.name)
        if part.extra or function.extra:
            updated, inner = merging().updated, self.function_extra
            self.extra, more = updated(self.extra, part.extra)
            self.function_extra, others = updated(inner, function.extra)
            carries = carries or more or others
        return carries

    def ends_before(self, part: ToolCallDelta) -> bool:
        """
        Return whether *part* begins another call, even if it has this call's index or
        id.
        """
        name, arguments = part.function.name, part.function.arguments.strip()
        new_id = bool(part.id) and part.id != self.id
        if not name:
            # LM Studio gives each part of a call a new id, but only the first a name.
            whole = bool(arguments) and self.whole
            return whole and (new_id or self.named_again)
        if name != self.name:
            same_id = bool(part.id) and not new_id
            return bool(self.name) and (not same_id or self.whole)
        if not self.whole:
            # vLLM has sent the parts of one call with different ids, but the same
            # index. So an equal index means the same call, unless neither part nor call
            # has arguments.
            alone = part.index is None or not (arguments or self._text)
            return new_id and bool(self.id) and alone
        if new_id:
            return bool(self.id) or bool(arguments)
        if part.id and arguments:  # a part with the same id and name may be a repeat
            return not merging().repeats(arguments, self.arguments())
        return bool(arguments)

    def build(self) -> ToolCall:
        """Return the call so far."""
        inner, extra = dict(self.function_extra or ()), dict(self.extra or ())
        if not (self.name or self._text or inner):
            return ToolCall(id=self.id, type=self.type, extra=extra)
        function = FunctionCall(name=self.name, arguments=self.arguments(), extra=inner)
        return ToolCall(id=self.id, type=self.type, function=function, extra=extra)


# The field values of a `_Call` that has not changed lately. They are packed into a
# tuple of plain values, since Python's garbage collector would scan one object for each
# of many calls.
_Packed: TypeAlias = tuple[Any, ...]
_pack: Callable[[_Call], _Packed] = attrgetter(*(a.name for a in attrs.fields(_Call)))


@define
class ToolCalls:
    """A message's tool calls, in the order in which their first parts arrived."""

    _packed: list[_Packed] = field(factory=list)
    _models: list[ToolCall | None] = field(factory=list)
    # The calls that have changed since they were packed, by their places; at most
    # `_MOST_STALE`, in the order in which they were unpacked.
    _open: dict[int, _Call] = field(factory=dict)
    # The place of the last call with each index, and of the last call with each id.
    _by_index: dict[int, int] = field(factory=dict)
    _by_id: dict[str, int] = field(factory=dict)

    def add(self, parts: Sequence[ToolCallDelta]) -> bool:
        """Add the parts in one chunk; return whether they add anything to the calls."""
        carries = False
        ids: dict[int | None, str] = {}  # for each index, the first id in *parts*
        for place, part in enumerate(parts):
            # Without index and id, a part's position in the list identifies its call.
            lost = len(parts) > 1 and part.index is None and not part.id
            if lost and (part.function.name or place in self._by_index):
                carries |= self._add(attrs.evolve(part, index=place))
                continue
            named = part.id and part.function.name
            other = bool(named) and ids.setdefault(part.index, part.id) != part.id
            carries |= self._add(part, begins=other and part.id not in self._by_id)
        return carries

    def add_piece(self, index: int, piece: str) -> bool:
        """Same as `add`, for a part that only adds *piece* to a call's arguments."""
        call = self._open.get(self._by_index.get(index, -1))
        if call is None or call.named_again:
            function = FunctionCall(arguments=piece)
            return self.add((ToolCallDelta(index=index, function=function),))
        call.type = "function"
        return call.add_text(piece)

    def _add(self, part: ToolCallDelta, *, begins: bool = False) -> bool:
        """Add *part* to its call; to a new call if it has none, or *begins* is True."""
        place = self._place_of(part)
        call = None if place is None else self._opened(place)
        if call is None or place is None or begins or call.ends_before(part):
            again = call is not None and call.named_again and not part.function.name
            call = _Call(index=part.index, name=call.name if call and again else "")
            place = len(self._models)
            self._packed.append(())
            self._models.append(None)
            self._open[place] = call
        carries = call.add(part)
        if len(self._open) > _MOST_STALE:
            self._close(next(iter(self._open)))
        if call.index is not None:
            self._by_index[call.index] = place
        if part.id:
            self._by_id[part.id] = place
        return carries

    def _place_of(self, part: ToolCallDelta) -> int | None:
        """
        Return the place of the call that *part* may continue; None if there is none.

        It is the last call with the index or id of *part*. If there is none, it is the
        last of all calls, provided that this call or *part* has no index.
        """
        named = self._by_id.get(part.id) if part.id else None
        last = len(self._models) - 1 if self._models else None
        if part.index is None:
            return last if named is None else named
        if named is not None and self._index_of(named) in (None, part.index):
            return named
        if part.index in self._by_index:
            return self._by_index[part.index]
        if not part.function.name and named is not None:
            return named
        return last if last is not None and self._index_of(last) is None else None

    def _index_of(self, place: int) -> int | None:
        return (self._open.get(place) or _Call(*self._packed[place])).index

    def _opened(self, place: int) -> _Call:
        """Return the call at *place*, unpacked, so that it can be changed."""
        if place not in self._open:
            self._open[place] = _Call(*self._packed[place])
            # The packed values and the model are dropped: CPython appends to the
            # arguments in place if only the call refers to them.
            self._packed[place], self._models[place] = (), None
        return self._open[place]

    def _close(self, place: int) -> None:
        """Build the model of the call at *place*, and pack the call."""
        call = self._open.pop(place)
        self._models[place] = call.build()
        self._packed[place] = _pack(call)

    def indexes(self) -> Iterator[int | None]:
        """Return the index of each call; it is None if the call has no index."""
        return map(self._index_of, range(len(self._models)))

    def build(self) -> tuple[ToolCall, ...]:
        """Return the tool calls so far."""
        for place in list(self._open):
            self._close(place)
        return tuple(cast("list[ToolCall]", self._models))
