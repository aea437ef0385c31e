"""
The chunks of a streamed answer, as frozen attrs classes.

The fast path, `fast_chunks`, sets only the fields that most callers read; it sets the
other fields when a caller first reads one of them. This module has no
``from __future__ import annotations``, since cattrs reads annotations at run time.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from attrs import field, frozen

from .base import Model, as_sent
from .base_types import JSON, public
from .completion import ChatCompletion, ToolCall, load_agents_in
from .response import Usage


if TYPE_CHECKING:
    from .planner import AgentUsed


__all__ = [
    "ChatCompletionChunk",
    "ChunkChoice",
    "Delta",
    "PendingFields",
    "ToolCallDelta",
    "as_chunk",
    "in_parts",
]

# Maximum number of choices, and of tool calls, in each chunk that `in_parts` yields.
_PER_PART = 256


class PendingFields(Protocol):
    """Sets lazy fields of a chunk when they are first read; see `fast_chunks`."""

    created: int | None
    extra: Mapping[str, JSON]
    choice_extra: Mapping[str, JSON]

    def fill(self, chunk: "ChatCompletionChunk", name: str) -> None:
        """
        Set the field *name* of *chunk*.

        For "wire", only that field is set; for any other name, all unset fields.
        """


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
    # The event's data; empty if `FastChunkReader` has set ``wire`` instead.
    _data: bytes = field(default=b"", init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.thought:  # for `reasoning_content`
            for choice in self.choices:
                if choice.index == 0:
                    object.__setattr__(choice.delta, "_thoughts", self.thought)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Python calls `__getattr__` for an unknown attribute, and for a field not
            # set yet.
            if name not in _FIELDS:
                return super().__getattr__(name)
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
        """Why choice 0 ended; None if this chunk does not contain the reason."""
        return next((c.finish_reason for c in self.choices if c.index == 0), None)

    @property
    def agents_used(self) -> "tuple[AgentUsed, ...]":
        """The agents in this chunk that the server's planner has used."""
        return load_agents_in()(self.extra)


_FIELDS = {a.name for a in attrs.fields(ChatCompletionChunk) if a.init}


def in_parts(chunk: ChatCompletionChunk) -> Iterator[ChatCompletionChunk]:
    """Split *chunk* into chunks of few tool calls; together they have its content."""
    choices: list[ChunkChoice] = []
    waiting = 0
    for choice in chunk.choices:
        calls = choice.delta.tool_calls
        waiting += len(calls)
        for at in range(0, len(calls) - _PER_PART, _PER_PART):
            delta = Delta(tool_calls=_calls_from(calls, at))
            yield _part(chunk, [ChunkChoice(index=choice.index, delta=delta)])
        # All other fields go into the last chunk, so that no choice ends before its
        # last tool call.
        if len(calls) > _PER_PART:
            rest = _calls_from(calls, (len(calls) - 1) // _PER_PART * _PER_PART)
            choice = attrs.evolve(  # noqa: PLW2901 - the rest of the choice
                choice, delta=attrs.evolve(choice.delta, tool_calls=rest)
            )
        choices.append(choice)
        if waiting > _PER_PART:
            yield _part(chunk, choices)
            choices, waiting = [], 0
    yield attrs.evolve(chunk, choices=tuple(choices))


def _calls_from(
    calls: tuple[ToolCallDelta, ...], start: int
) -> tuple[ToolCallDelta, ...]:
    """Return a part of *calls*; one without index and id gets its position as index."""
    return tuple(
        attrs.evolve(call, index=place) if call.index is None and not call.id else call
        for place, call in enumerate(calls[start : start + _PER_PART], start)
    )


def _part(
    chunk: ChatCompletionChunk, choices: Iterable[ChunkChoice]
) -> ChatCompletionChunk:
    return ChatCompletionChunk(id=chunk.id, model=chunk.model, choices=tuple(choices))


def as_chunk(
    answer: ChatCompletion,
) -> Generator[None, None, ChatCompletionChunk]:
    """
    Return a complete answer as the only chunk of a stream.

    Yields:
        None after some tool calls, so that the caller can let other tasks run.
    """
    choices = []
    for choice in answer.choices:
        message = choice.message
        delta = Delta(
            role=message.role,
            content=message.content,
            reasoning=message.reasoning,
            tool_calls=(yield from _as_deltas(message.tool_calls)),
            refusal=message.refusal,
            extra=message.extra,
        )
        part = ChunkChoice(
            index=choice.index,
            delta=delta,
            finish_reason=choice.finish_reason,
            stop_reason=choice.stop_reason,
            extra=choice.extra,
        )
        choices.append(part)
    chunk = ChatCompletionChunk(
        id=answer.id,
        model=answer.model,
        created=answer.created,
        choices=tuple(choices),
        usage=answer.usage,
        thought=answer.thoughts,
        executable_data=answer.executable_data,
        conversation_id=answer.conversation_id,
        extra=answer.extra,
        wire=answer.wire,
    )
    return as_sent(chunk, answer)


def _as_deltas(
    calls: Iterable[ToolCall],
) -> Generator[None, None, tuple[ToolCallDelta, ...]]:
    deltas = []
    for place, call in enumerate(calls):
        delta = ToolCallDelta(
            index=place,
            id=call.id,
            type=call.type,
            function=call.function,
            extra=call.extra,
        )
        deltas.append(delta)
        if place % _PER_PART == _PER_PART - 1:
            yield
    return tuple(deltas)
