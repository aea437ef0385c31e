"""
Makes answers in the three formats that the API has had, without randomness.

``guide`` is the format of the first guide, ``2025`` was captured from the live service
in that year, ``2026`` is the format of that year's API reference, which calls thoughts
"reasoning".
"""

from __future__ import annotations

import re

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from attrs import frozen

from .._settings.validators import or_none
from ._checks import one_of


__all__ = ["GENERATION", "Content", "Generation", "body", "chunks", "pieces"]


Generation: TypeAlias = Literal["2025", "2026", "guide"]
GENERATION = or_none(one_of(*get_args(Generation)))
_JSON: TypeAlias = dict[str, Any]

_WORD = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")
_ARGUMENT_SIZE = 8  # characters of a tool call's arguments in one chunk


@frozen(kw_only=True)
class Content:
    """
    The content of an answer, and the format in which it is sent.

    Attributes:
        generation: The format of the answer.
        id: The answer's id.
        model: The model's name.
        created: Time of the first chunk, in milliseconds since 1970.
        text: The text; may be empty.
        thoughts: The thoughts, in order.
        tool_calls: The tool calls in OpenAI's form, in order.
        finish_reason: Why the answer ended.
        usage: The token counts; empty if the answer has none.
        words: How many words each chunk of a stream has.
        extra: More members of the answer; a stream sends them before the text.
    """

    generation: Generation
    id: str
    model: str
    created: int
    text: str
    thoughts: Sequence[str]
    tool_calls: Sequence[_JSON]
    finish_reason: str
    usage: Mapping[str, Any]
    words: int
    extra: Mapping[str, Any]


def pieces(text: str, words: int) -> list[str]:
    """
    Split a text into parts of at most *words* words; joined, the parts are the text.

    Args:
        text: Any text.
        words: How many words a piece has, at least one.

    Returns:
        The pieces; an empty text has no pieces.
    """
    found = _WORD.findall(text)
    return ["".join(found[at : at + words]) for at in range(0, len(found), words)]


def body(content: Content) -> _JSON:
    """
    Make the body of a JSON answer.

    Returns:
        The body, its keys in the order in which the service sends them.
    """
    made = {"2025": _body_2025, "2026": _body_2026, "guide": _body_guide}
    value = made[content.generation](content)
    if content.usage:
        value["usage"] = _usage(content)
    return {**value, **content.extra}


def chunks(content: Content) -> list[_JSON]:
    """
    Make the data of each event of a streamed answer, except ``[DONE]``.

    Returns:
        The chunks in order: opening chunk, thoughts, text, tool calls, finish, usage.
    """
    made = {"2025": _chunks_2025, "2026": _chunks_2026, "guide": _chunks_guide}
    opener, *rest = made[content.generation](content)
    extra = [{**opener, **content.extra}] if content.extra else []
    return [opener, *extra, *rest]


def _usage(content: Content) -> _JSON:
    usage = dict(content.usage)
    if content.generation == "2026":
        details = {
            "completion_tokens_details": None,
            "prompt_tokens_details": None,
            "reasoning_tokens": sum(len(t.split()) for t in content.thoughts),
        }
        return {**usage, **{k: v for k, v in details.items() if k not in usage}}
    return usage


def _message(content: Content, **more: Any) -> _JSON:
    text = None if content.tool_calls and not content.text else content.text
    message: _JSON = {"role": "assistant", "content": text, **more}
    if content.tool_calls:
        message["tool_calls"] = list(content.tool_calls)
    return message


def _body_guide(content: Content) -> _JSON:
    choice = {
        "index": 0,
        "message": _message(content),
        "finish_reason": content.finish_reason,
        "stop_reason": content.finish_reason,
    }
    thoughts = {"thought": list(content.thoughts)} if content.thoughts else {}
    return {
        "id": content.id,
        "object": "chat.completion",
        "model": content.model,
        **thoughts,
        "choices": [choice],
    }


def _body_2025(content: Content) -> _JSON:
    choice = {
        "index": 0,
        "finish_reason": content.finish_reason,
        "message": _message(content, reasoning=None),
    }
    return {
        "model": content.model,
        "id": content.id,
        "executable_data": [],
        "intermediate_steps": [],
        "conversation_id": None,
        "thought": list(content.thoughts),
        "tool_thought": [],
        "choices": [choice],
    }


