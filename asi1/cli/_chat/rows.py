"""
Renders a block of markdown as rows of text for the terminal.

rich does not filter text: a link such as ``%1b]52;`` becomes an escape sequence when
rich's parser decodes it, and an HTML entity can be any character. So control characters
in each row are replaced after it was rendered, and rows have no terminal links.
"""

from __future__ import annotations

import io

from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.segment import Segment, Segments
from rich.syntax import Syntax
from rich.table import Table
from rich.theme import Theme

from ..._models.visible import visible
from .._terminal import escaped
from .blocks import tokens_of


__all__ = ["console_of", "rows_of"]

# rich (15.0) raises, or never ends, if a table or a list has no room at all.
_NARROWEST = 10


class _Code(CodeBlock):
    """A block of code without padding, which would be copied together with the code."""

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme=self.theme, word_wrap=True)


class _Heading(Heading):
    """A heading that is aligned left, not centred."""

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> RenderResult:
        yield self.text


class _Table(TableElement):
    """A table that breaks long words instead of cutting them off."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Markdown(Markdown):
    """Markdown in the terminal's own colours, on its own background."""

    elements = {  # noqa: RUF012 - as in the base class
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Heading,
        "table_open": _Table,
    }

    def __init__(self, block: str) -> None:
        super().__init__(
            "",
            code_theme="ansi_dark",
            hyperlinks=False,
        )
        self.parsed = tokens_of(block)


class _Likeness(io.StringIO):
    """Tells rich the properties of a terminal, and drops all that rich writes."""

    encoding = "utf-8"

    def __init__(self, terminal: TextIO) -> None:
        super().__init__()
        self._terminal = terminal
        self.encoding = terminal.encoding or "utf-8"

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def write(self, text: str) -> int:
        return len(text)


def console_of(terminal: TextIO) -> Console:
    """Return a console for `rows_of`, like *terminal*; it writes nothing there."""
    # rich does not get the terminal: rich (15.0) ends the program if a terminal is
    # gone.
    file = _Likeness(terminal)
    # rich (15.0) gives code in a sentence a black background, even on a white terminal.
    theme = Theme({"markdown.code": "bold cyan"})
    return Console(file=file, theme=theme, highlight=False, legacy_windows=False)


def rows_of(block: str, console: Console) -> list[str]:
    """Return the rows of a block of markdown, with ANSI codes for its colours."""
    width = max(console.width, _NARROWEST)
    options = console.options.update(width=width, height=None)
    rendered = console.render_lines(_Markdown(block), options, pad=False)
    lines = [_stripped(_safe(line, console.encoding)) for line in rendered]
    # rich (15.0) puts empty rows around tables and code.
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    with console.capture() as capture:
        for line in lines:
            segments = Segments([*line, Segment.line()])
            console.print(segments, end="", soft_wrap=True)
    return capture.get().split("\n")[:-1]


def _safe(line: Iterable[Segment], encoding: str) -> Iterator[Segment]:
    for text, style, control in line:
        if control is None:
            shown = visible(text).replace("\n", " ")
            shown = escaped(shown, encoding)
            yield Segment(shown, style.update_link(None) if style else None)


def _stripped(line: Iterable[Segment]) -> list[Segment]:
    """Return *line* without the spaces with which rich fills it up to the width."""
    segments = list(line)
    while segments and _is_plain(segments[-1]):
        text = segments[-1].text.rstrip(" ")
        if text:
            return [*segments[:-1], Segment(text, segments[-1].style)]
        segments.pop()
    return segments


def _is_plain(segment: Segment) -> bool:
    style = segment.style
    return style is None or not (style.bgcolor or style.underline or style.reverse)
