"""
A reply into an answer or an error, and an event into a chunk.

A status of success is not believed: what is no answer becomes an error that carries the
server's own words, whatever the shape of its body.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from .._models import errors
from .._models import status_errors as refusals
from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.json_text import load_json
from .._models.response import ResponseInfo
from .._settings.retry import retry_after
from .._settings.secret import Secret
from .converter import decode
from .error_body import complaint, overlong


__all__ = [
    "body_kind",
    "is_done",
    "read_answer",
    "read_error",
    "read_event",
]

_BOM = b"\xef\xbb\xbf"
_KEPT = 64 * 1024
# Choices of one answer. Thousands of empty ones fit in little, and unfold to much.
_MOST_CHOICES = 1000
_STATUS = {
    400: refusals.BadRequestError,
    401: refusals.AuthenticationError,
    402: refusals.PaymentRequiredError,
    403: refusals.PermissionDeniedError,
    404: refusals.NotFoundError,
    409: refusals.ConflictError,
    413: refusals.RequestTooLargeError,
    422: refusals.UnprocessableEntityError,
    429: refusals.RateLimitError,
}
# Words for "used up", as code or type of a 429: waiting a minute does not help.
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
    Tell what a body is: by its type if that is clear, else by its first bytes.

    Args:
        content_type: The header, "" for none.
        head: The body's beginning; may be empty.
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
) -> refusals.APIStatusError:
    """
    Turn a reply without success into the error of its status.

    Args:
        info: Its account.
        body: Its body, of any shape.
        key: What the error must not show a part of.
        wall: The time now, in seconds since 1970.
    """
    status = info.status or 0
    value = _value(body, key) if len(body) <= _KEPT else _text(body, key)
    said = complaint(value, key)
    cls = _STATUS.get(status, refusals.APIStatusError)
    if status >= 500:
        cls = refusals.InternalServerError
    if status == 429 and {said.code, said.type} & _QUOTA:
        cls = refusals.QuotaExceededError
    more: dict[str, int | None] = {}
    if status == 400 and (told := overlong(said)):
        cls = refusals.ContextLengthError
        more = {"limit": told.limit, "requested": told.requested}
    message = said.message or _phrase(status)
    if 300 <= status < 400:
        target = info.headers.get("location", "nowhere")
        message = (
            f"redirected to {key.excerpt(target, 200)}; redirects are not followed"
        )
    return cls(
        message,
        status_code=status,
        code=said.code,
        type=said.type,
        param=said.param,
        body=value,
        retry_after=retry_after(info.headers, wall),
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
    Turn the body of a successful reply into the answer.

    Raises:
        APIResponseError: It is none: empty, null, a page, an error, without choices.
    """
    value = _value(body, key)
    if isinstance(value, dict) and not _is_error(value) and _has_choices(value):
        return decode(ChatCompletion, value)
    said = complaint(value, key)
    what = said.message if isinstance(value, dict | str) else ""
    if isinstance(value, dict) and not _is_error(value):
        what = "a JSON object without choices"
    if value is None:
        what = "null" if body.strip() else "an empty body"
    raise errors.APIResponseError(
        f"the reply ({info.status}) is not an answer: {what or 'JSON of another kind'}",
        code=said.code,
        type=said.type,
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
    # A chunk without choices is legal, and has at least an id.
    strange = "choices" not in value and "id" not in value
    return strange and any(value.get(key) for key in ("message", "detail"))


def is_done(data: bytes) -> bool:
    """Tell whether an event says that the stream is over."""
    return data.strip() == b"[DONE]"


def read_event(name: str, data: bytes, key: Secret) -> ChatCompletionChunk | None:
    """
    Turn one event of a stream into its chunk; None for an event without data.

    Args:
        name: The event's type, "message" if it has none.
        data: Its data lines, joined by line ends.
        key: What an error must not show a part of.

    Raises:
        ServerStreamError: It reports an error.
        StreamDecodeError: It is no chunk. Neither knows the partial answer yet.
    """
    if name != "error" and not data.strip():
        return None
    try:
        value = _event_value(data)
    except ValueError as error:
        if name == "error":
            text = data.decode("utf-8", "replace").strip()
            raise errors.ServerStreamError(
                text or "an error without a word", body=text
            ) from None
        raise _no_chunk(f"is no JSON ({error})", data, key) from None
    if name == "error" or (isinstance(value, dict) and _is_error(value)):
        said = complaint(value, key)
        raise errors.ServerStreamError(
            said.message or "an error without a word",
            code=said.code,
            type=said.type,
            body=value,
        )
    if not isinstance(value, dict):
        raise _no_chunk("is no JSON object", data, key)
    choices = value.get("choices")
    if choices is not None and not _all_objects(choices):
        raise _no_chunk("has choices that are no list of objects", data, key)
    return decode(ChatCompletionChunk, value)


def _event_value(data: bytes) -> JSON:
    try:
        return load_json(data)
    except ValueError:
        # A stream is UTF-8 by definition; what is none is replaced.
        text = data.decode("utf-8", "replace").encode()
        if text == data:
            raise
        return load_json(text)


def _all_objects(choices: JSON) -> bool:
    if not isinstance(choices, list) or len(choices) > _MOST_CHOICES:
        return False
    return all(choice is None or isinstance(choice, dict) for choice in choices)


def _no_chunk(what: str, data: bytes, key: Secret) -> errors.StreamDecodeError:
    snippet = key.excerpt(data.decode("utf-8", "replace"), 200)
    return errors.StreamDecodeError(f"an event of the stream {what}", snippet=snippet)
