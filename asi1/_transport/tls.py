"""
What a process makes once, in a thread, and never while it forks.

That is TLS contexts, and the HTTP library's core, which takes long to load.
"""

from __future__ import annotations

import importlib
import os
import ssl
import sys

import anyio.to_thread
import httpx

from .._fork_lock import no_fork
from .._models.errors import ConfigurationError


__all__ = ["blind_context", "load_core", "ssl_context"]

_contexts: dict[tuple[str | None, ...], ssl.SSLContext] = {}
_blind: list[ssl.SSLContext] = []


def blind_context() -> ssl.SSLContext:
    """Return the context that trusts nobody, for what never speaks TLS."""
    with no_fork:
        if not _blind:
            _blind.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return _blind[0]


async def load_core() -> None:
    """Load what httpx needs for its first connection, before it does so on the loop."""
    if f"{__package__}.connect" not in sys.modules:
        await anyio.to_thread.run_sync(_load)


def _load() -> None:
    with no_fork:
        for module in (".http_pool", ".connect"):
            importlib.import_module(module, __package__)


async def ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """
    Return the context that verifies servers; it is made in a thread.

    Args:
        trust_env: Whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count.

    Raises:
        ConfigurationError: The file or folder they name cannot be read.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
    values = tuple(os.environ.get(name) for name in names)
    if values not in _contexts:
        try:
            _contexts[values] = await anyio.to_thread.run_sync(_make, trust_env)
        except OSError as error:
            files = {name: os.environ.get(name) for name in (*names, "SSLKEYLOGFILE")}
            given = ", ".join(f"{name}={path}" for name, path in files.items() if path)
            raise ConfigurationError(
                f"a file of the environment ({given}) cannot be opened: {error}"
            ) from None
    return _contexts[values]


def _make(trust_env: bool) -> ssl.SSLContext:
    with no_fork:
        return httpx.create_ssl_context(trust_env=trust_env)
