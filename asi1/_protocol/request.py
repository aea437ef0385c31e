"""
The request that a call's arguments make.

It holds only what the caller set, since the server answers 400 to fields that it does
not know. The transport adds the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import attrs

from attrs import field, frozen

from .._models.base_types import JSON
from .._models.errors import ArgumentError, ConfigurationError
from .._models.json_text import dump_json
from .._models.messages import Messages, wire_messages
from .._settings.config import (
    ClientConfig,
    check_headers,
    read_model,
    read_query,
    read_retry,
)
from .._settings.options import (
    BODY_OPTIONS,
    CALL_OPTIONS,
    check_options,
    checked_options,
    wrong,
)
from .._settings.retry import RetryPolicy
from .._settings.timeouts import Timeouts
from .._version import __version__


__all__ = ["Request", "chat_request", "plain_request"]

_HEADERS = {
    "user-agent": f"asi1-python/{__version__}",
    # Without compression, a reply cannot be larger than what came over the wire.
    "accept-encoding": "identity",
}
_ACCEPT = {
    False: "application/json",
    True: "text/event-stream, application/json;q=0.9",
}


@frozen(kw_only=True)
class Request:
    """
    The request of one call, which each of its tries sends.

    Attributes:
        url: With the query.
        headers: Names in lowercase; without the key.
        body: JSON text; None without one.
        wants: What the call returns: an answer, its chunks, or plain bytes.
        choices: The number of choices that the caller asked for.
        tokens: An estimate of what the call costs: a quarter of its bytes, plus
            ``max_tokens`` if the caller set that.
        idempotency_key: The same for every try; "auto" until the call draws one.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    wants: Literal["answer", "chunks", "bytes"]
    timeouts: Timeouts
    retry: RetryPolicy
    choices: int = 1
    tokens: int = 0
    idempotency_key: str | None = None


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
        ArgumentError: An argument is wrong; the message names it.
    """
    options = dict(config.options) | checked_options(options)
    if not isinstance(stream, bool):
        raise wrong("stream", "must be True or False", stream)
    chosen = config.model if model is None else _checked("model", read_model, model)
    body: dict[str, JSON] = {"model": chosen, "messages": wire_messages(messages)}
    body |= {name: options[name] for name in options if name in BODY_OPTIONS}
    if stream:
        body["stream"] = True
    body |= options.get("extra_body") or {}
    return _request(
        config,
        "POST",
        "/chat/completions",
        body=body,
        wants="chunks" if stream else "answer",
        options=options,
    )


def plain_request(
    config: ClientConfig,
    method: object,
    path: object,
    *,
    json: JSON,
    options: Mapping[str, Any],
) -> Request:
    """
    Build the request of a call to any endpoint; *path* begins with one slash.

    Raises:
        ArgumentError: As for `chat_request`.
    """
    check_options(options, known=CALL_OPTIONS)
    if not isinstance(method, str) or not (method.isascii() and method.isalpha()):
        raise wrong("method", "must be an HTTP method such as GET", method)
    if not isinstance(path, str) or not path.startswith("/") or "//" in path:
        raise wrong("path", "must begin with one slash, below the base URL", path)
    extra = options.get("extra_body")
    if extra:
        if json is not None and not isinstance(json, dict):
            raise wrong("extra_body", "needs a body that is an object", json)
        json = {**(json or {}), **extra}
    return _request(
        config,
        method.upper(),
        _escaped(path),
        body=json,
        wants="bytes",
        options=options,
    )


def _request(
    config: ClientConfig,
    method: str,
    path: str,
    *,
    body: JSON,
    wants: Literal["answer", "chunks", "bytes"],
    options: Mapping[str, Any],
) -> Request:
    headers = _HEADERS | {"accept": _ACCEPT[wants == "chunks"]}
    if body is not None:
        headers["content-type"] = "application/json"
    extra = _checked("extra_headers", check_headers, options.get("extra_headers") or {})
    headers |= config.headers
    if options.get("session_id") is not None:
        named = {"x-session-id": options["session_id"]}
        headers |= _checked("session_id", check_headers, named)
    headers |= extra
    written = None if body is None else _body(body)
    return Request(
        method=method,
        url=config.base_url + path + _query(config, options.get("extra_query") or {}),
        headers=headers,
        body=written,
        wants=wants,
        choices=options.get("n") or 1,
        tokens=len(written or b"") // 4 + (options.get("max_tokens") or 0),
        timeouts=_timeouts(config, options),
        retry=_retry(config, options.get("max_retries")),
        idempotency_key=_idempotency_key(options.get("idempotency_key")),
    )


def _escaped(path: str) -> str:
    try:
        return quote(path, safe="/%:@!$&'()*+,;=~-._")
    except UnicodeEncodeError:
        raise wrong("path", "contains a lone surrogate", path) from None


def _body(body: JSON) -> bytes:
    try:
        return dump_json(body)
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


def _query(config: ClientConfig, extra: Mapping[str, Any]) -> str:
    added = _checked("extra_query", read_query, extra)
    pairs = {**config.query, **added}
    texts = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in pairs.items()
    }
    try:
        return f"?{urlencode(texts)}" if texts else ""
    except UnicodeEncodeError:
        raise wrong("extra_query", "contains a lone surrogate", extra) from None


def _timeouts(config: ClientConfig, options: Mapping[str, Any]) -> Timeouts:
    if "timeout" not in options:
        return config.timeouts
    timeouts: Timeouts = _checked("timeout", Timeouts.of, options["timeout"])
    return timeouts


def _retry(config: ClientConfig, max_retries: int | None) -> RetryPolicy:
    if max_retries is None:
        return config.retry
    attempts = _checked("max_retries", read_retry, max_retries, None).attempts
    return attrs.evolve(config.retry, attempts=attempts)


def _idempotency_key(value: object) -> str | None:
    if value is None or value == "auto":
        return "auto" if value else None
    _checked("idempotency_key", check_headers, {"idempotency-key": value})
    if not 0 < len(str(value)) <= 255:
        raise wrong("idempotency_key", "must be 1 to 255 characters long", value)
    return str(value)


def _checked(argument: str, check: Callable[..., Any], *values: object) -> Any:
    """Run a check of the client's settings on an argument of one call."""
    try:
        named = (argument,) if check in (check_headers, read_query) else ()
        return check(*values, *named)
    except ConfigurationError as error:
        raise ArgumentError(error.message, argument=argument) from None
