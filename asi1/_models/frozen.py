"""
The error for changing a frozen object, which tells how to make a changed copy.

Programs written for OpenAI's client may change answers in place, such as to redact
them. This module is loaded when a program tries to change one.
"""

from __future__ import annotations

import re

from typing import Any

import attrs

from attrs.exceptions import FrozenInstanceError


__all__ = ["frozen_error"]


def frozen_error(thing: object, name: str) -> FrozenInstanceError:
    """Return the error for setting or deleting the attribute *name* of *thing*."""
    kind: Any = type(thing)
    fields = [a.name for a in attrs.fields(kind) if a.init]
    if name not in fields:
        return _error(f"{kind.__name__} is frozen, and has no field {name!r}")
    words = re.findall("[A-Z][a-z]*", kind.__name__)
    called = kind.__name__ == "FunctionCall"
    word = words[0 if called else -1].lower()  # e.g. "message" for `ChatMessage`
    # Without ``wire=None``, ``wire`` of the copy would still have the old value.
    wire = ", wire=None" if "wire" in fields and name != "wire" else ""
    advice = f"attrs.evolve({word}, {name}=...{wire}) returns a changed copy"
    if called:  # programs append a stream's pieces to ``arguments``
        advice += "; stream.get_final_completion() has the whole tool calls"
    return _error(f"{kind.__name__} is frozen: {advice}")


def _error(message: str) -> FrozenInstanceError:
    # In attrs 26.1, ``FrozenInstanceError()`` takes no arguments, but its `__new__`
    # does.
    error = FrozenInstanceError.__new__(FrozenInstanceError, message)
    error.msg = message
    return error
