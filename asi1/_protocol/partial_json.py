"""The value of a JSON text that has not arrived completely."""

from __future__ import annotations

import re

import jiter

from attrs import define, field

from .._models.base_types import JSON


__all__ = ["PartialValue"]

# Where a JSON object or array may begin.
_START = re.compile(r"[\[{]")
# Share of the text by which it must grow before it is parsed again. So all parsing
# together takes time linear in the text's length.
_GROWTH = 1 / 32
# A bracket before the JSON, such as one in a sentence, is skipped. Each possible start
# costs a search of the text, so only the first ones are tried.
_MOST_STARTS = 8


@define(eq=False)
class PartialValue:
    """
    Parses a growing JSON text.

    Attributes:
        key: The key of the value, if the text is an object with this key alone; None if
            the whole text is the value.
        value: The value of the text that was parsed last; None before the value begins.
    """

    key: str | None = None
    value: JSON = field(default=None, init=False)
    _parsed: int = field(default=0, init=False)

    def update(self, text: str, *, whole: bool) -> JSON:
        """
        Return the value of *text*.

        Args:
            text: The text so far: the last one, or one that continues it.
            whole: Whether *text* is complete; if not, `value` may be returned until
                some more text has arrived.
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
    """Return the first object or array in *text*, perhaps incomplete; None if none."""
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
