"""
Turns the model's messages into the form in which a later request sends them back.

Loaded for the first request that has an answer among its messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .base_types import JSON
from .completion import ChatMessage, FunctionCall, ToolCall
from .json_text import json_text
from .model_dump import REPEATED


__all__ = ["wire_call", "wire_function_call", "wire_reply"]


def wire_reply(message: Any) -> dict[str, JSON]:
    """Return the model's message in the form in which a later request sends it back."""
    # The API may refuse other fields of its own answers in a request, so only the role,
    # the content, and the tool calls or the function call are sent.
    refusal = message.refusal if isinstance(message, ChatMessage) else None
    wire: dict[str, JSON] = {
        "role": message.role,
        "content": message.content or refusal or message.content,
    }
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [wire_call(call) for call in message.tool_calls]
    elif isinstance(message, ChatMessage) and (call := wire_function_call(message)):
        wire["content"] = message.content or None
        wire["function_call"] = call
    return wire


def wire_call(call: ToolCall | Mapping[str, JSON]) -> dict[str, JSON]:
    """Return *call* as a later request sends it; a dict is returned unchanged."""
    if isinstance(call, Mapping):
        return dict(call)
    # Unknown keys of a tool call, such as a signature, are sent back, since servers may
    # require them.
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return _unknown(call) | {
        "id": call.id,
        "type": call.type,
        "function": _unknown(call.function) | function,
    }


def wire_function_call(message: ChatMessage) -> dict[str, JSON] | None:
    """
    Return the ``function_call`` of *message*, the older form of a tool call.

    None if there is none, or if it has no name.
    """
    call = message.extra.get("function_call")
    name = call.get("name") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(name, str) or not name:
        return None
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        arguments = json_text(arguments or {})
    return {key: value for key, value in call.items() if value is not None} | {
        "arguments": arguments
    }


def _unknown(part: ToolCall | FunctionCall) -> dict[str, JSON]:
    """Return the server's unknown keys in *part* with their values, except nulls."""
    if not part.extra:
        return {}
    fields = {a.name for a in attrs.fields(type(part))}
    return {
        key: value
        for key, value in part.extra.items()
        if value is not None and key not in fields and key not in REPEATED
    }
