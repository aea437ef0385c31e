"""Converts the messages of a call to the form of OpenTelemetry's conventions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.util.genai.types import (
    InputMessage,
    MessagePart,
    OutputMessage,
    ReasoningPart,
    TextPart,
    ToolCallRequestPart,
    ToolCallResponsePart,
)
from opentelemetry.util.genai.utils import image_from_url, tool_arguments_to_any_value

from .. import ChatCompletion
from .._models.base_types import JSON


__all__ = ["input_messages", "output_messages", "system_parts"]

_SYSTEM = "system"


def system_parts(messages: Sequence[Mapping[str, JSON]]) -> list[TextPart]:
    """Return the system messages in *messages*, as parts in the conventions' form."""
    return [
        part
        for message in messages
        if message.get("role") == _SYSTEM
        for part in _parts(message.get("content"))
        if isinstance(part, TextPart)
    ]


def input_messages(messages: Sequence[Mapping[str, JSON]]) -> list[InputMessage]:
    """Return *messages* without system messages, in the conventions' form."""
    return [
        InputMessage(role=str(message.get("role")), parts=[*_parts_of(message)])
        for message in messages
        if message.get("role") != _SYSTEM
    ]


def output_messages(answer: ChatCompletion) -> list[OutputMessage]:
    """Return the choices of *answer* as output messages of the conventions."""
    return [
        OutputMessage(
            role=choice.message.role,
            parts=[*_answer_parts(choice.message)],
            finish_reason=choice.finish_reason or "",
        )
        for choice in answer.choices
    ]


def _answer_parts(message: Any) -> Iterator[MessagePart]:
    if message.reasoning:
        yield ReasoningPart(content=message.reasoning)
    if message.content:
        yield TextPart(content=message.content)
    for call in message.tool_calls:
        arguments = tool_arguments_to_any_value(call.function.arguments)
        yield ToolCallRequestPart(
            arguments=arguments, name=call.function.name, id=call.id or None
        )


def _parts_of(message: Mapping[str, JSON]) -> Iterator[MessagePart]:
    content = message.get("content")
    if message.get("role") == "tool":
        yield ToolCallResponsePart(response=content, id=message.get("tool_call_id"))
        return
    if message.get("reasoning_content"):
        yield ReasoningPart(content=str(message["reasoning_content"]))
    yield from _parts(content)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = tool_arguments_to_any_value(function.get("arguments"))
        yield ToolCallRequestPart(
            arguments=arguments, name=function.get("name", ""), id=call.get("id")
        )


def _parts(content: JSON) -> Iterator[MessagePart]:
    """Yield the parts of a message's content: a text, or a list of texts and images."""
    if isinstance(content, str):
        if content:
            yield TextPart(content=content)
        return
    for part in content or ():
        if part.get("type") == "text":
            yield TextPart(content=part.get("text", ""))
        elif image := image_from_url((part.get("image_url") or {}).get("url", "")):
            yield image
