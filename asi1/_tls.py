"""Floor 4. The TLS context of a process: made once, and in a thread."""

from __future__ import annotations

import os
import ssl

import anyio.to_thread
import httpx

from ._errors import ConfigurationError


__all__ = ["ssl_context"]

_contexts: dict[tuple[str | None, ...], ssl.SSLContext] = {}


async def ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """
    Return the context that verifies servers.

    Args:
        trust_env: Whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count.

    Raises:
        ConfigurationError: The file or folder they name cannot be read.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
    values = tuple(os.environ.get(name) for name in names)
    if values not in _contexts:
        try:
            made = await anyio.to_thread.run_sync(
                lambda: httpx.create_ssl_context(trust_env=trust_env)
            )
        except OSError as error:
            files = {name: os.environ.get(name) for name in (*names, "SSLKEYLOGFILE")}
            given = ", ".join(f"{name}={path}" for name, path in files.items() if path)
            raise ConfigurationError(
                f"a file of the environment ({given}) cannot be opened: {error}"
            ) from None
        _contexts[values] = made
    return _contexts[values]
