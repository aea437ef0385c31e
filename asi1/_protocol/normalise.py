"""
Converts undocumented formats of the server's JSON objects to the documented format.

Each function takes a JSON object and returns one with the keys of the model's fields: a
changed copy, or the same object if it needs no change. Unknown keys and wrong types are
handled by the converter.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from .._models.base import Model
from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta
from .._models.completion import (
    ChatChoice,
    ChatCompletion,
    ChatMessage,
    FunctionCall,
    ToolCall,
    Usage,
)
from .._models.json_text import json_text


__all__ = ["NORMALISERS", "Object", "thought_text"]

Object: TypeAlias = Mapping[str, JSON]

# The keys of a message under which newer models send their thoughts.
_REASONING = ("reasoning_content", "reasoning", "thought")


def thought_text(value: JSON) -> JSON:
    """
    Return thoughts as one string: the strings of a list are joined by newlines.

    A value of another type is returned as it is.
    """
    if isinstance(value, list):
        return "\n".join(item for item in value if isinstance(item, str))
    return value


def _answer(raw: Object, *, part: str) -> Object:
    """Return *raw* with the model's thoughts as a string under the key ``thought``."""
    thought = raw.get("thought")
    if thought and not isinstance(thought, list):
        return raw
    text = thought_text(thought) or _first_reasoning(raw.get("choices"), part)
    return {**raw, "thought": text} if text else raw


def _first_reasoning(choices: JSON, part: str) -> str | None:
    if not isinstance(choices, list):
        return None
    for choice in choices:
        if isinstance(choice, dict) and not _with_index(choice).get("index"):
            message = _renamed(choice, part).get(part)
            if isinstance(message, dict):
                return _reasoning(message)
    return None


def _reasoning(message: Object) -> str | None:
    for key in _REASONING:
        text = message.get(key)
        if text and isinstance(text, str | list):
            return str(thought_text(text))
    return None


def _completion(raw: Object) -> Object:
    return _answer(raw, part="message")


def _chunk(raw: Object) -> Object:
    return _answer(raw, part="delta")


def _renamed(raw: Object, part: str) -> Object:
    """Copy "delta" to "message", or the reverse, if a server used the wrong key."""
    other = "delta" if part == "message" else "message"
    if other not in raw:
        return raw
    if isinstance(raw.get(part), dict):
        return raw
    return {**raw, part: raw[other]}


def _with_index(raw: Object) -> Object:
    """Return *raw* with an index that is a number, even if the server sent digits."""
    index = raw.get("index")
    if isinstance(index, str) and index.isascii() and index.isdigit():
        return {**raw, "index": int(index[:9])}
    return raw


def _choice(raw: Object) -> Object:
    return _renamed(_with_index(raw), "message")


def _chunk_choice(raw: Object) -> Object:
    return _renamed(_with_index(raw), "delta")


def _message(raw: Object) -> Object:
    message = raw
    if isinstance(raw.get("content"), list):
        message = {**message, "content": _joined(raw["content"])}
    if any(key in raw for key in _REASONING):
        text = _reasoning(raw)
        rest = {
            key: value
            for key, value in message.items()
            if key not in _REASONING or isinstance(value, dict | int | float)
        }
        message = rest if text is None else {**rest, "reasoning_content": text}
    return message


def _joined(parts: list[JSON]) -> str:
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _tool_call_delta(raw: Object) -> Object:
    return _tool_call(_with_index(raw))


def _tool_call(raw: Object) -> Object:
    if isinstance(raw.get("function"), dict) or "tool_name" not in raw:
        return raw
    function = {"name": raw["tool_name"], "arguments": raw.get("args", {})}
    return {**raw, "function": function}


def _function(raw: Object) -> Object:
    arguments = raw.get("arguments")
    if isinstance(arguments, dict | list):
        return {**raw, "arguments": json_text(arguments)}
    return raw


def _usage(raw: Object) -> Object:
    details = raw.get("completion_tokens_details")
    if raw.get("reasoning_tokens") is None and isinstance(details, dict):
        return {**raw, "reasoning_tokens": details.get("reasoning_tokens")}
    return raw


NORMALISERS: Mapping[type[Model], Callable[[Object], Object]] = {
    ChatChoice: _choice,
    ChatCompletion: _completion,
    ChatCompletionChunk: _chunk,
    ChatMessage: _message,
    ChunkChoice: _chunk_choice,
    Delta: _message,
    FunctionCall: _function,
    ToolCall: _tool_call,
    ToolCallDelta: _tool_call_delta,
    Usage: _usage,
}
