"""
The chunks of a streamed answer, as frozen attrs classes.

The fast path, `fast_chunks`, sets only the fields that most callers read; it sets the
other fields when a caller first reads one of them. This module has no
``from __future__ import annotations``, since cattrs reads annotations at run time.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from attrs import define, field, frozen

from .base import Model, set_thoughts, setters, value_of
from .base_types import JSON, public
from .completion import ToolCall, load_agents_in
from .json_text import peek_json
from .response import Usage


if TYPE_CHECKING:
    from .planner import AgentUsed


__all__ = [
    "ChatCompletionChunk",
    "ChunkChoice",
    "Delta",
    "PendingFields",
    "ToolCallDelta",
]


@define(eq=False)
class PendingFields:
    """
    Sets the unset fields of a chunk, and of its choice, when a caller reads one.

    All chunks with the same bytes around their text delta share one such object.

    Attributes:
        created: The ``created`` of the first chunk that has this object.
        extra: The unknown keys and values of the chunk.
        choice_extra: The unknown keys and values of the chunk's choice.
        role: The role of the chunk's delta.
    """

    created: int | None
    extra: Mapping[str, JSON]
    choice_extra: Mapping[str, JSON]
    role: str | None

    def fill(self, chunk: "ChatCompletionChunk", name: str) -> Any:
        """
        Set the field *name* of *chunk*, and return its value.

        For "choices", only that field is set. For "wire", also that of the choice, and
        the event's bytes are dropped. For any other name, all fields but "choices".
        """
        if name != "choices":
            return self._fill_other(chunk, name)
        # Setting all fields at once would take as long as reading the chunk.
        data = chunk._data  # noqa: SLF001
        delta, choice = _new(Delta), _new(ChunkChoice)
        _set_content(delta, chunk._text)  # noqa: SLF001
        _set_tool_calls(delta, ())
        _set_lazy(delta, (self, data))
        if chunk.thought:
            _IN_DELTA["_thoughts"](delta, chunk.thought)
        _set_delta(choice, delta)
        _set_finish_reason(choice, None)
        _set_as_sent(choice, True)
        if not data:  # before other threads can see the choice
            _share_wire(chunk.wire, choice)
        _set_choices(chunk, choices := (choice,))
        return choices

    def _fill_other(self, chunk: "ChatCompletionChunk", name: str) -> Any:
        data = chunk._data  # noqa: SLF001
        if name != "wire":
            sent: Any = chunk.wire
            for each in _FIELDS.keys() - {"choices", "extra", "wire"}:
                value = sent.get(each)
                _SET[each](chunk, _FIELDS[each] if value is None else value)
            _SET["extra"](chunk, {key: sent[key] for key in self.extra})
        elif data:
            wire = peek_json(data)
            _SET["wire"](chunk, wire)
            if choices := value_of(chunk, "choices"):
                _share_wire(wire, choices[0])
            _SET["_data"](chunk, b"")
        return getattr(chunk, name)

    def fill_choice(self, choice: "ChunkChoice", name: str, data: bytes) -> None:
        """Set the field *name* of *choice*; *data*: the event's."""
        if name != "wire":
            value: Any = _CHOICE_FIELDS[name]
            if name == "extra":
                sent: Any = choice.wire if self.choice_extra else {}
                value = {key: sent[key] for key in self.choice_extra}
            _IN_CHOICE[name](choice, value)
        elif data:
            _share_wire(peek_json(data), choice)

    def fill_delta(self, delta: "Delta", name: str, data: bytes) -> None:
        """Set the field *name* of *delta*; *data*: the event's."""
        value: Any = _DELTA_FIELDS[name]
        if name == "wire":
            value = peek_json(data)["choices"][0]["delta"]
        elif name == "extra":
            value = {}
        elif name == "role":
            value = self.role
        _IN_DELTA[name](delta, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickling or copying a chunk sets all its fields first. So the copy needs no
        # `PendingFields`, and this object is pickled as None.
        return type(None), ()


@public
@frozen(kw_only=True)
class ToolCallDelta(ToolCall):
    """
    A part of a `ToolCall`, in one chunk of a stream.

    Attributes:
        index: The number of the tool call to which this part belongs, among the tool
            calls of the message; None if the server does not send the number.
    """

    index: int | None = None


@public
@frozen(kw_only=True)
class Delta(Model):
    """
    The fragments that one chunk adds to the message of a choice.

    Attributes:
        role: The message's role; None if this chunk does not contain it.
        content: The next piece of text, "" for none; it may be whitespace alone. A
            character whose halves the server sent in two chunks is in the second.
        reasoning: The next piece of the thoughts, if the server sends them in the
            message; "" for none.
        tool_calls: The parts of tool calls that this chunk contains.
        refusal: The next piece of the model's refusal; None for none.
    """

    role: str | None = None
    content: str = ""
    reasoning: str = field(default="", metadata={"wire": "reasoning_content"})
    tool_calls: tuple[ToolCallDelta, ...] = ()
    refusal: str | None = None
    # The thoughts that the server sent beside the choices; the chunk sets them.
    _thoughts: str = field(default="", init=False, eq=False, repr=False)
    # What sets this delta's lazy fields and its choice's, and the event's data. There
    # is no reference to the chunk: a cycle would keep each chunk in memory until
    # Python's garbage collector runs.
    _lazy: tuple[PendingFields, bytes] | None = field(
        default=None, init=False, eq=False, repr=False
    )

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _DELTA_FIELDS or self._lazy is None:
                return super().__getattr__(name)
            pending, data = self._lazy
            pending.fill_delta(self, name, data)
            return getattr(self, name)


@public
@frozen(kw_only=True)
class ChunkChoice(Model):
    """
    The part of a chunk that belongs to one choice.

    Attributes:
        index: The choice's number; 0 if the server does not send one.
        delta: The pieces that the chunk adds to the choice's message.
        finish_reason: Why the choice ended; None before its end. Some servers send
            the reason in more than one chunk.
        stop_reason: What stopped the model, if the server sends that in addition to
            ``finish_reason``.
    """

    index: int = 0
    delta: Delta = field(factory=Delta)
    finish_reason: str | None = None
    stop_reason: str | int | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            delta = value_of(self, "delta") if name in _CHOICE_FIELDS else None
            if delta is None or delta._lazy is None:  # noqa: SLF001
                return super().__getattr__(name)
            pending, data = delta._lazy  # noqa: SLF001
            pending.fill_choice(self, name, data)
            return getattr(self, name)


@public
@frozen(kw_only=True)
class ChatCompletionChunk(Model):
    """
    One event of a streamed answer.

    Attributes:
        choices: The parts of the chunk, one for each choice; may be empty.
        usage: The tokens that the call used, in one of the last chunks; None in all
            other chunks.
        thought: The next piece of the model's thoughts, "" for none.

    The other fields are as in `ChatCompletion`.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    id: str = ""
    model: str = ""
    object: str = "chat.completion.chunk"
    created: int | None = None
    choices: tuple[ChunkChoice, ...] = ()
    usage: Usage | None = None
    thought: str = ""
    executable_data: JSON = None
    conversation_id: str | None = None
    # Only `FastChunkReader` sets this field, ``_text`` and ``_data``.
    _pending: PendingFields | None = field(
        default=None, init=False, eq=False, repr=False
    )
    _text: str = field(default="", init=False, eq=False, repr=False)
    # The event's data; empty if ``wire`` is set.
    _data: bytes = field(default=b"", init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        set_thoughts(self, "delta", self.thought)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python calls this for an unknown attribute, and for a field not set yet.
            if name not in _FIELDS:
                return super().__getattr__(name)
            return self._pending.fill(self, name)

    @property
    def text(self) -> str:
        """The text that this chunk adds to choice 0, "" for none."""
        if self._pending is not None:
            return self._text
        return next((c.delta.content for c in self.choices if c.index == 0), "")

    @property
    def finish_reason(self) -> str | None:
        """Why choice 0 ended; None if this chunk does not contain the reason."""
        return next((c.finish_reason for c in self.choices if c.index == 0), None)

    @property
    def agents_used(self) -> "tuple[AgentUsed, ...]":
        """The agents in this chunk that the server's planner has used."""
        return load_agents_in()(self.extra)


def _share_wire(wire: Any, choice: ChunkChoice) -> None:
    """Set the unset ``wire`` of *choice* and of its delta; *wire*: the chunk's."""
    (sent,) = wire["choices"]
    if value_of(choice, "wire") is None:
        _IN_CHOICE["wire"](choice, sent)
    if value_of(choice.delta, "wire") is None:
        _IN_DELTA["wire"](choice.delta, sent["delta"])


def _defaults(cls: type[Model], but: set[str]) -> dict[str, Any]:
    """Return the defaults of the public fields of *cls*, without those in *but*."""
    fields = (a for a in attrs.fields(cls) if a.init and a.name not in but)
    return {a.name: a.default for a in fields}


_new: Any = object.__new__
_SET, _IN_CHOICE, _IN_DELTA = map(setters, (ChatCompletionChunk, ChunkChoice, Delta))
_set_as_sent = _IN_CHOICE["_as_sent"]  # not lazy: a changed copy has the same delta
_set_choices, _set_delta = _SET["choices"], _IN_CHOICE["delta"]
_set_finish_reason, _set_content = _IN_CHOICE["finish_reason"], _IN_DELTA["content"]
_set_tool_calls, _set_lazy = _IN_DELTA["tool_calls"], _IN_DELTA["_lazy"]
# The lazy fields and their defaults, of a chunk, its choice and its delta.
_FIELDS = _defaults(ChatCompletionChunk, {"thought"})
_CHOICE_FIELDS = _defaults(ChunkChoice, {"delta", "finish_reason"})
_DELTA_FIELDS: dict[str, Any] = {"_thoughts": "", "_as_sent": True}
_DELTA_FIELDS |= _defaults(Delta, {"content", "tool_calls"})
