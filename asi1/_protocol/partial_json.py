"""Parses a JSON text of which only the beginning has arrived."""

from __future__ import annotations

import re

import jiter

from attrs import define, field

from .._models.base_types import JSON


__all__ = ["PartialValue"]

# Matches a bracket with which a JSON object or array may begin.
_START = re.compile(r"[\[{]")
# The text is parsed again when this share of it is new, so that all parsing together
# takes time linear in the text's length.
_GROWTH = 1 / 32
# Sentences before the JSON may have brackets, so the text is parsed from each opening
# bracket until a parse succeeds, but from this many brackets at most.
_MOST_STARTS = 8


@define(eq=False)
class PartialValue:
    """
    Parses a growing JSON text.

    Attributes:
        key: The key of the value, if the text is an object with this key alone; None if
            the whole text is the value.
        value: The value that was parsed last; None before the value begins.
    """

    key: str | None = None
    value: JSON = field(default=None, init=False)
    _parsed: int = field(default=0, init=False)

    def update(self, text: str, *, whole: bool) -> JSON:
        """
        Return the value of *text*, an incomplete or complete JSON text.

        Args:
            text: The text so far; begins with the text of the call before.
            whole: Whether *text* is complete; if not, the last `value` may be returned
                until *text* has grown more.
        """
        grown = len(text) - self._parsed
        if grown > 0 and (whole or grown >= _GROWTH * len(text)):
            self._parsed = len(text)
            found = _value_in(text)
            if found is not None:
                self.value = self._unwrapped(found)
        return self.value

    def _unwrapped(self, found: JSON) -> JSON:
        if self.key is None or not isinstance(found, dict) or found.keys() - {self.key}:
            return found
        return found.get(self.key)


def _value_in(text: str) -> JSON:
    """Return the first object or array in *text*, maybe incomplete; None if missing."""
    for number, start in enumerate(_START.finditer(text)):
        if number == _MOST_STARTS:
            break
        data = text[start.start() :].encode("utf-8", "replace")
        try:
            value: JSON = jiter.from_json(
                data, allow_inf_nan=False, partial_mode="trailing-strings"
            )
        except ValueError:
            continue
        return value
    return None
