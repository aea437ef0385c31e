"""
Attributes that objects of OpenAI's client have and asi1's objects do not.

Programs written for OpenAI's client read them. An attribute that asi1 has under another
name, or in another place, raises an `AttributeError` that tells where. Loaded when a
program reads an attribute that an object does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .base_types import JSON


__all__ = ["HINTS", "hint", "missing_attribute", "missing_name"]

# For each class, the fields of OpenAI's class that are None unless the server sends
# them. asi1 stores them in ``extra``.
_OPTIONAL = {
    "ChatCompletion": ("service_tier", "system_fingerprint"),
    "ChatCompletionChunk": ("service_tier", "system_fingerprint"),
    "ChatChoice": ("logprobs",),
    "ChunkChoice": ("logprobs",),
    "ChatMessage": ("annotations", "audio", "function_call"),
    "Delta": ("function_call",),
    "Usage": ("completion_tokens_details", "prompt_tokens_details"),
}

_NO_ENDPOINT = "ASI-1 has no such endpoint; other endpoints are called by"
_REQUEST = 'client.request("POST", "/...", json={...})'
_VERBS = 'asi1 calls it request: client.request("POST", "/...", json={...})'
_RAW = "each answer has the status, headers and request id in its attribute response"
_CLIENT = {
    **dict.fromkeys(
        (
            *("audio", "beta", "completions", "containers", "conversations"),
            *("embeddings", "evals", "files", "fine_tuning", "moderations", "realtime"),
            *("responses", "uploads", "vector_stores", "videos", "webhooks"),
        ),
        f"{_NO_ENDPOINT} {_REQUEST}",
    ),
    "batches": "client.batch sends a file of requests in OpenAI's form",
    "delete": _VERBS,
    "get": _VERBS,
    "models": "ASI-1 has no such endpoint; asi1.MODELS has what is known of each model",
    "patch": _VERBS,
    "post": _VERBS,
    "put": _VERBS,
    "with_raw_response": _RAW,
    "api_key": "asi1 hides it, so that no log shows it",
    "auth_headers": "asi1 hides the key; other headers are in default_headers=",
    "max_retries": "it is set by max_retries= or retry=",
    "organization": "ASI-1 has no organizations",
    "project": "ASI-1 has no projects",
    "timeout": "asi1 calls it timeouts",
}
# By class, the attributes of OpenAI's objects and what to use instead of them.
HINTS: Mapping[str, Mapping[str, str]] = {
    "AsyncASI1": _CLIENT,
    "ASI1": _CLIENT,
    "ChatMessage": {"parsed": "the value is the answer's own attribute parsed"},
    "asi1": {
        "APIResponseValidationError": "asi1 calls it APIResponseError",
        "AsyncClient": "asi1 calls it AsyncASI1",
        "AsyncOpenAI": "asi1 calls it AsyncASI1",
        "AsyncStream": "asi1 calls it AsyncChatStream",
        "Client": "asi1 calls it ASI1",
        "ContentFilterFinishReasonError": "asi1 calls it OutputRefusedError",
        "LengthFinishReasonError": "asi1 calls it OutputTruncatedError",
        "NOT_GIVEN": "leave the argument out, or pass None",
        "NotGiven": "leave the argument out, or pass None",
        "OpenAI": "asi1 calls it ASI1",
        "OpenAIError": "asi1 calls it ASI1Error",
        "Stream": "asi1 calls it ChatStream",
        "Timeout": "asi1 calls it Timeouts; an httpx.Timeout is accepted, too",
        "omit": "leave the argument out, or pass None",
        "pydantic_function_tool": "asi1.tool makes a tool of a function; parse() takes"
        " a pydantic model as response_format",
    },
}


def hint(kind: str, name: str) -> str:
    """Return what *kind* has instead of OpenAI's *name*, after "; "; "" if unknown."""
    found = HINTS.get(kind, {}).get(name)
    return f"; {found}" if found else ""


def missing_name(name: str) -> AttributeError:
    """Return the error for a *name* that the package does not have."""
    return AttributeError(
        f"module 'asi1' has no attribute {name!r}{hint('asi1', name)}", name=name
    )


def missing_attribute(model: Any, name: str) -> Any:
    """
    Return the attribute *name* of *model*, which its class does not have.

    As OpenAI's objects do, it has each key that the server sent as an attribute. A dict
    there has its members as attributes, too.

    Raises:
        AttributeError: The server sent no such key; the message names what to use.
    """
    kinds = [kind.__name__ for kind in type(model).__mro__]
    for owner, compute in _COMPUTED.get(name, {}).items():
        if owner in kinds:
            return compute(model)
    for sent in (model.extra, model.wire or {}):
        if name in sent:
            value = sent[name]
            return _Members(value) if isinstance(value, dict) else value
    if any(name in _OPTIONAL.get(kind, ()) for kind in kinds):
        return None
    advice = next((text for kind in kinds if (text := hint(kind, name))), "")
    raise AttributeError(
        f"{kinds[0]} has no attribute {name!r}{advice}", name=name, obj=model
    )


class _Members(dict[str, JSON]):
    """A dict whose members are attributes; absent ones are None."""

    def __getattr__(self, name: str) -> JSON:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)


def _thoughts_details(usage: Any) -> _Members | None:
    """Return the details of the completion tokens, as far as the server sent them."""
    sent = usage.extra.get("completion_tokens_details")
    known = (
        {}
        if usage.reasoning_tokens is None
        else {"reasoning_tokens": usage.reasoning_tokens}
    )
    details = {**known, **(sent if isinstance(sent, dict) else {})}
    return _Members(details) if details else None


def _thoughts(message: Any) -> str | None:
    return message.reasoning or None


# Attributes of OpenAI's objects that asi1 makes of its own fields, by name and class.
_COMPUTED: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "_request_id": {"ChatCompletion": lambda answer: answer.response.request_id},
    "completion_tokens_details": {"Usage": _thoughts_details},
    "model_extra": {"Model": lambda model: dict(model.extra)},
    "reasoning_content": {"ChatMessage": _thoughts, "Delta": _thoughts},
}
