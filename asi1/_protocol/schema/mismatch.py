"""The exception for a JSON value that does not fit its type, with the value's path."""

from __future__ import annotations

import json

from ..._models.base_types import JSON
from ..._models.json_text import json_text


__all__ = ["MismatchError", "excerpt", "json_path"]

_MOST_SHOWN = 60


class MismatchError(ValueError):
    """
    A JSON value does not fit the type that is expected at its place.

    Attributes:
        steps: The keys and indexes that lead to the value, the innermost first.
        expected: What is expected, such as "an integer".
        found: What is there instead: a JSON type and an excerpt of the value.
        words: The message of the class's own validator; "" if no validator failed.
    """

    def __init__(self, expected: str, found: str, words: str = "") -> None:
        super().__init__(expected, found, words)
        self.expected, self.found, self.words = expected, found, words
        self.steps: list[str | int] = []

    def inside(self, step: str | int) -> MismatchError:
        """Add the value's key or index in its container; return this exception."""
        self.steps.append(step)
        return self

    @property
    def path(self) -> str:
        """The path of the value, such as ``$.kids[0].age``."""
        return json_path(self.steps[::-1])

    def __str__(self) -> str:
        if self.words:
            return f"{self.path}: {self.words} (found {self.found})"
        return f"{self.path}: expected {self.expected}, found {self.found}"


def json_path(steps: list[str | int]) -> str:
    """Return keys and indexes as a path that starts with ``$``; long keys are cut."""
    parts = ["$"]
    for step in steps:
        if isinstance(step, str):
            key = step if len(step) <= _MOST_SHOWN else f"{step[:_MOST_SHOWN]}…"
            parts.append(f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]")
        else:
            parts.append(f"[{step}]")
    return "".join(parts)


def excerpt(value: JSON) -> str:
    """Return the JSON type of *value* and the first characters of its text."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        size = len(value)
        kind, part = ("object", "key") if isinstance(value, dict) else ("array", "item")
        return f"an {kind} with {size} {part}{'' if size == 1 else 's'}"
    # Only the beginning is encoded, since the complete value may be large.
    text = json_text(value[: _MOST_SHOWN + 1] if isinstance(value, str) else value)
    if len(text) > _MOST_SHOWN:
        text = f"{text[:_MOST_SHOWN]}…"
    names = {bool: "the boolean", str: "the string"}
    return f"{names.get(type(value), 'the number')} {text}"
