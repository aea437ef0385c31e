"""
The settings of a client, checked before anything is sent.

The caller passes the environment in as a mapping. Every error names the source of the
invalid value, and no error shows a secret.
"""

from __future__ import annotations

import ipaddress
import re
import sys

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from .._models.base_types import JSON, Tag, fields_repr, public
from .._models.errors import ConfigurationError
from .retry import RetryPolicy
from .secret import Secret, hidden
from .timeouts import Timeouts
from .validators import flag, instance_of, number, query, setting, shown, whole_number


__all__ = [
    "BASE_URL",
    "KEY_VARIABLES",
    "URL_VARIABLES",
    "ClientConfig",
    "Limits",
    "check_headers",
    "is_loopback",
    "read_api_key",
    "read_base_url",
    "read_limits",
    "read_model",
    "read_query",
]

if TYPE_CHECKING:
    from .models import ModelInfo
    from .prices import Price

BASE_URL = "https://api.asi1.ai/v1"
KEY_VARIABLES = ("ASI_ONE_API_KEY", "ASI1_API_KEY")
_SOURCE = "keys are made in your ASI:One dashboard at https://asi1.ai"
URL_VARIABLES = ("ASI1_BASE_URL", "ASI_ONE_BASE_URL")
_ENDPOINT = "/chat/completions"
_BRACKETS = r"\[[0-9A-Fa-f:.]+\](?::[0-9]+)?"
_FRAMING = {"content-length", "transfer-encoding"}
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER_VALUE = r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?"


@public
@frozen(kw_only=True)
class Limits:
    """
    How many connections a client may have, in each event loop that uses the client.

    Attributes:
        max_connections: Most connections at once; further calls wait for a free
            connection, for at most ``Timeouts.pool`` seconds.
        keepalive_expiry: Seconds for which an idle connection may be reused.
    """

    max_connections: int = field(
        default=1000, validator=setting(whole_number(1), "limits")
    )
    keepalive_expiry: float = field(
        default=30.0, validator=setting(number(0), "limits")
    )

    __repr__ = fields_repr


@frozen(kw_only=True, eq=False, repr=False)
class ClientConfig:
    """
    All settings of a client; a client from `with_options` has a changed copy of them.

    Attributes:
        base_url: URL without a trailing slash; a call's path is appended to it.
        headers: Headers of every request, besides those that asi1 sets itself.
        query: Query parameters of every URL.
        options: Chat options that apply to a call unless the call overrides them.
        tags: Facts that hooks get with every call; never sent to the server.
        models: The user's facts about models, by name; they override `MODELS`.
        prices: The user's prices of models, by name; they override *models* and
            `PRICES`.
        max_event_bytes: Largest event of a stream, and largest reply body, in bytes.
        trust_env: Whether proxies and CA files are read from the environment.
    """

    api_key: Secret
    base_url: str = BASE_URL
    model: str = "asi1-mini"
    timeouts: Timeouts = field(factory=Timeouts)
    retry: RetryPolicy = field(
        factory=RetryPolicy, validator=setting(instance_of(RetryPolicy))
    )
    headers: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, str | int | float | bool] = field(factory=dict)
    options: Mapping[str, JSON] = field(factory=dict)
    tags: Mapping[str, Tag] = field(factory=dict)
    models: Mapping[str, ModelInfo] = field(factory=dict)
    prices: Mapping[str, Price] = field(factory=dict)
    max_event_bytes: int = field(
        default=16 * 1024 * 1024, validator=setting(whole_number(1))
    )
    limits: Limits = field(factory=Limits, validator=setting(instance_of(Limits)))
    trust_env: bool = field(default=True, validator=setting(flag))


def read_api_key(value: Any, env: Mapping[str, str]) -> Secret:
    """
    Return the API key from the argument *value*, else from the environment.

    Raises:
        ConfigurationError: There is no key, or the key is not valid.
    """
    # The key is wrapped before anything else, since a traceback may show the local
    # variables of this frame.
    value = hidden(value)
    found: list[tuple[str, Secret]] = [
        (n, hidden(env[n])) for n in KEY_VARIABLES if env.get(n, "").strip()
    ]
    env = {}
    if value is not None:
        if not isinstance(value, Secret):
            raise ConfigurationError(
                "api_key: must be a str, or a function that returns one, not"
                f" {value.__name__}"
            )
        if not value.reveal():
            raise ConfigurationError(
                "api_key: the API key is empty; pass your key, or leave api_key= out to"
                f" use the environment variable {KEY_VARIABLES[0]}; {_SOURCE}"
            )
        return value.check("api_key")
    if found:
        name, key = found[0]
        return key.check(f"the environment variable {name}")
    raise ConfigurationError(
        f"no API key: pass api_key=, or set the environment variable"
        f" {KEY_VARIABLES[0]} (or {KEY_VARIABLES[1]}); {_SOURCE}"
    )