def _body_2026(content: Content) -> _JSON:
    names = ("refusal", "annotations", "audio", "function_call", "tool_calls")
    reasoning = "\n".join(content.thoughts) or None
    message = _message(content, **dict.fromkeys(names), reasoning_content=reasoning)
    choice = {
        "index": 0,
        "finish_reason": content.finish_reason,
        "logprobs": None,
        "matched_stop": 151336,
        "message": message,
    }
    return {
        "id": content.id,
        "object": "chat.completion",
        "created": content.created // 1000,
        "model": content.model,
        "choices": [choice],
        "service_tier": None,
        "system_fingerprint": None,
        "metadata": {"weight_version": "default"},
    }


def _thought_pieces(content: Content) -> list[str]:
    return pieces("\n".join(content.thoughts), content.words)


def _call_deltas(content: Content) -> Iterator[_JSON]:
    for index, call in enumerate(content.tool_calls):
        function = dict(call["function"])
        rest = str(function["arguments"])
        opening = {**call, "function": {**function, "arguments": ""}}
        yield {"tool_calls": [{"index": index, **opening}]}
        for at in range(0, len(rest), _ARGUMENT_SIZE):
            part = {"arguments": rest[at : at + _ARGUMENT_SIZE]}
            yield {"tool_calls": [{"index": index, "function": part}]}


def _deltas(content: Content) -> Iterator[_JSON]:
    for piece in pieces(content.text, content.words):
        yield {"content": piece}
    yield from _call_deltas(content)


def _chunks_2025(content: Content) -> Iterator[_JSON]:
    empty = {"role": "assistant", "content": ""}
    names = {"id": content.id, "model": content.model}
    yield {
        "id": content.id,
        "object": "chat.completion.chunk",
        "model": content.model,
        "choices": [
            {"index": 0, "delta": empty, "finish_reason": None, "stop_reason": None}
        ],
        "executable_data": [],
        "usage": None,
    }
    thoughts = _thought_pieces(content)
    if thoughts:
        thinking = [{"role": "assistant", "delta": empty}]
        yield {**names, "choices": thinking, "init_thought": True}
        for piece in thoughts[:-1]:
            yield {**names, "choices": thinking, "thought": piece}
        yield {**names, "choices": [{"delta": empty}], "thought": thoughts[-1]}
    yield from _spoken_2025(content, names, empty)


def _spoken_2025(content: Content, names: _JSON, empty: _JSON) -> Iterator[_JSON]:
    created = content.created

    def chunk(delta: _JSON, reason: str | None, **more: Any) -> _JSON:
        choice = {"index": 0, "finish_reason": reason, "delta": delta}
        return {
            **names,
            "created": created,
            "conversation_id": None,
            "tool_thought": [],
            "choices": [{**choice, "stop_reason": reason}],
            **more,
        }

    for delta in _deltas(content):
        yield chunk(delta, None)
        created += 105
    yield chunk(empty, content.finish_reason)
    if content.usage:
        usage = _usage(content)
        yield chunk(empty, content.finish_reason, usage=usage)


def _chunks_guide(content: Content) -> Iterator[_JSON]:
    def chunk(delta: _JSON, reason: str | None = None, **more: Any) -> _JSON:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {
            "id": content.id,
            "object": "chat.completion.chunk",
            "model": content.model,
            "choices": [choice],
            **more,
        }

    yield chunk({"role": "assistant", "content": ""})
    for piece in _thought_pieces(content):
        yield chunk({"content": ""}, thought=piece)
    for delta in _deltas(content):
        yield chunk(delta)
    yield chunk({}, content.finish_reason)
    if content.usage:
        yield {**chunk({}), "choices": [], "usage": _usage(content)}


def _chunks_2026(content: Content) -> Iterator[_JSON]:
    def chunk(delta: _JSON, reason: str | None = None) -> _JSON:
        choice = {"index": 0, "delta": delta, "logprobs": None}
        stop = None if reason is None else 151336
        return {
            "id": content.id,
            "object": "chat.completion.chunk",
            "created": content.created // 1000,
            "model": content.model,
            "choices": [{**choice, "finish_reason": reason, "matched_stop": stop}],
            "usage": None,
        }

    yield chunk({"role": "assistant", "content": "", "reasoning_content": None})
    for piece in _thought_pieces(content):
        yield chunk({"content": None, "reasoning_content": piece})
    for delta in _deltas(content):
        yield chunk({**delta, "reasoning_content": None})
    yield chunk({"content": "", "reasoning_content": None}, content.finish_reason)
    if content.usage:
        yield {**chunk({}), "choices": [], "usage": _usage(content)}
