"""
What an answer cache stores: a key made from the request, and the reply as bytes.

The cache keeps the body that the server sent, with its status and content type. So a
cached answer is read by the same code as a reply from the network.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from attrs import field, frozen

from .._models.base_types import JSON
from .._models.completion import ChatChoice, ChatCompletion, ToolCall
from .._models.generated_images import GeneratedImages
from .._settings.secret import Secret
from .request import Request


__all__ = ["KeptReply", "cache_key", "may_be_kept", "pack", "same_number", "unpack"]

# The version of the format that `pack` writes; `unpack` reads no other version.
_VERSION = 1
# The finish reasons, in lowercase, of answers that are complete.
_FINISHED = frozenset(
    {
        *("stop", "stop_sequence", "end_turn", "eos", "eos_token"),
        *("tool_calls", "function_call", "function_calling", "tool_use"),
    }
)
# Headers of a request that do not change the answer, or are new in each call.
_IGNORED = frozenset(
    {
        *("accept", "accept-encoding", "user-agent", "idempotency-key"),
        *("baggage", "traceparent", "tracestate"),
        *("x-client-request-id", "x-correlation-id", "x-request-id", "x-session-id"),
    }
)
# Matches the name of a header or query parameter that contains a credential.
_CREDENTIAL = re.compile(
    r"(?:.*[-_])?(?:auth|authorization|cookie|credentials?|passw(?:or)?d|secret"
    r"|sig|signature|token|(?:access|api|subscription)[-_]?key)|key",
    re.IGNORECASE,
)
# Headers of a reply that are kept with its body.
_KEPT_HEADERS = ("content-type", "x-request-id", "request-id")


@frozen
class KeptReply:
    """
    The reply of a server as a cache keeps it.

    Attributes:
        headers: Names in lowercase; only the content type and the request id.
        data: The body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False)


def cache_key(request: Request, key: Secret) -> str:
    """
    Return the key under which a cache keeps the answer to *request*: 64 hex digits.

    Requests with the same method, URL, body and headers have the same key. It makes no
    difference which credentials, session id or idempotency key they have, in which
    order the fields of the body are, and whether the answer is streamed.
    """
    url, _, query = request.url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    headers = request.headers.items()
    parts = [
        _VERSION,
        request.method,
        url,
        [pair for pair in pairs if not _CREDENTIAL.fullmatch(pair[0])],
        sorted(
            pair
            for pair in headers
            if pair[0] not in _IGNORED and not _CREDENTIAL.fullmatch(pair[0])
        ),
        _body(request.body or b"null", key),
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _body(body: bytes, key: Secret) -> JSON:
    text = body.decode()
    if key.is_plainly_in(text):
        text = key.redact(text)
    try:
        value: JSON = json.loads(text, parse_float=same_number)
    except ValueError:  # redacting the API key has broken the JSON
        return text
    if isinstance(value, dict):
        value.pop("stream", None)
    return value


def same_number(text: str) -> float:
    """Return the float in *text*; as an int if it is whole, so that 1.0 equals 1."""
    value = float(text)
    return int(value) if value.is_integer() else value


def may_be_kept(result: ChatCompletion | GeneratedImages, choices: int) -> bool:
    """
    Tell whether a cache may keep *result*: it is complete, useful and lasting.

    Not kept are answers that are empty, cut off, refused or filtered, that call a tool
    with broken arguments, or that say that the answer comes later; and images of which
    the server sent only the URL, since such URLs expire.

    Args:
        result: What the server sent.
        choices: The number of choices that the request asked for.
    """
    if isinstance(result, GeneratedImages):
        return bool(result.images) and all(each.data for each in result.images)
    whole = len(result.choices) >= choices and not result.deferred
    return whole and all(map(_is_whole, result.choices))


def _is_whole(choice: ChatChoice) -> bool:
    message = choice.message
    if (choice.finish_reason or "").lower() not in _FINISHED or message.refusal:
        return False
    if not message.tool_calls:
        return bool(message.content.strip())
    return all(map(_is_complete, message.tool_calls))


def _is_complete(call: ToolCall) -> bool:
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        return False
    return bool(call.function.name) and isinstance(arguments, dict)


def pack(reply: KeptReply) -> bytes:
    """Return *reply* as bytes: a line of JSON with its metadata, then its body."""
    kept = {k: reply.headers[k] for k in _KEPT_HEADERS if k in reply.headers}
    head = {
        "asi1": _VERSION,
        "status": reply.status,
        "headers": kept,
        "crc32": zlib.crc32(reply.data),
    }
    return json.dumps(head).encode() + b"\n" + reply.data


def unpack(data: bytes) -> KeptReply | None:
    """Return the reply in *data*; None if `pack` did not write exactly these bytes."""
    line, _, body = data.partition(b"\n")
    try:
        head = json.loads(line)
        version, status, crc = head["asi1"], head["status"], head["crc32"]
        headers = dict(_strings(head["headers"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if version != _VERSION or type(status) is not int or not 200 <= status < 300:
        return None
    return KeptReply(status, headers, body) if crc == zlib.crc32(body) else None


def _strings(headers: Mapping[str, JSON]) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if isinstance(value, str) and name in _KEPT_HEADERS:
            yield name, value
