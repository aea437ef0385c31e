"""
Finds the key, the base URL and the proxy in the command line and the environment.

These functions send nothing, and read only their arguments.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import asi1

from ..._settings.config import (
    BASE_URL,
    KEY_VARIABLES,
    is_loopback,
    read_base_url,
)
from ..._settings.secret import Secret
from ..._transport.proxies import needs_no_proxy
from .._service import url_source
from .finding import Finding


__all__ = ["Proxy", "find_key", "find_loop", "find_proxy", "find_url"]

_DASHBOARD = "create a key in your ASI:One dashboard at https://asi1.ai"
_PORTS = {"http": 80, "https": 443}


class Proxy(NamedTuple):
    """A proxy that the environment names; `url` may contain its password."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """The proxy's URL without user and password."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"


def find_key(options: Namespace, env: Mapping[str, str]) -> tuple[str | None, Finding]:
    """Return the API key (None if it is missing or invalid), and the finding."""
    names = (options.key_env,) if options.key_env else KEY_VARIABLES
    found = [name for name in names if env.get(name, "").strip()]
    if not found:
        cure = f"{_DASHBOARD}, and set the environment variable {names[0]} to it"
        if env.get("OPENAI_API_KEY"):
            cure += " (asi1 does not read OPENAI_API_KEY)"
        words = " and ".join(names)
        plural = "are" if len(names) > 1 else "is"
        return None, Finding("key", "failed", f"{words} {plural} not set", cure)
    facts = {"variable": found[0]}
    try:
        key = Secret(env[found[0]]).check(f"the environment variable {found[0]}")
    except asi1.ConfigurationError as error:
        cure = f"copy it again, or {_DASHBOARD}"
        return None, Finding("key", "failed", str(error), cure, facts)
    text = f"*** from the environment variable {found[0]}"
    if any(env[name].strip() != key.reveal() for name in found[1:]):
        text += f"; {found[1]} has another key, which is not used"
    return key.reveal(), Finding("key", "ok", text, facts=facts)


def find_url(options: Namespace, env: Mapping[str, str]) -> tuple[str | None, Finding]:
    """Return the base URL (None if it is invalid), and the finding."""
    source = url_source(options, env) or "the default"
    facts = {"source": source}
    try:
        url = read_base_url(options.base_url, env)
    except asi1.ConfigurationError as error:
        cure = f"write it as {BASE_URL}, or leave it out for {BASE_URL}"
        return None, Finding("base URL", "failed", str(error), cure, facts)
    text = f"{url}, {'' if source == 'the default' else 'from '}{source}"
    return url, Finding("base URL", "ok", text, facts={"url": url, **facts})


def find_proxy(
    url: str, env: Mapping[str, str], proxies: Mapping[str, str]
) -> tuple[Proxy | None, Finding]:
    """
    Return the proxy for calls to *url* (None if there is none), and the finding.

    Args:
        url: The base URL.
        env: The environment variables.
        proxies: The proxies by scheme, as `urllib.request.getproxies` returns them.
    """
    parts = urlsplit(url)
    scheme = parts.scheme if proxies.get(parts.scheme) else "all"
    given = proxies.get(scheme)
    if not given:
        return None, Finding("proxy", "skipped", "none is set for this URL")
    source = _variable(scheme, given, env)
    if is_loopback(parts.hostname or ""):
        text = f"{source} is not used, since the server is this machine"
        return None, Finding("proxy", "skipped", text)
    if needs_no_proxy(proxies.get("no", ""), url):
        text = f"{source} is not used, since NO_PROXY names the server"
        return None, Finding("proxy", "skipped", text)
    try:
        proxy = _read_proxy(given)
    except ValueError:
        cure = "write it as http://host:port, or unset it"
        return None, Finding("proxy", "failed", f"{source} is not a URL", cure)
    text = f"{proxy.shown}, from {source}; NO_PROXY does not name the server"
    return proxy, Finding("proxy", "ok", text, facts={"url": proxy.shown})


def find_loop(env: Mapping[str, str]) -> Finding | None:
    """Return the finding about ``ASI1_LOOP``; None if the variable is not set."""
    # Imported here, since it loads the blocking client.
    from ..._blocking.loop_thread import check_loop  # noqa: PLC0415

    if not env.get("ASI1_LOOP", "").strip():
        return None
    try:
        kind = check_loop(env)
    except asi1.ConfigurationError as error:
        cure = "unset ASI1_LOOP, or install uvloop"
        return Finding("event loop", "failed", str(error), cure)
    return Finding("event loop", "ok", f"{kind}, from ASI1_LOOP")


def _variable(scheme: str, value: str, env: Mapping[str, str]) -> str:
    name = f"{scheme}_proxy"
    found = (each for each in env if each.lower() == name and env[each] == value)
    return next(found, "the system's proxy")


def _read_proxy(text: str) -> Proxy:
    url = text if "://" in text else f"http://{text}"
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError
    port = parts.port or _PORTS.get(parts.scheme, 1080)
    return Proxy(url, parts.scheme, parts.hostname, port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
