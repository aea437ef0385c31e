"""Sets the lazy fields of a chunk, its choice and its delta when they are read."""
# ruff: noqa: SLF001 - sets private fields of chunks

from collections.abc import Mapping
from typing import Any

from attrs import define

from .base import setters, value_of
from .base_types import JSON, draft_of
from .chunks import (
    LAZY_IN_CHOICE,
    LAZY_IN_CHUNK,
    LAZY_IN_DELTA,
    ChatCompletionChunk,
    ChunkChoice,
    Delta,
    ToolCallDelta,
)
from .completion import FunctionCall
from .json_text import peek_json


__all__ = ["PendingFields"]


@define(eq=False)
class PendingFields:
    """
    Sets the unset fields of a chunk and of its choice when a caller reads one of them.

    All chunks with the same bytes around their text delta, or around the index and the
    piece of their tool call, share one such object.

    Attributes:
        created: The ``created`` of the first chunk that this object was made for.
        extra: The unknown keys and values of the chunk.
        choice_extra: The unknown keys and values of the chunk's choice.
        role: The role of the chunk's delta.
        call: The JSON object of the tool call, if the chunks add to its arguments; its
            index and arguments are those of the first chunk. None for chunks of text.
    """

    created: int | None
    extra: Mapping[str, JSON]
    choice_extra: Mapping[str, JSON]
    role: str | None
    call: Mapping[str, Any] | None = None

    def choices_of(self, chunk: ChatCompletionChunk) -> tuple[ChunkChoice]:
        """Return new ``choices`` of *chunk*, of which only a few fields are set."""
        # To set all fields would take as long as reading the chunk.
        data = chunk._data
        delta, choice = _Delta(), _Choice()
        delta.content = chunk._text
        delta.tool_calls = () if self.call is None else self._calls(chunk, data)
        delta._lazy = (self, data)
        if chunk.thought:
            delta._thoughts = chunk.thought
        delta.__class__ = Delta
        choice.delta = delta
        choice.finish_reason = None
        choice._as_sent = True
        choice.__class__ = ChunkChoice
        if not data:  # then the chunk has its ``wire``, and shares it
            _share_wire(chunk.wire, choice)
        return (choice,)

    def _calls(self, chunk: ChatCompletionChunk, data: bytes) -> tuple[ToolCallDelta]:
        """Return the tool calls of *chunk*; *data*: the data of its event."""
        index, piece = chunk._piece  # type: ignore[misc]
        sent: Any = self.call
        if data:
            # The call's JSON object is known without parsing the event.
            sent, inner = sent.copy(), sent["function"].copy()
            sent["index"], sent["function"], inner["arguments"] = index, inner, piece
        else:
            (sent,) = chunk.wire["choices"][0]["delta"]["tool_calls"]  # type: ignore[index]
            inner = sent["function"]
        function, call = _Function(), _Call()
        function.extra = {}
        function.wire = inner
        function._as_sent = True
        function.name = ""
        function.arguments = piece
        function.__class__ = FunctionCall
        call.extra = {}
        call.wire = sent
        call._as_sent = True
        call.id = ""
        call.type = "function"
        call.function = function
        call.index = index
        call.__class__ = ToolCallDelta
        return (call,)

    def fill_chunk(self, chunk: ChatCompletionChunk, name: str) -> Any:
        """
        Set the field *name* of *chunk*, and return its value.

        For "wire", the ``wire`` of the choice is set too, and the event's bytes are
        dropped. For any other name, all lazy fields are set.
        """
        data = chunk._data
        if name != "wire":
            sent: Any = chunk.wire
            for each in LAZY_IN_CHUNK.keys() - {"extra", "wire"}:
                value = sent.get(each)
                _IN_CHUNK[each](chunk, LAZY_IN_CHUNK[each] if value is None else value)
            _IN_CHUNK["extra"](chunk, {key: sent[key] for key in self.extra})
        elif data:
            wire = peek_json(data)
            _IN_CHUNK["wire"](chunk, wire)
            if choices := value_of(chunk, "_choices"):
                _share_wire(wire, choices[0])
            _IN_CHUNK["_data"](chunk, b"")
        return getattr(chunk, name)

    def fill_choice(self, choice: ChunkChoice, name: str, data: bytes) -> None:
        """Set the field *name* of *choice*; *data*: the data of its event."""
        if name != "wire":
            value: Any = LAZY_IN_CHOICE[name]
            if name == "extra":
                sent: Any = choice.wire if self.choice_extra else {}
                value = {key: sent[key] for key in self.choice_extra}
            _IN_CHOICE[name](choice, value)
        elif data:
            _share_wire(peek_json(data), choice)

    def fill_delta(self, delta: Delta, name: str, data: bytes) -> None:
        """Set the field *name* of *delta*; *data*: the data of its event."""
        value: Any = LAZY_IN_DELTA[name]
        if name == "wire":
            value = _with_calls(peek_json(data)["choices"][0]["delta"], delta)
        elif name == "extra":
            value = {}
        elif name == "role":
            value = self.role
        _IN_DELTA[name](delta, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickling or copying a chunk sets all its fields first. So the copy needs no
        # `PendingFields`, and this object is pickled as None.
        return type(None), ()


def _share_wire(wire: Any, choice: ChunkChoice) -> None:
    """Set the unset ``wire`` of *choice* and of its delta, from the chunk's *wire*."""
    (sent,) = wire["choices"]
    _with_calls(sent["delta"], choice.delta)
    if value_of(choice, "wire") is None:
        _IN_CHOICE["wire"](choice, sent)
    if value_of(choice.delta, "wire") is None:
        _IN_DELTA["wire"](choice.delta, sent["delta"])


def _with_calls(wire: Any, delta: Delta) -> Any:
    """Put the ``wire`` of *delta*'s calls into *wire*, and return *wire*."""
    if delta.tool_calls:
        wire["tool_calls"][:] = [call.wire for call in delta.tool_calls]
    return wire


_Delta, _Choice, _Call, _Function = map(
    draft_of, (Delta, ChunkChoice, ToolCallDelta, FunctionCall)
)
_IN_CHUNK, _IN_CHOICE, _IN_DELTA = map(
    setters, (ChatCompletionChunk, ChunkChoice, Delta)
)
