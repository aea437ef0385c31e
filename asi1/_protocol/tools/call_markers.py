"""
Finds markers such as ``<tool_call>``, with which models begin tool calls in text.

A marker in markdown code does not count. Code is a fenced block or a span between
backticks. A span ends at the next run of equally many backticks in its paragraph;
without such a run, there is no span. So the rest of the paragraph may have to be read
before it is known whether a marker counts.
"""

from __future__ import annotations

import re

from attrs import define, field


__all__ = ["MARKERS", "OPENING", "TAGS", "MarkerFinder"]

TAGS = ("<tool_call>", "<|tool_call|>", "<|tool_call>", "<tool_call|>")
MARKERS = (*TAGS, "<function=", "<|python_tag|>", "[TOOL_CALLS]")
OPENING = re.compile("|".join(map(re.escape, MARKERS)))
_TOKEN = re.compile(rf"\n|`+|~+|{OPENING.pattern}")
# Matches what may precede a fence in its line: spaces, and signs of quotes and lists.
_INDENT = re.compile(r"[\s>*+\-\d.)]*+")


@define(eq=False)
class MarkerFinder:
    """
    Finds tool call markers outside of markdown code, in a text that arrives in pieces.

    Each part of the text is read at most twice.

    Attributes:
        at: The position up to which the text was read.
        found: The position of a marker outside of code; None if none was found.
        maybe: The position of the first marker that may or may not be in code; None if
            there is no such marker.
    """

    at: int = 0
    found: int | None = field(default=None, init=False)
    maybe: int | None = field(default=None, init=False)
    # Whether the current line has only an indent so far. False at first if reading
    # starts after a tool call.
    _indent: bool = field(init=False)
    # The sign and length of the last run of backticks or tildes; more of it may follow.
    _sign: str = field(default="", init=False)
    _run: int = field(default=0, init=False)
    # The fence of the current code block, and whether the current line may end the
    # block.
    _fence: tuple[str, int] | None = field(default=None, init=False)
    _closing: bool = field(default=False, init=False)
    # The length of the backtick run at the start of the current line, if the line may
    # be a fence, and the markers after this run.
    _maybe_fence: int = field(default=0, init=False)
    _after_fence: list[int] = field(factory=list, init=False)
    # The position and length of each backtick run in the paragraph, from the first
    # unclosed one on; a marker has length 0. At the paragraph's end, `_next` is the
    # index of the next token to look at, and `_closers` has the index of the run that
    # closes each run.
    _tokens: list[tuple[int, int]] = field(factory=list, init=False)
    _next: int = field(default=0, init=False)
    _closers: dict[int, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._indent = self.at == 0

    @property
    def is_idle(self) -> bool:
        """Whether `skim` may read a text without marker, backtick and tilde next."""
        return not (self._run or self._tokens or self._maybe_fence or self._closing)

    @property
    def safe(self) -> int:
        """The position up to which the text has no marker outside of code."""
        first = self.maybe if self.found is None else self.found
        return self.at if first is None else first

    def skim(self, text: str) -> None:
        """Read *text* fast: it has no marker, backtick or tilde. See `is_idle`."""
        line = text.rfind("\n") + 1
        if line or self._indent:
            self._indent = _INDENT.fullmatch(text, line) is not None
        self.at += len(text)

    def next_in(self, text: str) -> int | None:
        """
        Return the position of the next marker outside of code in *text*, which is
        complete; None if there is none.
        """
        if self.found is None:
            self.read(text, 0)
        if self.found is None:
            self._finish()
        return self.found

    def after(self, end: int) -> MarkerFinder:
        """Return a finder for the text from *end* on, where the found call ends."""
        if end >= self.at:
            return MarkerFinder(end)
        self.found = None
        while self._next < len(self._tokens) and self._tokens[self._next][0] < end:
            self._next += 1
        self._settle()
        return self

    def read(self, text: str, base: int) -> None:
        """Read *text*, which begins at *base*, from `at` to the next marker or end."""
        at = self.at - base
        for token in _TOKEN.finditer(text, at):
            start, sign = token.start(), text[token.start()]
            if (start > at or sign != self._sign) and self._pass(text, base, at, start):
                return
            at = token.end()
            if sign == "\n":
                self._end_line()
            elif sign in "`~":
                self._sign, self._run = sign, self._run + at - start
            else:
                self._meet(base + start)
            if self._stop(base + at):
                return
        if at == len(text) or not self._pass(text, base, at, len(text)):
            self.at = base + len(text)

    def _stop(self, at: int) -> bool:
        """
        Return whether a marker was found; if so, set `at` to read the text after it
        again.
        """
        if self.found is not None:
            self.at = at if self._tokens else self.found
        return self.found is not None

    def _pass(self, text: str, base: int, start: int, end: int) -> bool:
        """End a run of backticks or tildes; return whether a marker was found."""
        self._end_run(base + start)
        if self._stop(base + start):
            return True
        if start < end:
            if self._indent:
                self._indent = _INDENT.fullmatch(text, start, end) is not None
            self._closing = self._closing and text[start:end].isspace()
        return False

    def _end_run(self, end: int) -> None:
        sign, run = self._sign, self._run
        if not run:
            return
        self._sign, self._run = "", 0
        fence, self._indent = self._indent and run >= 3, False
        self._closing = False
        if self._fence:
            self._closing = fence and sign == self._fence[0] and run >= self._fence[1]
        elif sign == "~":
            if fence:
                self._end_paragraph()
                self._fence = sign, run
        elif fence:
            self._maybe_fence = run
        else:
            self._end_maybe_fence(end)
            self._add_run(end, run)

    def _end_maybe_fence(self, end: int) -> None:
        """Treat the run that may be a fence as code: a fence has no second run."""
        if self._maybe_fence:
            self._add_run(end, self._maybe_fence)
            after, self._maybe_fence, self._after_fence = self._after_fence, 0, []
            for marker in after:
                self._meet(marker)

    def _add_run(self, at: int, run: int) -> None:
        if self.found is not None:
            return
        if self._tokens and run == self._tokens[0][1]:
            self._tokens, self.maybe = [], None
        else:
            self._tokens.append((at, run))

    def _meet(self, at: int) -> None:
        """Record a marker outside of code, or one that may be; ignore one in code."""
        if self._fence or self.found is not None:
            return
        if not (self._tokens or self._maybe_fence):
            self.found = at
            return
        if self._maybe_fence:
            self._after_fence.append(at)
        else:
            self._tokens.append((at, 0))
        self.maybe = at if self.maybe is None else self.maybe

    def _end_line(self) -> None:
        if self._maybe_fence:
            self._end_paragraph()
            self._fence = "`", self._maybe_fence
            self._maybe_fence, self._after_fence = 0, []
        elif self._closing:
            self._fence, self._closing = None, False
        elif self._indent and not self._fence:  # the line is blank
            self._end_paragraph()
        self._indent = True

    def _finish(self) -> None:
        self._end_run(self.at)
        if self.found is None:
            self._maybe_fence, self._after_fence = 0, []
            self._end_paragraph()

    def _end_paragraph(self) -> None:
        last: dict[int, int] = {}
        for index in range(len(self._tokens) - 1, -1, -1):
            run = self._tokens[index][1]
            if run in last:
                self._closers[index] = last[run]
            last[run] = index
        self._settle()

    def _settle(self) -> None:
        """Find the next marker outside of code in a paragraph that has ended."""
        while self._next < len(self._tokens):
            at, run = self._tokens[self._next]
            if not run:
                self.found = at
                return
            self._next = self._closers.get(self._next, self._next) + 1
        self._tokens, self._next, self._closers, self.maybe = [], 0, {}, None
