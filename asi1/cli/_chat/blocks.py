"""
Splits markdown into blocks, and blocks into tokens for rich.

All text of an answer must be visible. So HTML and link definitions are shown as plain
text, an image is shown as its address, and line breaks are kept.
"""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token


__all__ = ["blocks_of", "tokens_of"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# Matches the start of a line if it shows what kind of block the line is in. It does not
# match "--", which may become a rule or a word, nor "```a", which may become code in a
# sentence.
_DECIDED = re.compile(r"\s*+(?![`~]).*[^\W\d_]")
_PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["strikethrough", "table"])
    .disable("reference")
)


def blocks_of(text: str) -> list[str]:
    """
    Return the blocks of *text*, at least one: paragraphs, lists, tables, code.

    The joined blocks equal *text*, whose lines end with newlines. Text that is added
    later can change only the last block, and may split it into several.
    """
    lines = _LINE.findall(text)
    end = text.rfind("\n") + 1
    decided = text if _DECIDED.match(text, end) else text[:end]
    starts = [
        token.map[0]
        for token in _PARSER.parse(decided)
        if token.level == 0 and token.nesting >= 0 and token.map
    ]
    bounds = [0, *starts[1:], len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(bounds)]


def tokens_of(block: str) -> list[Token]:
    """Return the tokens of *block*, in the form that rich's `Markdown` expects."""
    tokens = _PARSER.parse(block)
    for token in tokens:
        if token.children:
            token.children = list(_shown(token.children))
    return tokens


def _shown(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        # rich (15.0) shows an automatic link as its text and once more as its address.
        if token.info == "auto" and token.type in {"link_open", "link_close"}:
            continue
        if token.type == "softbreak":
            yield Token("hardbreak", "br", 0)
        elif token.type == "image":
            # rich (15.0) shows an image before the paragraph, without its address.
            source = str(token.attrs.get("src", ""))
            yield Token("text", "", 0, content=f"{token.content or 'image'} ({source})")
        else:
            yield token
