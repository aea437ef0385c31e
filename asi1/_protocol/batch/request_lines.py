"""
Reads the requests of a batch, one line of JSON each, in the form of OpenAI's Batch API.

Source: https://platform.openai.com/docs/api-reference/batch/request-input
"""

from __future__ import annotations

import json

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import attrs
import orjson

from attrs import field, frozen

from ..._models.base_types import JSON
from ..._models.json_text import load_json
from ..request import ChatDraft, Request


__all__ = ["BatchRequest", "custom_id_key", "read_request", "request_of"]

_METHOD = "POST"
_URL = "/v1/chat/completions"
_BYTES = 16  # length of a hash; two requests never have the same hash by chance


@frozen
class BatchRequest:
    """
    One request of a batch.

    Attributes:
        custom_id: The name that the caller gave the request; unique in the batch.
        body: The body that is sent, with its model.
        digest: The hash of the custom id and the body, as 32 hexadecimal digits. The
            order of an object's keys does not change it.
        size: Length of the request's line, in bytes.
    """

    custom_id: str
    body: Mapping[str, JSON] = field(repr=False)
    digest: str
    size: int = 0

    @property
    def key(self) -> bytes:
        """The `custom_id_key` of the request's custom id."""
        return custom_id_key(self.custom_id)


def custom_id_key(custom_id: str) -> bytes:
    """Return a hash of *custom_id*, of 16 bytes: a short key for a dict."""
    return blake2b(custom_id.encode(), digest_size=_BYTES).digest()


def read_request(line: bytes, *, model: str | None, default_model: str) -> BatchRequest:
    """
    Read one line of a batch's input.

    Args:
        line: The line, with or without its line end.
        model: The model of all requests, in place of those in the lines; None for the
            lines' own models.
        default_model: The model of a body that names none.

    Raises:
        ValueError: The line is not a request that a batch can send; the message is the
            problem in words, such as "has no custom_id".
    """
    try:
        value = load_json(line, surrogates=True)
    except ValueError:
        raise ValueError("is not valid JSON") from None
    problem = _problem(value)
    if problem:
        raise ValueError(problem)
    body = dict(value["body"])
    if model is not None or body.get("model") is None:
        body["model"] = model or default_model
    try:
        digest = _digest([value["custom_id"], body])
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate") from None
    return BatchRequest(value["custom_id"], body, digest, len(line))


def _problem(value: JSON) -> str | None:
    """Return what is wrong with the line's *value*; None if nothing is."""
    if not isinstance(value, dict):
        return "is not a JSON object"
    custom_id = value.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        missing = custom_id in (None, "")
        return "has no custom_id" if missing else "has a custom_id that is not a str"
    for name, wanted in (("method", _METHOD), ("url", _URL)):
        if value.get(name) != wanted:
            return f'needs "{name}": "{wanted}"'
    body = value.get("body")
    if not isinstance(body, dict):
        return "has no body that is a JSON object"
    return _body_problem(body)


def _body_problem(body: Mapping[str, JSON]) -> str | None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "has no messages in its body"
    if not all(isinstance(message, dict) for message in messages):
        return "has a message that is not a JSON object"
    if body.get("stream") not in (None, False):
        return "asks for a stream, which a batch cannot return"
    model = body.get("model")
    if model is not None and (not isinstance(model, str) or not model):
        return "has a model that is not a non-empty str"
    return None


def _digest(value: JSON) -> str:
    """
    Return the hash of a JSON value.

    Raises:
        UnicodeEncodeError: *value* contains a lone surrogate.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate, or an int above 64 bits
        data = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
    return blake2b(data, digest_size=_BYTES).hexdigest()


def request_of(draft: ChatDraft, body: Mapping[str, JSON]) -> Request:
    """
    Return the HTTP request that sends *body*; its fields override those of *draft*.

    Raises:
        ArgumentError: All messages are empty messages of the model.
    """
    fields = {name: value for name, value in body.items() if name != "messages"}
    parts: dict[str, Any] = dict(draft.parts)
    if isinstance(count := body.get("n"), int):
        parts["choices"] = max(count, 1)
    own = attrs.evolve(draft, fields={**draft.fields, **fields}, parts=parts)
    return own.request_of(body["messages"])
