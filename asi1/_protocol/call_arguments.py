"""The arguments of a tool call, whose JSON text grows with the chunks of a stream."""

import re

from types import ModuleType

from attrs import define

from .._fork_lock import run_apart_once


__all__ = ["Arguments", "merging"]

_ESCAPE = re.compile(r"\\.", re.DOTALL)


@run_apart_once
def merging() -> ModuleType:
    from .tools import merged_calls  # noqa: PLC0415 - rarely needed

    return merged_calls


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
        if "{" in piece and piece.lstrip().startswith("{") and self.whole:
            if piece == self._text:
                return False
            repeated = piece.strip() == "{}"
            self._earlier = self._earlier or []
            self._earlier.append(self._text)
            self._text, self._scanned = "", 0
            self._begun, self._depth = False, 0
        text, self._text = self._text, ""
        text += piece  # CPython appends to a str in place if nothing else refers to it
        self._text = text
        return piece != "" and not repeated

    def arguments(self) -> str:
        """Return the arguments so far; complete objects are merged into one."""
        if self._earlier and self.whole:
            self._text = merging().merged([*self._earlier, self._text])
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
