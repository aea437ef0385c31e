"""
The ``asi1`` logger: silent by default; prompts and keys are never logged.

Exceptions of tools are logged as they are, with their messages and tracebacks.

``import asi1`` loads this module only if ``ASI1_LOG`` is set.
"""

from __future__ import annotations

import logging
import os
import warnings

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TextIO


__all__ = ["logger", "warn_of"]

logger = logging.getLogger("asi1")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


def warn_of(text: str, error: BaseException | None) -> None:
    """
    Tell the user that an object of theirs, such as a hook, is broken.

    The text is logged and, since logs are hidden by default, issued as a
    `RuntimeWarning`. If the program's filters turn warnings into errors, the error is
    not raised: a broken hook, cache or progress function fails no call.
    """
    logger.warning(text, exc_info=error)
    with suppress(RuntimeWarning):
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def _set_up(env: Mapping[str, str]) -> None:
    """Log to standard error if ``ASI1_LOG`` is ``debug`` or ``info``; else nowhere."""
    logger.addHandler(logging.NullHandler())
    level = _LEVELS.get(env.get("ASI1_LOG", "").strip().lower())
    if level is not None:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        handler.addFilter(partial(_is_alone, handler))
        logger.addHandler(handler)
        logger.setLevel(level)


def _is_alone(
    handler: logging.StreamHandler[TextIO], record: logging.LogRecord
) -> bool:
    """
    Whether no other handler writes *record* to the same stream.

    `logging.basicConfig` adds such a handler to the root logger, often after ``import
    asi1``; each line would then appear twice.
    """
    others = (*logger.handlers, *(logging.root.handlers if logger.propagate else ()))
    return not any(
        other is not handler
        and getattr(other, "stream", None) is handler.stream
        and record.levelno >= other.level
        for other in others
    )


_set_up(os.environ)