def read_base_url(
    value: object, env: Mapping[str, str], *, insecure: object = False
) -> str:
    """
    Return the base URL from the argument, else from the environment, else the default.

    A URL without a path, with ``/v1``, or with ``/v1/chat/completions`` gives the same
    base URL; any other path stays a part of the base URL.

    Raises:
        ConfigurationError: The value is not an http(s) URL, has a user, a query or a
            fragment, or would send the key unencrypted over a network; or
            *insecure* is not a bool.
    """
    if not isinstance(insecure, bool):
        # Otherwise a str such as "no" would count as true, and http expose the API key.
        raise ConfigurationError(
            f"allow_insecure_http: {flag(insecure)}, not {shown(insecure)}"
        )
    source = "base_url"
    if value is None:
        value = BASE_URL
        for name in reversed(URL_VARIABLES):
            if name in env:
                source, value = f"the environment variable {name}", env[name]
    env = {}  # no traceback may show the environment
    if type(value).__name__ == "URL" and hasattr(value, "raw_path"):
        value = str(value)  # such as an httpx.URL
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(
            f"{source}: must be a non-empty str; leave it out for {BASE_URL}"
        )
    try:
        url = urlsplit(value.strip())
        port = url.port
    except ValueError as error:
        raise ConfigurationError(f"{source}: is not a URL ({error})") from None
    problem = _url_problem(url, value.strip(), insecure=insecure)
    if problem or port == 0:
        raise ConfigurationError(f"{source}: {problem or 'port 0 is not valid'}")
    path = url.path.rstrip("/").removesuffix(_ENDPOINT)
    return f"{url.scheme}://{url.netloc}{path or '/v1'}"


def _url_problem(url: SplitResult, text: str, *, insecure: bool) -> str | None:
    if url.scheme not in ("http", "https") or not url.hostname:
        return "needs http:// or https:// and a host"
    if "@" in url.netloc:
        return "must not contain a user or password; the key goes in api_key="
    if "[" in url.netloc and not re.fullmatch(_BRACKETS, url.netloc):
        return "has brackets around something that is not an IPv6 address"
    if "?" in text or "#" in text:
        return "must not contain a query or fragment; use default_query="
    if not all("!" <= char <= "~" for char in text):
        return "contains a space, a control character or a non-ASCII character"
    if url.scheme == "http" and not (insecure or is_loopback(url.hostname)):
        return (
            "would send the key unencrypted: use https://, or allow_insecure_http=True"
            " on a network of your own"
        )
    return None


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, without a DNS lookup."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_headers(headers: object, source: str) -> dict[str, str]:
    """
    Return *headers* as a dict with lowercase names.

    Raises:
        ConfigurationError: A name or value is not valid in HTTP, or only asi1 may set
            the header. The message does not show the value, which may be a secret.
    """
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{source}: must be a mapping of names to strings")
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(_HEADER_NAME, name):
            raise ConfigurationError(f"{source}: {name!r} is not a valid header name")
        if name.lower() in _FRAMING:
            raise ConfigurationError(f"{source}: {name!r} is set by asi1 itself")
        if not isinstance(value, str) or not re.fullmatch(_HEADER_VALUE, value):
            raise ConfigurationError(
                f"{source}: the value of {name!r} must be a str of printable ASCII"
                " characters on one line, without whitespace around it"
            )
    return {name.lower(): value for name, value in headers.items()}


def read_model(value: object) -> str:
    """
    Return *value* as a model's name: any non-empty str, since servers add models.

    Raises:
        ConfigurationError: *value* is not a str, is empty, or has a lone surrogate.
    """
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"model: must be the name of a model, not {shown(value)}"
        )
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise ConfigurationError("model: contains a lone surrogate")
    return value


def read_limits(value: Any) -> Any:
    """
    Return the `Limits` that a ``limits=`` argument stands for: the default for None,
    and those of an ``httpx.Limits``. Any other value is returned unchanged.
    """
    if value is None:
        return Limits()
    if not hasattr(value, "max_keepalive_connections"):
        return value
    most, expiry = value.max_connections, value.keepalive_expiry
    if value.max_keepalive_connections == 0:
        expiry = 0  # as in httpx, this closes each connection after its call
    return Limits(
        max_connections=sys.maxsize if most is None else most,
        keepalive_expiry=sys.float_info.max if expiry is None else expiry,
    )


def read_query(value: Any, source: str) -> dict[str, str | int | float | bool]:
    """
    Return *value* as the query parameters of a URL.

    Raises:
        ConfigurationError: *value* is not a mapping of names to strings, numbers or
            bools, or a URL cannot contain one of them.
    """
    if problem := query(value):
        raise ConfigurationError(f"{source}: {problem}")
    return dict(value)
