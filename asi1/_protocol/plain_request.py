"""Builds the request of a call to any endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._models.base_types import JSON
from .._settings.config import ClientConfig
from .._settings.option_checks import checked_options
from .._settings.options import CALL_OPTIONS
from .._settings.validators import wrong
from .request import Request, request_parts, request_with


__all__ = ["plain_request"]


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
        ArgumentError: *method*, *path* or an option is wrong.
    """
    options = checked_options(options, known=CALL_OPTIONS)
    if not isinstance(method, str) or not (method.isascii() and method.isalpha()):
        raise wrong("method", "must be an HTTP method such as GET", method)
    if not isinstance(path, str) or not path.startswith("/") or "//" in path:
        raise wrong("path", "must begin with one slash, below the base URL", path)
    extra = options.get("extra_body")
    if extra:
        if json is not None and not isinstance(json, dict):
            raise wrong("extra_body", "needs a body that is an object", json)
        json = {**(json or {}), **extra}
    parts = request_parts(
        config, method.upper(), _escaped(path), stream=False, options=options
    )
    return request_with(parts, json)


def _escaped(path: str) -> str:
    try:
        return quote(path, safe="/%:@!$&'()*+,;=~-._")
    except UnicodeEncodeError:
        raise wrong("path", "contains a lone surrogate", path) from None
