"""
Writes an answer as server-sent events for browsers.

The format must not change, since it is public: `AsyncEventBytes` documents it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion, ToolCall
from .._models.json_text import json_bytes, json_text
from .public_error import failure


__all__ = [
    "PING",
    "done_event",
    "event_bytes",
    "failed_event",
    "piece_events",
    "piece_events_in_steps",
]

# An SSE comment, which receivers ignore; sending it keeps the connection alive.
PING = b": ping\n\n"
# Number of tool calls that are written in one step.
_CALLS_PER_STEP = 512
# Number of chunks, and of characters of one event, that are written in one step.
_CHUNKS_PER_STEP = 512
_TEXT_PER_STEP = 512 * 1024


def event_bytes(name: bytes, data: JSON) -> bytes:
    """Return one event as bytes."""
    # JSON escapes newlines in strings, so the data is always one line.
    return b"event: %b\ndata: %b\n\n" % (name, json_bytes(data))


def piece_events(chunks: Iterable[ChatCompletionChunk]) -> bytes:
    """Return the events of *chunks*; a chunk without text and thoughts has none."""
    steps = piece_events_in_steps(chunks)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def piece_events_in_steps(
    chunks: Iterable[ChatCompletionChunk],
) -> Generator[None, None, bytes]:
    """
    Return the events of *chunks* as `piece_events` does, but work in steps.

    Yields:
        None after many events, and within a long text, so that the caller can let other
        tasks run.
    """
    events: list[bytes] = []
    for number, chunk in enumerate(chunks, 1):
        thought, text = chunk.thought, chunk.text
        # A chunk of the fast path has no thoughts in its choice.
        if not thought and chunk._pending is None:  # noqa: SLF001
            thought = _reasoning(chunk)
        for name, piece in ((b"thought", thought), (b"text", text)):
            if len(piece) > _TEXT_PER_STEP:
                events.append((yield from _long_event(name, piece)))
            elif piece:
                events.append(event_bytes(name, {"text": piece}))
        if number % _CHUNKS_PER_STEP == 0:
            yield
    return b"".join(events)


def _long_event(name: bytes, text: str) -> Generator[None, None, bytes]:
    pieces = [b'event: %b\ndata: {"text":"' % name]
    for at in range(0, len(text), _TEXT_PER_STEP):
        pieces.append(json_bytes(text[at : at + _TEXT_PER_STEP])[1:-1])
        yield
    return b"".join([*pieces, b'"}\n\n'])


def _reasoning(chunk: ChatCompletionChunk) -> str:
    return next((c.delta.reasoning for c in chunk.choices if c.index == 0), "")


def done_event(
    answer: ChatCompletion, *, pending: Sequence[str] | None = None
) -> Generator[None, None, bytes]:
    """
    Return the event that ends a complete answer; work in steps.

    Args:
        answer: The answer; of a run with tools, the last one.
        pending: The ids of the calls that wait for an approval; None if the answer does
            not belong to a run.

    Yields:
        None after each step, which writes some tool calls, so that the caller can let
        other tasks run.
    """
    usage = answer.usage
    before = {
        "id": answer.id,
        "model": answer.model,
        "finish_reason": answer.finish_reason,
        "usage": usage
        and {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
    }
    after: dict[str, JSON] = {"refusal": answer.message.refusal}
    if pending is not None:
        after["pending"] = list(pending)
    # Tool calls become JSON one by one. If the dicts of many thousand calls existed at
    # once, the garbage collector would block the event loop for long.
    written: list[str] = []
    calls = answer.message.tool_calls
    for at in range(0, len(calls), _CALLS_PER_STEP):
        if at:
            yield
        written += map(_call, calls[at : at + _CALLS_PER_STEP])
    data = (
        f'{json_text(before)[:-1]},"tool_calls":[{",".join(written)}],'
        f"{json_text(after)[1:]}"
    )
    return f"event: done\ndata: {data}\n\n".encode()


def _call(call: ToolCall) -> str:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return json_text({"id": call.id, "type": call.type, "function": function})


def failed_event(error: Exception) -> bytes:
    """Return the event that ends an answer that failed."""
    return event_bytes(b"failed", failure(error).to_dict())
