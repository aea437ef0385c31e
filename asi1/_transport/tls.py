"""
The TLS contexts of a process: each is created once, and shared by all clients.

The process cannot fork while a context is created, since the child would inherit
OpenSSL's locks in a locked state.
"""

from __future__ import annotations

import asyncio
import os
import ssl

from functools import partial
from typing import Any, Self

import certifi

from .._fork_lock import no_fork
from .._models.errors import ConfigurationError
from .event_loop import in_worker


__all__ = ["placeholder_context", "ssl_context", "undelivered"]

_contexts: dict[tuple[str | None, ...], ssl.SSLContext] = {}
_placeholders: list[ssl.SSLContext] = []


def placeholder_context() -> ssl.SSLContext:
    """Return a TLS context without certificates, for connections without TLS."""
    with no_fork:
        if not _placeholders:
            _placeholders.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return _placeholders[0]


async def ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """
    Return the TLS context that verifies the certificates of servers.

    Args:
        trust_env: Whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are used.

    Raises:
        ConfigurationError: A file or folder of the environment cannot be read.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
    values = tuple(os.environ.get(name) for name in names)
    if values not in _contexts:
        try:
            _contexts[values] = await in_worker(partial(_make, trust_env))
        except OSError as error:
            files = {name: os.environ.get(name) for name in (*names, "SSLKEYLOGFILE")}
            given = ", ".join(f"{name}={path}" for name, path in files.items() if path)
            raise ConfigurationError(
                f"a file of the environment ({given}) cannot be opened: {error}"
            ) from None
    return _contexts[values]


def _make(trust_env: bool) -> ssl.SSLContext:
    with no_fork:
        context = _verifying(trust_env)
    context.sslobject_class = _KeepingSSLObject
    return context


def _verifying(trust_env: bool) -> ssl.SSLContext:
    """Return a context that trusts the environment's certificates, else certifi's."""
    file, folder = map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if trust_env and file:
        return ssl.create_default_context(cafile=file)
    if trust_env and folder:
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


class _KeepingSSLObject(ssl.SSLObject):
    """
    The state of one TLS connection; it keeps what it has decrypted.

    asyncio and uvloop decrypt all records that have arrived, then deliver the bytes.
    If one record is broken, they drop the bytes of the records before it.
    """

    kept: list[bytes]

    def __new__(cls) -> Self:
        made = super().__new__(cls)
        made.kept = []
        return made

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - as ssl
        """Decrypt the next bytes; keep them until nothing is left to decrypt."""
        try:
            data = super().read(len, buffer)
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            self.kept.clear()
            raise
        if data:
            self.kept.append(data)
        else:
            self.kept.clear()
        return data


def undelivered(transport: asyncio.Transport) -> bytes:
    """Return bytes decrypted before a broken record: asyncio did not deliver them."""
    return b"".join(getattr(transport.get_extra_info("ssl_object"), "kept", ()))
