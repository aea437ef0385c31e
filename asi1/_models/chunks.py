"""
The chunks of a streamed answer, as frozen attrs classes.

The fast path, `fast_chunks`, sets only the fields that most callers read; the others
are set when a caller first asks for one. No ``from __future__ import annotations``
here: the decoder reads these annotations.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from attrs import field, frozen

from .base import Model
from .base_types import JSON, public
from .completion import ToolCall, Usage


__all__ = [
    "ChatCompletionChunk",
    "ChunkChoice",
    "Delta",
    "PendingFields",
    "ToolCallDelta",
]


class PendingFields(Protocol):
    """The fields of a chunk that the fast path has not set; see `fast_chunks`."""

    created: int | None
    extra: Mapping[str, JSON]
    choice_extra: Mapping[str, JSON]

    def fill(self, chunk: "ChatCompletionChunk", name: str) -> None:
        """Set the field *name* of *chunk*, and perhaps others."""


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
    # Of a chunk of the fast path; without its event's data if ``wire`` is set.
    _pending: PendingFields | None = field(
        default=None, init=False, eq=False, repr=False
    )
    _text: str = field(default="", init=False, eq=False, repr=False)
    _data: bytes = field(default=b"", init=False, eq=False, repr=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Called for an unknown attribute, and for a field that is not set yet.
            if name not in _FIELDS:
                raise AttributeError(f"a chunk has no attribute {name!r}")
            self._pending.fill(self, name)
            return getattr(self, name)

    @property
    def text(self) -> str:
        """The text that this chunk adds to choice 0, "" for none."""
        if self._pending is not None:
            return self._text
        return next((c.delta.content for c in self.choices if c.index == 0), "")

    @property
    def finish_reason(self) -> str | None:
        """Why choice 0 ended, None if this chunk does not say."""
        return next((c.finish_reason for c in self.choices if c.index == 0), None)


_FIELDS = {a.name for a in attrs.fields(ChatCompletionChunk) if a.init}
