"""
Builds the request of a chat call from the call's arguments.

Besides the model, the body has only fields that the caller set, since the server
answers 400 to unknown fields. The transport adds the API key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.base_types import JSON, Tag
from .._models.errors import ArgumentError
from .._models.json_text import dump_json
from .._models.messages import Messages, sendable, wire_messages
from .._settings.config import ClientConfig, check_headers, read_model, read_query
from .._settings.option_checks import (
    as_argument,
    checked_options,
    read_idempotency_key,
    read_session_id,
    retry_of,
    timeouts_of,
    with_defaults,
)
from .._settings.options import BODY_OPTIONS
from .._settings.retry import RetryPolicy
from .._settings.timeouts import Timeouts
from .._settings.validators import not_given, wrong
from .._version import __version__


__all__ = [
    "ChatDraft",
    "Request",
    "chat_request",
    "draft_chat",
    "request_parts",
    "request_with",
]

_HEADERS = {
    "user-agent": f"asi1-python/{__version__}",
    # Asks for no compression, since a small compressed reply could fill the memory.
    "accept-encoding": "identity",
}
# A body of fewer bytes than this is copied, which saves memory.
_COPIED = 4 * 1024
_ACCEPT = {False: "application/json", True: "text/event-stream, application/json;q=0.9"}


# Not frozen: creating a frozen instance takes three times as long.
@define(kw_only=True, repr=False)
class Request:
    """
    The request of one call, sent by each of the call's attempts.

    Attributes:
        url: The URL with its query.
        headers: Headers without the API key; names in lowercase.
        body: The body as JSON; None for no body.
        stream: Whether the server is to send the answer in chunks.
        choices: The number of choices that the server is to send.
        tokens: Rough estimate of the tokens that the call uses: a quarter of its body's
            bytes, without images, plus ``max_tokens`` if given.
        limit: The most tokens of one choice's answer, ``max_tokens``; 0 if not given.
        model: The model that the body names; None if it names none.
        idempotency_key: Sent by every attempt; "auto" until a random key is made.
        cache: Whether the client's cache may answer the call, and keep the answer.
        operation: The kind of call; hooks see this, the model, and the fields below.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    stream: bool
    timeouts: Timeouts
    retry: RetryPolicy
    choices: int = 1
    tokens: int = 0
    limit: int = 0
    model: str | None = None
    idempotency_key: str | None = None
    cache: bool = True
    operation: str = "request"
    options: Mapping[str, Any] = field(factory=dict)
    tags: Mapping[str, Tag] = field(factory=dict)


@define(kw_only=True, repr=False)
class ChatDraft:
    """
    A chat request without its messages; it is checked once, for any number of calls.

    Attributes:
        options: The client's default options, overridden by the call's.
        parts: Fields of the `Request` that do not depend on its body.
        fields: Fields of the body other than the messages.
    """

    options: Mapping[str, Any]
    parts: Mapping[str, Any]
    fields: Mapping[str, JSON]

    def request(self, messages: Messages) -> Request:
        """
        Return the complete request, with *messages*.

        Raises:
            ArgumentError: A message is invalid, or a value cannot be written as JSON.
        """
        return self.request_of(wire_messages(messages))

    def request_of(self, messages: Sequence[Mapping[str, JSON]]) -> Request:
        """Return the complete request; *messages* already have the API's JSON form."""
        # `fields` come last: they include `extra_body`, which may replace any field.
        body = {"model": None, "messages": sendable(messages), **self.fields}
        return request_with(self.parts, body)


def draft_chat(
    config: ClientConfig,
    *,
    model: str | None,
    stream: object,
    options: Mapping[str, Any],
) -> ChatDraft:
    """
    Check all arguments of a chat call except its messages, and return the draft.

    Raises:
        ArgumentError: An argument is invalid; the error names it. Nothing was sent.
    """
    options = with_defaults(checked_options(options), config.options)
    stream = False if not_given(stream) else stream
    if not isinstance(stream, bool):
        raise wrong("stream", "must be True or False", stream)
    named = None if not_given(model) else as_argument("model", read_model, model)
    fields: dict[str, JSON] = {"model": named or config.model}
    fields |= {name: options[name] for name in options if name in BODY_OPTIONS}
    if stream:
        fields["stream"] = True
    fields |= options.get("extra_body") or {}
    path = "/chat/completions"
    parts = request_parts(config, "POST", path, stream=stream, options=options)
    parts |= {"operation": "chat", "options": options, "model": _model_in(fields)}
    parts["choices"] = _count(fields.get("n")) or 1
    return ChatDraft(options=options, parts=parts, fields=fields)


