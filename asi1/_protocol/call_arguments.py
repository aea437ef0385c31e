"""The arguments of a tool call, a JSON text that grows with the chunks of a stream."""

import json
import re

from collections.abc import Sequence

from attrs import define

from .._models.base_types import JSON
from .._models.json_text import json_text, load_json


__all__ = ["Arguments", "repeats"]

_ESCAPE = re.compile(r"\\.", re.DOTALL)


@define(eq=False)
class Arguments:
    """
    The JSON text of a tool call's arguments; tells whether the JSON is complete.

    Each character is scanned at most once, however often `whole` is read.
    """

    _text: str = ""
    # The complete JSON objects before the current one (see `add_text`). None instead of
    # an empty list: Python's garbage collector would scan the list of each tool call.
    _earlier: list[str] | None = None
    _scanned: int = 0
    _depth: int = 0
    _in_string: bool = False
    _begun: bool = False

    def add_text(self, piece: str) -> bool:
        """
        Append the fragment *piece*; after a complete JSON object, begin a new one.

        Some servers first send the arguments ``{}``, then the real arguments. Other
        servers send several objects, each with all or some of the arguments.

        Returns:
            False if *piece* is empty or only repeats the arguments, else True.
        """
        repeated = False
        if piece.lstrip().startswith("{") and self.whole:
            if piece == self._text:
                return False
            repeated = piece.strip() == "{}"
            self._earlier = self._earlier or []
            self._earlier.append(self._text)
            self._text, self._scanned = "", 0
            self._begun, self._depth = False, 0
        text, self._text = self._text, ""
        text += piece  # CPython appends in place if nothing else refers to the str
        self._text = text
        return bool(piece) and not repeated

    def arguments(self) -> str:
        """Return the arguments so far; complete objects are merged into one."""
        if self._earlier and self.whole:
            self._text = _merged([*self._earlier, self._text])
            self._earlier, self._scanned = None, len(self._text)
        return self._text

    @property
    def whole(self) -> bool:
        """Whether the text is a complete JSON object or list."""
        if self._scanned < len(self._text):
            self._scan()
        return self._begun and self._depth <= 0 and not self._in_string

    def _scan(self) -> None:
        text = _ESCAPE.sub("", self._text[self._scanned :])
        # An escape may be split after its backslash, which is then scanned again later.
        self._scanned = len(self._text) - text.endswith("\\")
        sections = text.split('"')
        outside = "".join(sections[self._in_string :: 2])
        opened = outside.count("{") + outside.count("[")
        self._depth += opened - outside.count("}") - outside.count("]")
        self._begun = self._begun or opened > 0
        if len(sections) % 2 == 0:
            self._in_string = not self._in_string


def _merged(texts: Sequence[str]) -> str:
    """Merge the JSON objects *texts*; return the last text if any is not an object."""
    merged: dict[str, JSON] = {}
    values = []
    for text in texts:
        try:
            value = load_json(text.encode())
        except ValueError:
            return texts[-1]
        if not isinstance(value, dict):
            return texts[-1]
        values.append(value)
        merged |= value
    same = (text for text, value in zip(texts, values, strict=True) if value == merged)
    return next(same, None) or json_text(merged)


def repeats(new: str, old: str) -> bool:
    """Whether *new* is the same JSON as *old*, or *old* is an empty object."""
    if old.strip() in ("{}", new):
        return True
    try:
        values = [load_json(t.encode()) for t in (new, old)]
        # In Python True == 1, so the values are compared as JSON text.
        texts = {json.dumps(value, sort_keys=True) for value in values}
    except ValueError:
        return False
    return len(texts) == 1 and isinstance(values[0], dict)
