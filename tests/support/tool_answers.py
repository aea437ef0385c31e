"""Makes, from the JSON of a server's reply, answers in which the model calls tools."""

from __future__ import annotations

from typing import Any

from asi1._models.completion import ChatCompletion
from asi1._protocol.converter import decode


__all__ = ["answer_of", "call_of"]


def call_of(
    call: Any = "a", name: Any = "add", arguments: Any = '{"a": 1}', **more: Any
) -> dict[str, Any]:
    """Return the JSON object of the tool call with the id *call*, and more keys."""
    function = {"name": name, "arguments": arguments}
    return {"id": call, "type": "function", "function": function, **more}


def answer_of(
    *calls: Any, text: Any = None, finish: Any = "tool_calls", **message: Any
) -> ChatCompletion:
    """
    Return an answer with *calls*; *message* has more keys of the answer's message.
    """
    listed = {"tool_calls": list(calls)} if calls else {}
    whole = {"role": "assistant", "content": text, **listed, **message}
    choice = {"index": 0, "message": whole, "finish_reason": finish}
    return decode(ChatCompletion, {"id": "x", "choices": [choice]})
