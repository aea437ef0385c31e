"""
The chunks of a streamed answer, as frozen attrs classes.

The fast path, `fast_chunks`, sets only the fields that most callers read. The others,
the *lazy* fields, are set by `PendingFields` when a caller first reads one of them.
This module has no ``from __future__ import annotations``, since cattrs reads
annotations at run time.
"""

from typing import TYPE_CHECKING, Any

import attrs

from attrs import field, frozen

from .base import Model, set_thoughts, value_of
from .base_types import JSON, public
from .completion import ToolCall, load_agents_in
from .response import Usage


if TYPE_CHECKING:
    from .planner import AgentUsed


__all__ = [
    "LAZY_IN_CHOICE",
    "LAZY_IN_CHUNK",
    "LAZY_IN_DELTA",
    "ChatCompletionChunk",
    "ChunkChoice",
    "Delta",
    "ToolCallDelta",
]


@public
@frozen(kw_only=True, repr=False)
class ToolCallDelta(ToolCall):
    """
    A part of a `ToolCall`, in one chunk of a stream.

    Attributes:
        index: The number of the tool call to which this part belongs, among the tool
            calls of the message; None if the server does not send the number.
    """

    index: int | None = None


@public
@frozen(kw_only=True, repr=False)
class Delta(Model):
    """
    The fragments that one chunk adds to the message of a choice.

    Attributes:
        role: The message's role; None if this chunk does not contain it.
        content: The next piece of text, "" for none; it may be whitespace alone. If the
            server sent the two surrogates of a character in two chunks, the character
            is in the second.
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
    # The thoughts that the server sent beside the choices; `ChatCompletionChunk` sets
    # them.
    _thoughts: str = field(default="", init=False, eq=False, repr=False)
    # What decodes the unset fields of this delta and of its choice at their first use:
    # a `PendingFields`, and the event's data. It does not refer to the chunk: a
    # reference cycle would keep each chunk until Python's garbage collector runs.
    _lazy: tuple[Any, bytes] | None = field(
        default=None, init=False, eq=False, repr=False
    )

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in LAZY_IN_DELTA or self._lazy is None:
                return super().__getattr__(name)
            pending, data = self._lazy
            pending.fill_delta(self, name, data)
            return getattr(self, name)


@public
@frozen(kw_only=True, repr=False)
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
            delta = value_of(self, "delta") if name in LAZY_IN_CHOICE else None
            if delta is None or delta._lazy is None:  # noqa: SLF001
                return super().__getattr__(name)
            pending, data = delta._lazy  # noqa: SLF001
            pending.fill_choice(self, name, data)
            return getattr(self, name)


@public
@frozen(kw_only=True, repr=False)
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
    # The `PendingFields` of this chunk, for its unset fields. Only the fast path sets
    # this field and the three below.
    _pending: Any = field(default=None, init=False, eq=False, repr=False)
    _text: str = field(default="", init=False, eq=False, repr=False)
    # The index of a tool call, and the piece of its arguments in this chunk; None for a
    # chunk of text.
    _piece: tuple[int, str] | None = field(
        default=None, init=False, eq=False, repr=False
    )
    # The event's data; empty if ``wire`` is set.
    _data: bytes = field(default=b"", init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        set_thoughts(self, "delta", self.thought)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python calls this for an unknown attribute, and for a field not set yet.
            if name not in LAZY_IN_CHUNK:
                return super().__getattr__(name)
            return self._pending.fill_chunk(self, name)

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
        """The agents that, according to this chunk, the server's planner has used."""
        return load_agents_in()(self.extra)


def _choices_of(chunk: Any) -> Any:
    choices = chunk._choices  # noqa: SLF001
    if choices is None and chunk._pending is not None:  # noqa: SLF001
        choices = chunk._pending.choices_of(chunk)  # noqa: SLF001
        _slot.__set__(chunk, choices)
    return choices


# Programs written for OpenAI's client read ``choices`` of each chunk, and `__getattr__`
# is slow: before Python calls it, an AttributeError is raised and dropped. So
# ``choices`` is a property, and the fast path sets its slot to None.
_slot: Any = ChatCompletionChunk.choices
if not TYPE_CHECKING:
    ChatCompletionChunk._choices = _slot  # noqa: SLF001
    ChatCompletionChunk.choices = property(_choices_of, _slot.__set__)


def _defaults(cls: type[Model], but: set[str]) -> dict[str, Any]:
    """Return the defaults of the public fields of *cls*, without those in *but*."""
    fields = (a for a in attrs.fields(cls) if a.init and a.name not in but)
    return {a.name: a.default for a in fields}


# The lazy fields and their defaults, of a chunk, its choice and its delta.
LAZY_IN_CHUNK = _defaults(ChatCompletionChunk, {"choices", "thought"})
LAZY_IN_CHOICE = _defaults(ChunkChoice, {"delta", "finish_reason"})
LAZY_IN_DELTA: dict[str, Any] = {"_thoughts": "", "_as_sent": True}
LAZY_IN_DELTA |= _defaults(Delta, {"content", "tool_calls"})
