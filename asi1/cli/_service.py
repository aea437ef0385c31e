"""
The server that a command calls: its key, its URL, and where both were set.

An error that the wrong server may have caused names the URL and its source, since an
environment variable that was set long ago is easily forgotten.
"""

from __future__ import annotations

import os

from argparse import Namespace
from collections.abc import Mapping

import asi1


__all__ = ["error_message", "open_client", "url_source"]

_NO_KEY = (
    "no API key: create one in your ASI:One dashboard at https://asi1.ai, then set the"
    " environment variable {name} to it (asi1 demo works without a key)"
)


def open_client(options: Namespace, max_retries: int | None = None) -> asi1.ASI1:
    """
    Return a client for the server of *options*.

    Raises:
        asi1.ConfigurationError: The key is missing, or the key or the URL is invalid.
    """
    name = _key_variable(options)
    if not os.environ.get(name, "").strip():
        raise asi1.ConfigurationError(_NO_KEY.format(name=name))
    key = os.environ[name] if options.key_env else None
    return asi1.ASI1(key, options.base_url, max_retries=max_retries)


def error_message(error: asi1.ASI1Error, options: Namespace) -> str:
    """Return the message of *error*, with a hint for some types of errors."""
    if isinstance(error, asi1.AuthenticationError):
        return f"{error} (is the key in {_key_variable(options)} valid?)"
    if isinstance(error, asi1.APIStatusError) and error.retry_after is not None:
        return f"{error} (the server asks to wait {error.retry_after:g} s)"
    if _is_about_server(error):
        return f"{error} ({_base_url(options)})"
    return str(error)


def _is_about_server(error: asi1.ASI1Error) -> bool:
    if isinstance(error, asi1.APITimeoutError):
        return error.phase == "connect"
    return isinstance(error, asi1.NotFoundError | asi1.APIConnectionError)


def _key_variable(options: Namespace) -> str:
    """Return the name of the key's variable; the first known one if none is set."""
    from .._settings.config import KEY_VARIABLES  # noqa: PLC0415 - loaded with the client

    if options.key_env:
        return str(options.key_env)
    found = (name for name in KEY_VARIABLES if os.environ.get(name, "").strip())
    return next(found, KEY_VARIABLES[0])


def url_source(options: Namespace, env: Mapping[str, str]) -> str:
    """Return where the base URL was set; "" if nowhere, which means the default."""
    from .._settings.config import URL_VARIABLES  # noqa: PLC0415 - as above

    if options.base_url is not None:
        return "--base-url"
    source = next((name for name in URL_VARIABLES if name in env), None)
    return "" if source is None else f"the environment variable {source}"


def _base_url(options: Namespace) -> str:
    from .._settings.config import read_base_url  # noqa: PLC0415 - as above

    url = read_base_url(options.base_url, os.environ)
    source = url_source(options, os.environ)
    return f"the base URL is {url}" + (f", from {source}" if source else "")
