"""
Dialects: correct answers as other OpenAI-compatible servers format them.

Dialects are not faults, but are listed with the faults because a client has to read
them too. Each sends a stream, even for a JSON request, unless its description says
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._answer import Answer
from .._plan import Plan
from .._replies import DONE, event, json_plan, sse_head
from .._request import Ask
from .._shapes import pieces
from .base import TEXT, data_steps, faults


__all__ = ["FAULTS"]


_USAGE = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}


def _chunk(delta: Any, reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_740_000_000,
        "model": "asi1-mini",
        "choices": [choice],
        **more,
    }


def _words() -> Iterator[dict[str, Any]]:
    return (_chunk({"content": word}) for word in pieces(TEXT, 1))


def _stream(*chunks: dict[str, Any]) -> Plan:
    return sse_head(), *data_steps(*map(event, chunks), DONE)


def _dialect_usage_empty_choices(_: Ask) -> Plan:
    """The token counts come in a chunk without choices."""
    usage = _chunk(None, choices=[], usage=_USAGE)
    return _stream(_chunk({"role": "assistant"}), *_words(), _chunk({}, "stop"), usage)


def _dialect_usage_empty_delta(_: Ask) -> Plan:
    """The token counts come in a chunk with an empty delta and no finish reason."""
    usage = _chunk({}, usage=_USAGE)
    return _stream(_chunk({"role": "assistant"}), *_words(), _chunk({}, "stop"), usage)


def _dialect_usage_in_finish(_: Ask) -> Plan:
    """The token counts come in the chunk with the finish reason."""
    return _stream(*_words(), _chunk({}, "stop", usage=_USAGE))


def _dialect_no_usage(_: Ask) -> Plan:
    """No chunk has token counts."""
    return _stream(*_words(), _chunk({}, "stop"))


def _dialect_usage_emptied(_: Ask) -> Plan:
    """The token counts are followed by null, empty and zero counts."""
    empty: tuple[Any, ...] = ({}, dict.fromkeys(_USAGE), dict.fromkeys(_USAGE, 0), None)
    after = (_chunk({}, usage=usage) for usage in empty)
    return _stream(*_words(), _chunk({}, "stop", usage=_USAGE), *after)


def _dialect_logprobs(_: Ask) -> Plan:
    """Each word has its logprobs, and the last chunk has null."""
    chunks = list(_words())
    for chunk, word in zip(chunks, pieces(TEXT, 1), strict=True):
        content = [{"token": word, "logprob": -0.5, "top_logprobs": []}]
        chunk["choices"][0]["logprobs"] = {"content": content, "refusal": None}
    last = _chunk({}, "stop")
    last["choices"][0]["logprobs"] = None
    return _stream(*chunks, last)


def _dialect_null_opening(_: Ask) -> Plan:
    """The first delta has a role, and null as its content."""
    opening = _chunk({"role": "assistant", "content": None})
    return _stream(opening, *_words(), _chunk({}, "stop"))


def _dialect_all_in_one(_: Ask) -> Plan:
    """Role, text and finish reason come in a single chunk."""
    return _stream(_chunk({"role": "assistant", "content": TEXT}, "stop"))


def _dialect_two_choices(_: Ask) -> Plan:
    """The chunks of two choices alternate; index 1 comes first, in capitals."""

    def chunk(index: int, delta: dict[str, str], reason: str | None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return _chunk(None, choices=[choice])

    chunks: list[dict[str, Any]] = []
    for word in pieces(TEXT, 1):
        chunks.append(chunk(1, {"content": word.upper()}, None))
        chunks.append(chunk(0, {"content": word}, None))
    return _stream(*chunks, chunk(1, {}, "stop"), chunk(0, {}, "stop"))


def _dialect_one_choice_unfinished(_: Ask) -> Plan:
    """Of two choices only the first has a finish reason when the body ends."""
    unfinished = {"delta": {"content": TEXT}, "finish_reason": None}
    chunks = [
        _chunk(None, choices=[{"index": 0, **unfinished}, {"index": 1, **unfinished}]),
        _chunk({}, "stop"),
    ]
    return sse_head(), *data_steps(*map(event, chunks))


def _dialect_changing_ids(_: Ask) -> Plan:
    """Each chunk has a different id."""
    chunks = [*_words(), _chunk({}, "stop")]
    return _stream(*({**one, "id": f"id_{n}"} for n, one in enumerate(chunks)))


def _dialect_bare(_: Ask) -> Plan:
    """Chunks have only choices, and choices only a delta or a finish reason."""
    words = ({"choices": [{"delta": {"content": w}}]} for w in pieces(TEXT, 1))
    return _stream(*words, {"choices": [{"finish_reason": "stop"}]})


def _dialect_extra_keys(_: Ask) -> Plan:
    """Chunks, choices and deltas have unknown keys."""
    chunk = _chunk({"content": TEXT, "mood": "calm"}, "stop", timings={"ms": 1.5})
    chunk["choices"][0]["seat"] = "12A"
    return _stream(chunk)


def _dialect_thought_with_content(_: Ask) -> Plan:
    """A thought and a word come in the same chunk."""
    first, *rest = pieces(TEXT, 1)
    both = _chunk({"content": first}, thought="Count to eight.")
    words = (_chunk({"content": word}) for word in rest)
    return _stream(both, *words, _chunk({}, "stop"))


def _dialect_message_in_stream(_: Ask) -> Plan:
    """The last chunk repeats the whole message beside its delta."""
    chunk = _chunk({}, "stop")
    chunk["choices"][0]["message"] = {"role": "assistant", "content": TEXT}
    return _stream(*_words(), chunk)


def _dialect_leading_newlines(context: Ask) -> Plan:
    """The text of a stream starts with two line ends; that of JSON does not."""
    text = "\n\n" + TEXT if context.stream else TEXT
    return Answer(text=text, chunk_words=1)(context)


def _dialect_many_empty_deltas(_: Ask, *, count: int = 200) -> Plan:
    """*count* empty deltas come before the first word."""
    empty = [_chunk({"role": "assistant", "content": ""})] * count
    return _stream(*empty, *_words(), _chunk({}, "stop"))


def _dialect_plan_state(_: Ask) -> Plan:
    """The first chunk has the state of an agent's plan, and no choices."""
    used = {"agent_name": "Almanac", "agent_address": "agent1q", "agent_rating": 4.5}
    state = {"plan_state": {"agent_used": used, "tasks": [{"status": "completed"}]}}
    return _stream(state, *_words(), _chunk({}, "stop"))


