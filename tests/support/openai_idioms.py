"""
One-line idioms of programs that were written for OpenAI's client.

They are in the text file beside this module, each below the reply that the server gives
it. An idiom is an expression, or a statement that sets ``result``. Its names are those
of OpenAI's package, or of asi1 in their place: `OpenAI`, `AsyncOpenAI`, `openai`, and a
`client` and `aclient` of these classes. `MESSAGES`, `TOOLS`, `IMAGE`, `REQUEST` and
`City` are arguments. ``create()`` is a call of `client` with a model and messages,
``acreate()`` one of `aclient`; ``sent()`` is the last request, ``error(call)`` what
*call* raises.
"""

from __future__ import annotations

import json

from pathlib import Path
from typing import Any

import httpx

from asi1.testing import Data, Head

from .talk import DONE, SSE, Event, chunk


__all__ = ["ARGUMENTS", "DIFFERENT", "IDIOMS", "REPLIES"]

FILE = Path(__file__).with_suffix(".txt")

MESSAGES = [{"role": "user", "content": "Hi"}]
IMAGE = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "https://example.org/otter.png"}},
]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
]
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 3,
    "total_tokens": 8,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
TOKEN = {"token": "Hi", "bytes": [72, 105], "logprob": -0.5, "top_logprobs": []}
REQUEST = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")
ARGUMENTS = {"MESSAGES": MESSAGES, "IMAGE": IMAGE, "TOOLS": TOOLS, "REQUEST": REQUEST}


def choice(index: int = 0, **message: Any) -> dict[str, Any]:
    finish = "tool_calls" if "tool_calls" in message else "stop"
    message = {"role": "assistant", "content": None, **message}
    return {
        "index": index,
        "message": message,
        "finish_reason": finish,
        "logprobs": {"content": [TOKEN], "refusal": None},
    }


def answer(*choices: dict[str, Any]) -> list[Any]:
    whole = {
        "id": "chat_1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "asi1-mini",
        "system_fingerprint": "fp_1",
        "choices": choices,
        "usage": USAGE,
    }
    return reply(200, whole)


def reply(status: int, value: Any, **headers: str) -> list[Any]:
    pairs = {"content-type": "application/json", "x-request-id": "req_1", **headers}
    return [Head(status, tuple(pairs.items())), Data(json.dumps(value).encode())]


def refusal(status: int, **headers: str) -> list[Any]:
    error = {"message": "No.", "type": "refused", "param": "model", "code": "no"}
    return reply(status, {"error": error}, **headers)


def delta(**part: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": part, "finish_reason": None}]}


def stream(*chunks: dict[str, Any]) -> list[Any]:
    common = {
        "id": "chat_1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "asi1-mini",
    }
    events = Event(*({**common, **each} for each in chunks))
    return [SSE, events, DONE]


PIECE = {"index": 0, **CALL}
REPLIES = {
    "answer": answer(choice(content="Otters hold hands.")),
    "two": answer(choice(content="One."), choice(1, content="Two.")),
    "thoughts": answer(choice(content="Hi.", reasoning_content="Hm.")),
    "tools": answer(choice(tool_calls=[CALL])),
    "city": answer(choice(content='{"name": "Rome"}')),
    "stream": stream(
        delta(role="assistant", content=""),
        chunk("Otters "),
        chunk("swim."),
        chunk(finish="stop"),
        {"choices": [], "usage": USAGE},
    ),
    "tool stream": stream(
        delta(role="assistant", tool_calls=[PIECE]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": " "}}]),
        chunk(finish="tool_calls"),
    ),
    "image": reply(
        200, {"created": 1_700_000_000, "data": [{"b64_json": "iVBORw0KGgo="}]}
    ),
    "500 once": refusal(500, **{"retry-after-ms": "1"}),
    "list": reply(200, {"object": "list", "data": [{"id": "a"}]}),
    "models": reply(
        200,
        {
            "object": "list",
            "data": [
                {"id": "asi1", "object": "model", "created": 1, "owned_by": "asi1"}
            ],
        },
    ),
    **{str(s): refusal(s) for s in (400, 401, 403, 404, 409, 422, 429, 500)},
}


def _read() -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the idioms of the text file by their reply, and why some differ."""
    idioms: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    name = ""
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("# "):
            name = line.removeprefix("# ")
            idioms[name] = []
        elif line.startswith("    differs: "):
            reasons[idioms[name][-1]] = line.removeprefix("    differs: ")
        elif line:
            idioms[name].append(line)
    return idioms, reasons


# The idioms, by the server's reply; and the reason for each idiom that gives another
# result with asi1. The guide for programs that come from OpenAI's client has these
# idioms and reasons.
IDIOMS, DIFFERENT = _read()
