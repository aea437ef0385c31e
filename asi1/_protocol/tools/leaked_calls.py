"""
Separates an answer's text from the tool calls that the model wrote into it as markup.

Some models write a call as markup, such as ``<tool_call>``, instead of ``tool_calls``.
Markup in markdown code is not a call: the model shows it as an example. The time is
linear in the length of the text.
"""

from __future__ import annotations

import itertools
import re

from collections.abc import Collection

from attrs import define, field, frozen

from ..._models.completion import FunctionCall
from .call_markers import MARKERS, OPENING, MarkerFinder
from .call_markup import Markup, MarkupReader


__all__ = ["LeakedText", "TextHold", "read_leaked_calls"]

_LONGEST = max(map(len, MARKERS))
# After this many markers outside of code, the text is not read on: no real answer has
# as many.
_MOST_MARKERS = 10_000
_SPECIAL = re.compile(r"[<\[`~]")


@frozen
class LeakedText:
    """
    The text of an answer, separated from the tool calls in the text.

    Attributes:
        text: The text without markup. Begins with the text that `TextHold.feed` has
            returned; only whitespace at its end may be missing.
        calls: The calls that were read, in order.
        unreadable: Why the first unreadable markup is not a call; None if there is no
            unreadable markup. Such markup is not in `text` either.
    """

    text: str
    calls: tuple[FunctionCall, ...]
    unreadable: str | None


def read_leaked_calls(text: str, names: Collection[str]) -> LeakedText:
    """
    Return *text* without the markup of tool calls, and the calls.

    If each argument has tags of its own, a value that is a JSON number, object, array,
    ``true``, ``false`` or ``null`` is copied into the arguments unchanged. Each other
    value is a string, including any quotes around it.

    Args:
        text: The complete text of an answer.
        names: The names of the known tools. Markup outside of ``<tool_call>`` is a call
            only if it names a known tool; otherwise it is text.
    """
    if not OPENING.search(text):
        return LeakedText(text, (), None)
    finder, reader, kept = MarkerFinder(), MarkupReader(text, names), 0
    parts: list[str] = []
    calls: list[FunctionCall] = []
    problems: list[str] = []
    for number in itertools.count():
        start = finder.next_in(text)
        if start is None:
            break
        if number < _MOST_MARKERS:
            markup = reader.calls_at(start)
        else:
            problem = f"there are more than {_MOST_MARKERS:,} markers of tool calls"
            markup = Markup([], len(text), problem)
        if markup is None:
            finder = finder.after(start + 1)
            continue
        parts.append(text[kept:start])
        calls += markup.calls
        problems += [markup.problem] if markup.problem else []
        kept = markup.end
        finder = finder.after(kept)
    if not parts:
        return LeakedText(text, (), None)
    parts.append(text[kept:])
    return LeakedText(_joined(parts), tuple(calls), next(iter(problems), None))


def _joined(parts: list[str]) -> str:
    """
    Join the text before, between and after calls.

    Whitespace after a call is dropped, with two exceptions: it stays if it has more
    line breaks than the whitespace before the call, and if the call directly follows
    text, without whitespace between them.
    """
    kept = parts[:1]
    for part in parts[1:]:
        if not part.strip():
            continue
        text = part.lstrip()
        before, after = kept[-1][len(kept[-1].rstrip()) :], part[: -len(text)]
        keep = before.count("\n") < after.count("\n") if before else kept[-1]
        kept.append(part if keep else text)
    text = "".join(kept)
    return text if parts[-1].strip() else text.rstrip()


@define(eq=False)
class TextHold:
    """
    Holds back streamed text from the first place at which a tool call may begin.

    After the stream, the caller shows what `LeakedText.text` has after the characters
    that `feed` returned; usually nothing.
    """

    _finder: MarkerFinder = field(factory=MarkerFinder, init=False)
    # The text that was not returned yet, which begins at `_shown`, and the incomplete
    # marker at its end.
    _held: list[str] = field(factory=list, init=False)
    _shown: int = field(default=0, init=False)
    _marker: str = field(default="", init=False)

    def feed(self, text: str) -> str:
        """Return all text that can be shown now that *text* has arrived."""
        finder = self._finder
        if not self._held and finder.is_idle and not _SPECIAL.search(text):
            finder.skim(text)
            self._shown += len(text)
            return text
        self._held.append(text)
        if finder.found is not None:
            return ""
        text = self._marker + text
        cut = _incomplete_marker(text)
        self._marker = text[cut:]
        finder.read(text[:cut], finder.at)
        return self._show(finder.safe)

    def rest(self) -> str:
        """Return the text that is held back."""
        return "".join(self._held)

    def _show(self, end: int) -> str:
        if end == self._shown:
            return ""
        held, cut = self.rest(), end - self._shown
        self._shown = end
        self._held = [held[cut:]] if cut < len(held) else []
        return held[:cut]


def _incomplete_marker(text: str) -> int:
    """Return where an incomplete marker at the end begins; else the text's end."""
    after = max(0, len(text) - _LONGEST)
    start = max(text.rfind("<", after), text.rfind("[", after))
    end = text[start:]
    begun = start >= 0 and any(m.startswith(end) and m != end for m in MARKERS)
    return start if begun else len(text)