def _dialect_thinking_parts(_: Ask) -> Plan:
    """Thoughts and text are parts of the content, each of its own type."""
    inner = [{"type": "text", "text": "Count to eight."}]
    thought = [{"type": "thinking", "thinking": inner}]
    parts = ([{"type": "text", "text": word}] for word in pieces(TEXT, 1))
    deltas = [{"content": content} for content in (thought, *parts)]
    return _stream(*map(_chunk, deltas), _chunk({}, "stop"))


def _tool_calls(*parts: tuple[str | None, str | None, str]) -> Plan:
    """Stream the text, then tool call *parts* of index 0: name, id, arguments."""
    deltas = [
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": call_id,
                    "type": "function",
                    "function": {"name": name, "arguments": arguments},
                }
            ]
        }
        for name, call_id, arguments in parts
    ]
    chunks = map(_chunk, deltas)
    return _stream(*_words(), *chunks, _chunk({}, "tool_calls"))


def _dialect_tool_calls_one_index(_: Ask) -> Plan:
    """Two tool calls have the same index, and no ids."""
    return _tool_calls(("add", "", '{"n":1}'), ("sub", "", '{"n":2}'))


def _dialect_tool_name_repeated(_: Ask) -> Plan:
    """Every part of a tool call has the call's name, and only the first its id."""
    return _tool_calls(("add", "c1", ""), ("add", None, '{"n"'), ("add", None, ":1}"))


def _dialect_tool_id_changes(_: Ask) -> Plan:
    """Every part of a tool call has an id of its own."""
    return _tool_calls(("add", "c1", ""), (None, "c2", '{"n"'), (None, "c3", ":1}"))


def _dialect_tool_arguments_twice(_: Ask) -> Plan:
    """The arguments of a tool call are an empty object, then the real ones."""
    return _tool_calls(("add", "c1", "{}"), (None, None, '{"n"'), (None, None, ":1}"))


def _unknown_finish_reason(context: Ask, *, reason: str = "tired") -> Plan:
    """The finish reason is *reason*; a stream or JSON, as requested."""
    return Answer(text=TEXT, chunk_words=1, finish_reason=reason)(context)


def _finish_length(context: Ask) -> Plan:
    """The token limit ends the answer; a stream or JSON, as requested."""
    return _unknown_finish_reason(context, reason="length")


def _finish_without_content(context: Ask) -> Plan:
    """Thoughts use up the token limit, without text; a stream or JSON, as requested."""
    answer = Answer(text="", thoughts=("One, two,", "three."), finish_reason="length")
    return answer(context)


def _tool_intent_without_calls(context: Ask) -> Plan:
    """JSON: the finish reason is tool_calls, but the message has no tool calls."""
    message = {"role": "assistant", "content": "I shall look it up.", "reasoning": None}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    value = {
        "id": "id_x",
        "model": context.model,
        "thought": [None],
        "choices": [choice],
    }
    return json_plan(200, {**value, "executable_data": [], "usage": _USAGE})


def _delta_and_message(context: Ask) -> Plan:
    """JSON: a choice has both a delta and a message, whose role is user."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "delta": {"role": "assistant", "content": "not this"},
        "message": {"role": "user", "content": TEXT},
    }
    value = {
        "id": "cmpl-1",
        "model": context.model,
        "choices": [choice],
        "usage": _USAGE,
    }
    empty: dict[str, Any] = {}
    return json_plan(200, {**value, "metadata": empty, "executable_data": [empty]})


FAULTS = faults(
    _dialect_usage_empty_choices,
    _dialect_usage_empty_delta,
    _dialect_usage_in_finish,
    _dialect_no_usage,
    _dialect_usage_emptied,
    _dialect_logprobs,
    _dialect_null_opening,
    _dialect_all_in_one,
    _dialect_two_choices,
    _dialect_one_choice_unfinished,
    _dialect_changing_ids,
    _dialect_bare,
    _dialect_extra_keys,
    _dialect_thought_with_content,
    _dialect_message_in_stream,
    _dialect_leading_newlines,
    _dialect_many_empty_deltas,
    _dialect_plan_state,
    _dialect_thinking_parts,
    _dialect_tool_calls_one_index,
    _dialect_tool_name_repeated,
    _dialect_tool_id_changes,
    _dialect_tool_arguments_twice,
    _unknown_finish_reason,
    _finish_length,
    _finish_without_content,
    _tool_intent_without_calls,
    _delta_and_message,
)
