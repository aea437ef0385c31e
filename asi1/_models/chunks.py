"""
The streamed answer's chunks, as frozen attrs classes.

A chunk may be made at a glance: `glanced` keeps what is needed of it while it passes,
and the other fields are filled in when one of them is first asked for. No
``from __future__ import annotations`` here: the decoder reads these annotations.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from .base import Model
from .base_types import JSON, public
from .completion import ToolCall, Usage
from .json_text import peek_json


__all__ = [
    "ChatCompletionChunk",
    "ChunkChoice",
    "Delta",
    "Glance",
    "ToolCallDelta",
    "glanced",
]

# What a chunk adds that only adds a piece to choice 0: its text, its ``created``, and
# the unknown keys of the chunk and of the choice; and its bytes, if they were not read.
Glance: TypeAlias = tuple[
    str, int | None, Mapping[str, JSON], Mapping[str, JSON], bytes | None
]


@public
@frozen(kw_only=True)
class ToolCallDelta(ToolCall):
    """
    A part of a `ToolCall` in a stream.

    Attributes:
        index: Which call of the answer it belongs to; None where the server is silent.
    """

    index: int | None = None


@public
@frozen(kw_only=True)
class Delta(Model):
    """
    What one chunk adds to a choice's message.

    Attributes:
        role: Given once or never.
        content: The next piece of text, "" for none; blanks and line ends count.
        reasoning: The next piece of the thoughts, where the server puts them here.
        tool_calls: Pieces of tool calls.
    """

    role: str | None = None
    content: str = ""
    reasoning: str = field(default="", metadata={"wire": "reasoning_content"})
    tool_calls: tuple[ToolCallDelta, ...] = ()
    refusal: str | None = None


@public
@frozen(kw_only=True)
class ChunkChoice(Model):
    """
    What one chunk says of one choice.

    Attributes:
        index: 0 where the server is silent.
        delta: What it adds.
        finish_reason: None until the choice has ended; may be said more than once.
        stop_reason: What stopped the model, beside finish_reason.
    """

    index: int = 0
    delta: Delta = field(factory=Delta)
    finish_reason: str | None = None
    stop_reason: str | int | None = None


@public
@frozen(kw_only=True)
class ChatCompletionChunk(Model):
    """
    One event of a streamed answer.

    Attributes:
        choices: What it says of each choice; may be empty.
        usage: Only in one of the last chunks.
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
    _glance: Glance | None = field(default=None, init=False, eq=False, repr=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Asked for what is not there: another name, or a field to be filled in.
            if name not in _SETTERS or name == "_glance":
                raise AttributeError(f"a chunk has no attribute {name!r}")
            _fill(self, name)
            return getattr(self, name)

    @property
    def text(self) -> str:
        """The text that this chunk adds to choice 0, "" for none."""
        if self._glance is not None:
            return self._glance[0]
        return next((c.delta.content for c in self.choices if c.index == 0), "")

    @property
    def finish_reason(self) -> str | None:
        """Why choice 0 ended, None if this chunk does not say."""
        return next((c.finish_reason for c in self.choices if c.index == 0), None)


_new = object.__new__
# Past the door that frozen classes keep shut.
_SETTERS = {
    name: getattr(ChatCompletionChunk, name).__set__
    for name in (
        *("wire", "extra", "thought", "_glance", "id", "model", "object"),
        *("created", "choices", "usage", "executable_data", "conversation_id"),
    )
}
_set_wire, _set_thought = _SETTERS["wire"], _SETTERS["thought"]
_set_glance = _SETTERS["_glance"]


def glanced(
    thought: str, glance: Glance, wire: Mapping[str, JSON] | None = None
) -> ChatCompletionChunk:
    """Return a chunk of which no more is known; *wire* may be left to be read later."""
    chunk: ChatCompletionChunk = _new(ChatCompletionChunk)
    _set_thought(chunk, thought)
    _set_glance(chunk, glance)
    if wire is not None:
        _set_wire(chunk, wire)
    return chunk


def _fill(chunk: ChatCompletionChunk, name: str) -> None:
    """Set what was put off: the wire form if *name* is that, else all that is in it."""
    glance: Any = chunk._glance  # noqa: SLF001 - this module's own
    text, _, extra, more, data = glance
    if name == "wire":
        _set_wire(chunk, peek_json(data))
        return
    wire: Any = chunk.wire
    (choice,) = wire["choices"]
    delta = Delta(role=choice["delta"].get("role"), content=text, wire=choice["delta"])
    more = {key: choice[key] for key in more}
    kind = wire.get("object")
    values = {
        "id": wire.get("id") or "",
        "model": wire.get("model") or "",
        "object": "chat.completion.chunk" if kind is None else kind,
        "created": wire.get("created"),
        "choices": (ChunkChoice(delta=delta, extra=more, wire=choice),),
        "usage": None,
        "extra": {key: wire[key] for key in extra},
        "executable_data": wire.get("executable_data"),
        "conversation_id": None,
    }
    for key, value in values.items():
        _SETTERS[key](chunk, value)
