"""Saves the history of a conversation as JSON text, and loads it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._models.base_types import JSON
from ..._models.errors import ArgumentError
from ..._models.json_text import dump_json, load_json, replace_surrogates
from ..._models.response import Usage
from ..._settings.option_checks import check_options
from ..._settings.options import BODY_OPTIONS
from ..._settings.validators import wrong
from .history import COUNTS, History, stored
from .tokens import MOST_TOKENS, TokenEstimator
from .view import Summary


__all__ = ["from_json", "to_json"]

# The errors that `_read` and `load_json` raise for text that is not a conversation.
_READ_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

_KIND = "asi1.conversation"
_VERSION = 1
# Only options in the request's body, and ``session_id``, are saved: other options, such
# as headers, may contain secrets.
_SAVED_OPTIONS = BODY_OPTIONS | {"extra_body", "session_id"}


def to_json(history: History) -> str:
    """Return *history* as JSON text, on one line."""
    summary = history.summary
    value: dict[str, JSON] = {
        "kind": _KIND,
        "version": _VERSION,
        "model": history.model,
        "options": {k: v for k, v in history.options.items() if k in _SAVED_OPTIONS},
        "keep_reasoning": history.keep_reasoning,
        "session": history.session,
        "messages": list(history.messages),
        "summary": summary and {"text": summary.text, "upto": summary.upto},
        "samples": list(history.tokens.samples),
        "ceiling": history.ceiling,
        "usage": history.usage.to_dict(),
        "summary_usage": history.summary_usage.to_dict(),
    }
    return dump_json(value).decode()


def from_json(text: str | bytes) -> History:
    """
    Load a history that `to_json` saved.

    Raises:
        ArgumentError: *text* is not a saved conversation, or has a later version.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise wrong("saved", "must be the str that to_json() returned", text)
    try:
        data = text.encode() if isinstance(text, str) else bytes(text)
        return _read(load_json(data))
    except _READ_ERRORS as error:
        raise ArgumentError(
            f"saved: is not a conversation saved by asi1 ({error})", argument="saved"
        ) from None


def _read(value: JSON) -> History:
    if not isinstance(value, Mapping) or value.get("kind") != _KIND:
        raise ValueError(f"its kind is not {_KIND!r}")
    if value["version"] != _VERSION:
        raise ValueError(f"its version is {value['version']}, not {_VERSION}")
    messages, options, summary = value["messages"], value["options"], value["summary"]
    check_options(options, known=_SAVED_OPTIONS)
    samples = tuple((int(s), int(n), int(t)) for s, n, t in value["samples"])
    if any(not 0 <= count <= MOST_TOKENS for sample in samples for count in sample):
        raise ValueError("a token count is out of range")
    return History(
        messages=stored(messages) if messages else (),
        model=None if value["model"] is None else str(value["model"]),
        options=options,
        # Earlier versions of asi1 saved neither `keep_reasoning` nor `session`.
        keep_reasoning=value.get("keep_reasoning") is True,
        session=value.get("session") is True,
        summary=summary
        and Summary(replace_surrogates(str(summary["text"])), int(summary["upto"])),
        tokens=TokenEstimator(samples),
        ceiling=None if value["ceiling"] is None else int(value["ceiling"]),
        usage=_usage(value["usage"]),
        summary_usage=_usage(value["summary_usage"]),
    )


def _usage(value: Mapping[str, int | None]) -> Usage:
    counts: dict[str, Any] = {
        name: int(count) for name in COUNTS if (count := value.get(name)) is not None
    }
    return Usage(**counts)
