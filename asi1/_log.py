"""
The ``asi1`` logger: silent by default; prompts and keys are never logged.

Exceptions of tools are logged as they are, with their messages and tracebacks.

``import asi1`` loads this module only if ``ASI1_LOG`` is set.
"""

from __future__ import annotations

import logging
import os

from collections.abc import Mapping


__all__ = ["logger"]

logger = logging.getLogger("asi1")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


def _set_up(env: Mapping[str, str]) -> None:
    """Log to standard error if ``ASI1_LOG`` is ``debug`` or ``info``; else nowhere."""
    logger.addHandler(logging.NullHandler())
    level = _LEVELS.get(env.get("ASI1_LOG", "").strip().lower())
    if level is not None:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(level)


_set_up(os.environ)
