"""
Reads the answer or the error in an HTTP reply, and the chunk in a server-sent event.

A 2xx status proves nothing: a reply that is not an answer becomes an error with the
server's own message, whatever the shape of the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from .._models import errors, status_errors
from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.json_text import load_json
from .._models.response import ResponseInfo
from .._settings.secret import Secret
from .converter import decode
from .error_body import context_overflow, read_error_body


__all__ = [
    "body_kind",
    "is_done",
    "read_answer",
    "read_error",
    "read_event",
]

_BOM = b"\xef\xbb\xbf"
_KEPT = 64 * 1024
# Maximum number of choices in one answer, since an empty choice takes few bytes but
# becomes several objects.
_MOST_CHOICES = 1000
# Error codes and types of a 429 whose cause is a used-up quota, so that a retry after a
# short wait does not help.
_QUOTA = {
    "account_limit_exceeded",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_exhausted",
    "daily_limit_exceeded",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_quota",
    "monthly_limit_exceeded",
    "quota_exceeded",
    "spend_limit_exceeded",
    "usage_limit_exceeded",
}


def body_kind(content_type: str, head: bytes) -> Literal["events", "json", "other"]:
    """
    Return a body's kind, from its content type, or else from its first bytes.

    Args:
        content_type: The ``content-type`` header; "" if missing.
        head: The first bytes of the body; may be empty.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return "events"
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    start = head.removeprefix(_BOM).lstrip()
    if start.startswith((b"{", b"[")):
        return "json"
    if start.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return "events"
    return "other"


def read_error(
    info: ResponseInfo, body: bytes, key: Secret, *, wall: float
) -> status_errors.APIStatusError:
    """
    Return the error of a reply whose status is not 2xx.

    Args:
        info: The reply's metadata.
        body: The reply's body, of any shape.
        key: The API key, which is redacted from excerpts in the error.
        wall: The current time, in seconds since 1970.
    """
    from .retry_after import (  # noqa: PLC0415 - few calls fail
        retry_after,
        retry_after_in_body,
    )

    status = info.status or 0
    value = _value(body, key) if len(body) <= _KEPT else _text(body, key)
    told = read_error_body(value, key)
    cls = status_errors.error_class(status)
    if status == 429 and {told.code, told.type} & _QUOTA:
        cls = status_errors.QuotaExceededError
    more: dict[str, int | None] = {}
    if status == 400 and (overflow := context_overflow(told)):
        cls = status_errors.ContextLengthError
        more = {"limit": overflow.limit, "requested": overflow.requested}
    message = told.message or _phrase(status)
    if 300 <= status < 400:
        target = info.headers.get("location", "nowhere")
        message = (
            f"redirected to {key.excerpt(target, 200)}; redirects are not followed"
        )
    return cls(
        message,
        status_code=status,
        code=told.code,
        type=told.type,
        param=told.param,
        body=value,
        retry_after=retry_after(info.headers, wall) or retry_after_in_body(value),
        response=info,
        **more,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _value(body: bytes, key: Secret) -> JSON:
    try:
        return load_json(body.removeprefix(_BOM))
    except ValueError:
        return _text(body, key)


def _text(body: bytes, key: Secret) -> str | None:
    text = key.excerpt(body.decode("utf-8", "replace").strip(), _KEPT)
    return text.encode()[:_KEPT].decode("utf-8", "ignore") or None


def read_answer(info: ResponseInfo, body: bytes, key: Secret) -> ChatCompletion:
    """
    Return the answer in the body of a reply with a 2xx status.

    Raises:
        APIResponseError: The body is not an answer: it is empty, null, an HTML page or
            an error, or it has no choices.
    """
    value = _value(body, key)
    if isinstance(value, dict) and not _is_error(value) and _has_choices(value):
        return decode(ChatCompletion, value)
    told = read_error_body(value, key)
    what = told.message if isinstance(value, dict | str) else ""
    if isinstance(value, dict) and not _is_error(value):
        what = "a JSON object without choices"
    if value is None:
        what = "null" if body.strip() else "an empty body"
    raise errors.APIResponseError(
        f"the reply ({info.status}) is not an answer: {what or 'JSON of another kind'}",
        code=told.code,
        type=told.type,
        body=value,
        response=info,
    )


def _has_choices(value: Mapping[str, JSON]) -> bool:
    choices = value.get("choices")
    if not isinstance(choices, list) or len(choices) > _MOST_CHOICES:
        return False
    return any(isinstance(choice, dict) for choice in choices)


def _is_error(value: Mapping[str, JSON]) -> bool:
    if value.get("error"):
        return True
    if value.get("choices"):
        return False
    if value.get("code") is not None and value.get("message") is not None:
        return True
    # A valid chunk may have no choices, but then it has an id. So an object with
    # neither choices nor id is an error if it contains an error message.
    neither = "choices" not in value and "id" not in value
    return neither and any(value.get(key) for key in ("message", "detail"))


def is_done(data: bytes) -> bool:
    """Return whether an event's data is ``[DONE]``, which ends the stream."""
    return data.strip() == b"[DONE]"


def read_event(name: str, data: bytes, key: Secret) -> ChatCompletionChunk | None:
    """
    Return the chunk in one event of a stream; None for an event without data.

    Args:
        name: The event's type, "message" if it has none.
        data: The event's data lines, joined by newlines.
        key: The API key, which is redacted from excerpts in an error.

    Raises:
        ServerStreamError: The event reports an error.
        StreamDecodeError: The event is not a chunk. In both errors, the caller must set
            ``partial``.
    """
    if name != "error" and not data.strip():
        return None
    try:
        value = _event_value(data)
    except ValueError as error:
        if name == "error":
            text = data.decode("utf-8", "replace").strip()
            raise errors.ServerStreamError(
                text or "an error without a message", body=text
            ) from None
        raise _decode_error(f"is not valid JSON ({error})", data, key) from None
    if name == "error" or (isinstance(value, dict) and _is_error(value)):
        told = read_error_body(value, key)
        raise errors.ServerStreamError(
            told.message or "an error without a message",
            code=told.code,
            type=told.type,
            body=value,
        )
    if not isinstance(value, dict):
        raise _decode_error("is not a JSON object", data, key)
    choices = value.get("choices")
    if choices is not None and not _all_objects(choices):
        raise _decode_error("has choices that are not a list of objects", data, key)
    return decode(ChatCompletionChunk, value)


def _event_value(data: bytes) -> JSON:
    try:
        return load_json(data)
    except ValueError:
        # Event streams must be UTF-8, so bytes that are not valid UTF-8 become U+FFFD.
        text = data.decode("utf-8", "replace").encode()
        if text == data:
            raise
        return load_json(text)


def _all_objects(choices: JSON) -> bool:
    if not isinstance(choices, list) or len(choices) > _MOST_CHOICES:
        return False
    return all(choice is None or isinstance(choice, dict) for choice in choices)


def _decode_error(problem: str, data: bytes, key: Secret) -> errors.StreamDecodeError:
    snippet = key.excerpt(data.decode("utf-8", "replace"), 200)
    return errors.StreamDecodeError(
        f"an event of the stream {problem}", snippet=snippet
    )
