"""
Reads markdown: where its blocks begin, and the tokens that rich shows.

Nothing of an answer may get lost on the screen. So HTML and the definitions of links
are plain text, the address of an image is shown, and a line's end stays one.
"""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token


__all__ = ["blocks_of", "tokens_of"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# A line that is not complete, of which more letters cannot make another kind of block:
# "--" may become a rule or a word, and "```a" code in a sentence.
_DECIDED = re.compile(r"\s*+(?![`~]).*[^\W\d_]")
_PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["strikethrough", "table"])
    .disable("reference")
)


def blocks_of(text: str) -> list[str]:
    """
    Return the blocks of *text*, at least one: paragraphs, lists, tables, code.

    Together they are *text*, whose lines end with newlines. Text that is added later
    can change only the last block, which may turn out to be several.
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
    """Return the tokens of *block*, as rich's `Markdown` takes them."""
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
