"""
Writes the steps of a run with tools as server-sent events for browsers.

The format must not change, since it is public: `AsyncEventBytes` documents it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ..._models.completion import ChatCompletion, ToolCall
from ..sse_writer import done_event, event_bytes
from .errors import ToolError
from .steps import (
    AnswerStep,
    TextStep,
    ThoughtStep,
    ToolEndedStep,
    ToolStartedStep,
    ToolStep,
)
from .tool_calls import error_content


__all__ = ["run_done_event", "step_events"]

# Number of pending calls that are written in one step.
_CALLS_PER_STEP = 512


def step_events(step: ToolStep | None, *, streamed: bool) -> bytes:
    """
    Return the events of *step*; b"" for a step without events, and for None.

    Args:
        step: The step.
        streamed: Whether the pieces of an answer are steps of their own, so that the
            complete answer has no events.
    """
    match step:
        case TextStep(text=text):
            return _text(b"text", text)
        case ThoughtStep(text=text):
            return _text(b"thought", text)
        case AnswerStep(answer=answer) if not streamed:
            thoughts = answer.thoughts or answer.message.reasoning
            return _text(b"thought", thoughts) + _text(b"text", answer.text)
        case ToolStartedStep(call=call):
            return _call(call, needs_approval=False)
        case ToolEndedStep(call=call):
            result = {"content": _shown_content(step), "failed": step.failed}
            named = {"id": call.id, "name": call.function.name}
            return event_bytes(b"tool_result", named | result)
    return b""


def _shown_content(step: ToolEndedStep) -> str:
    """Return the result for a browser, without the message of a tool's exception."""
    if step.error is None or isinstance(step.error, ToolError):
        return step.content
    return error_content("the tool failed")


def _text(name: bytes, text: str) -> bytes:
    return event_bytes(name, {"text": text}) if text else b""


def _call(call: ToolCall, *, needs_approval: bool) -> bytes:
    return event_bytes(
        b"tool_call",
        {
            "id": call.id,
            "name": call.function.name,
            "arguments": call.function.arguments,
            "needs_approval": needs_approval,
        },
    )


def run_done_event(
    answer: ChatCompletion, pending: Sequence[ToolCall]
) -> Generator[None, None, bytes]:
    """
    Return the events that end a run: the calls that wait for an approval, and ``done``.

    The function works in steps, each for at most `_CALLS_PER_STEP` calls.

    Yields:
        None between two steps, so that the caller can let other tasks run.
    """
    written = []
    for at in range(0, len(pending), _CALLS_PER_STEP):
        if at:
            yield
        some = pending[at : at + _CALLS_PER_STEP]
        written += [_call(call, needs_approval=True) for call in some]
    done = yield from done_event(answer, pending=[call.id for call in pending])
    return b"".join([*written, done])
