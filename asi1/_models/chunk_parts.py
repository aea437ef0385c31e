"""
Splits a large chunk into several, and turns a complete answer into one chunk.

Few streams need it, so this module is loaded only by those that do.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import attrs

from .base import as_sent
from .chunks import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta
from .completion import ChatCompletion, ToolCall


__all__ = ["as_chunk", "in_parts"]

# Maximum number of choices, and of tool calls, in each chunk that `in_parts` yields.
_PER_PART = 256


def in_parts(chunk: ChatCompletionChunk) -> Iterator[ChatCompletionChunk]:
    """Split *chunk* into chunks with few tool calls each, without losing anything."""
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
    """
    Return at most `_PER_PART` of *calls*, from *start* on; a call without index and id
    gets its position as index.
    """
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
        None after every few tool calls, so that the caller can let other tasks run.
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
