"""
Reads the answer or the error in an HTTP reply.

A 2xx status proves nothing: a reply that is not an answer becomes an error with the
server's own message, whatever the format of the body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from .._fork_lock import run_apart_once
from .._models import errors, status_errors
from .._models.base_types import JSON
from .._models.json_text import load_json
from .._models.response import ResponseInfo
from .._settings.secret import Secret
from .error_body import QUOTA_CODES, ErrorBody, find_error, read_error_body


if TYPE_CHECKING:
    from .context_overflow import ContextOverflow


__all__ = [
    "BOM",
    "MOST_CHOICES",
    "answer_value",
    "body_kind",
    "load_wait_of",
    "read_error",
]

BOM = b"\xef\xbb\xbf"
_KEPT = 64 * 1024
# Maximum number of choices in one answer, since an empty choice takes few bytes but
# becomes several objects.
MOST_CHOICES = 1000


def body_kind(content_type: str, head: bytes) -> Literal["events", "json", "other"]:
    """
    Return a body's format, from its content type, or else from its first bytes.

    Args:
        content_type: The ``content-type`` header; "" if missing.
        head: The first bytes of the body; may be empty.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return "events"
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    start = head.removeprefix(BOM).lstrip()
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
        body: The reply's body, in any format.
        key: The API key, which is redacted from excerpts in the error.
        wall: The current time, in seconds since 1970.
    """
    status = info.status or 0
    small = len(body) <= _KEPT
    kept = _value(body, key) if small else _text(body[: 2 * _KEPT], key)
    large = None if small else _large_error()(body, key)
    value, told = large or (kept, read_error_body(kept, key))
    cls = status_errors.error_class(status)
    if status == 429 and {told.code, told.type} & QUOTA_CODES:
        cls = status_errors.QuotaExceededError
    more: dict[str, int | None] = {}
    if status == 400 and (overflow := _context_overflow()(told)):
        cls = status_errors.ContextLengthError
        more = {"limit": overflow.limit, "requested": overflow.requested}
    message = told.message or _phrase(status)
    if 300 <= status < 400:
        target = key.excerpt(info.headers.get("location", "nowhere"), 200)
        message = f"redirected to {target}; redirects are not followed"
    return cls(
        message,
        status_code=status,
        code=told.code,
        type=told.type,
        param=told.param,
        body=kept,
        retry_after=load_wait_of()(info.headers, value, wall),
        response=info,
        **more,
    )


@run_apart_once
def load_wait_of() -> Callable[[Mapping[str, str], JSON, float], float | None]:
    from .retry_after import wait_of  # noqa: PLC0415 - most programs meet no error

    return wait_of


@run_apart_once
def _context_overflow() -> Callable[[ErrorBody], ContextOverflow | None]:
    from .context_overflow import context_overflow  # noqa: PLC0415

    return context_overflow


@run_apart_once
def _large_error() -> Callable[[bytes, Secret], tuple[JSON, ErrorBody] | None]:
    from .large_error import read_large_error  # noqa: PLC0415 - rarely needed

    return read_large_error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _value(body: bytes, key: Secret, load: Callable[[bytes], JSON] = load_json) -> JSON:
    try:
        return load(body.removeprefix(BOM))
    except ValueError:
        return _text(body, key)


def _text(body: bytes, key: Secret) -> str | None:
    text = key.excerpt(body.decode("utf-8", "replace").strip(), _KEPT)
    return text.encode()[:_KEPT].decode("utf-8", "ignore") or None


def answer_value(
    info: ResponseInfo, body: bytes, key: Secret, load: Callable[..., JSON] = load_json
) -> dict[str, JSON]:
    """
    Return the answer in the body of a reply with a 2xx status, as a JSON object.

    Raises:
        APIResponseError: The body is not an answer: it is empty, null, an HTML page or
            an error, or it has no choices.
    """
    value = _value(body, key, load)
    error = find_error(value) if isinstance(value, dict) else None
    if isinstance(value, dict) and error is None and _has_choices(value):
        return value
    told = read_error_body(value if error is None else error, key)
    what = told.message if isinstance(value, dict | str) else ""
    if isinstance(value, dict) and error is None and not what:
        what = "a JSON object without choices"
    if value is None:
        what = "null" if body.strip() else "an empty body"
    raise errors.APIResponseError(
        f"the reply ({info.status}) is not an answer: {what or 'JSON of another kind'}",
        code=told.code,
        type=told.type,
        param=told.param,
        body=value,
        retryable=error is not None and told.passing,
        response=info,
    )


def _has_choices(value: Mapping[str, JSON]) -> bool:
    choices = value.get("choices")
    if not isinstance(choices, list) or len(choices) > MOST_CHOICES:
        return False
    return any(isinstance(choice, dict) for choice in choices)