def chat_request(
    config: ClientConfig,
    *,
    messages: Messages,
    model: str | None,
    stream: object,
    options: Mapping[str, Any],
) -> Request:
    """
    Build the request of a chat call.

    Raises:
        ArgumentError: As for `draft_chat`, and for invalid messages.
    """
    draft = draft_chat(config, model=model, stream=stream, options=options)
    return draft.request(messages)


def request_parts(
    config: ClientConfig,
    method: str,
    path: str,
    *,
    stream: bool,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Return the fields of a `Request` that do not depend on its body.

    Raises:
        ArgumentError: An option is wrong.
    """
    headers = _HEADERS | {"accept": _ACCEPT[stream]}
    headers |= config.headers
    if options.get("session_id") is not None:
        headers |= read_session_id(options["session_id"])
    if options.get("extra_headers") is not None:
        extra = options["extra_headers"]
        headers |= as_argument("extra_headers", check_headers, extra)
    return {
        "method": method,
        "url": config.base_url + path + _query(config, options.get("extra_query")),
        "headers": headers,
        "stream": stream,
        "timeouts": timeouts_of(config, options),
        "retry": retry_of(config, options),
        "idempotency_key": read_idempotency_key(options.get("idempotency_key")),
        "cache": options.get("cache") is not False,
        "tags": {**config.tags, **(options.get("tags") or {})},
    }


def request_with(parts: Mapping[str, Any], body: JSON) -> Request:
    """
    Return the request with the fields *parts* and this *body*.

    Raises:
        ArgumentError: The body cannot be written as JSON.
    """
    if body is None:
        return Request(**parts, body=None)
    written = _body(body)
    headers = {"content-type": "application/json", **parts["headers"]}
    named = body if isinstance(body, dict) else {}
    limit = _count(named.get("max_tokens"))
    # Images are left out, since an image takes far fewer tokens than its bytes suggest.
    size = (_size_without_images() if b";base64," in written else len)(written)
    return Request(
        **{**parts, "headers": headers, "model": _model_in(named)},
        body=written,
        tokens=size // 4 + limit,
        limit=limit,
    )


def _model_in(body: Mapping[str, JSON]) -> str | None:
    model = body.get("model")
    return model if isinstance(model, str) else None


def _count(value: JSON) -> int:
    """Return *value* as a token count; 0 if `extra_body` set it to anything else."""
    try:
        return max(int(value), 0) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0


def _body(body: JSON) -> bytes:
    try:
        data = dump_json(body)
        # orjson 3.13 allocates 4 KiB for any shorter result, so a copy saves memory
        # while the call runs.
        return b"%b" % data if len(data) < _COPIED else data
    except ValueError as error:
        names = body if isinstance(body, dict) else {}
        argument = next((name for name in names if not _is_json(names[name])), "json")
        raise ArgumentError(
            f"{argument}: cannot be written as JSON ({error})", argument=argument
        ) from None


def _is_json(value: JSON) -> bool:
    try:
        dump_json(value)
    except ValueError:
        return False
    return True


def _query(config: ClientConfig, extra: object) -> str:
    if extra is None and not config.query:  # the usual case
        return ""
    added = {} if extra is None else as_argument("extra_query", read_query, extra)
    pairs = {**config.query, **added}
    texts = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in pairs.items()
    }
    return f"?{urlencode(texts)}" if texts else ""


@run_apart_once
def _size_without_images() -> Callable[[bytes], int]:
    from .._models.image_data import size_without_images  # noqa: PLC0415 - rarely needed

    return size_without_images
