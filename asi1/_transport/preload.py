"""Imports httpcore in a thread, since a slow import would block the event loop."""

from __future__ import annotations

import importlib
import sys

import anyio.to_thread

from .._fork_lock import no_fork


__all__ = ["preload_httpcore"]

# The modules of this package that import httpcore. If the last one is in `sys.modules`,
# all have been imported.
_MODULES = (f"{__package__}.http_pool", f"{__package__}.connect")


async def preload_httpcore() -> None:
    """Import httpcore, and the modules of this package that need it."""
    if _MODULES[-1] not in sys.modules:
        await anyio.to_thread.run_sync(_load)


def _load() -> None:
    with no_fork:
        for name in _MODULES:
            importlib.import_module(name)
