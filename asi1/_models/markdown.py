"""
An answer as markdown, for display in a notebook.

The answer's text is the model's own markdown, of which only control and invisible
characters are changed. All other values from the server are escaped, so that none of
them can end its block early.
"""

from __future__ import annotations

import re

from collections.abc import Iterable

from .json_text import replace_surrogates
from .visible import visible


__all__ = ["markdown"]

# Characters to escape: all that have a meaning in markdown, in HTML, or in TeX, which
# notebooks look for between dollar signs before they parse the markdown.
_SPECIAL = re.compile(r"[^0-9A-Za-z\x80-\U0010ffff ,.;:?!'()-]")


def markdown(
    text: str,
    *,
    thoughts: str,
    refusal: str | None,
    calls: Iterable[tuple[str, str]],
    finish_reason: str | None,
) -> str:
    """
    Return an answer as markdown, with HTML for tool calls and thoughts.

    Args:
        text: The answer, in markdown.
        thoughts: The model's thoughts, shown collapsed above the answer.
        refusal: The model's explanation if it refuses to answer.
        calls: Name and arguments of each tool call.
        finish_reason: Shown only if there is no text, refusal or tool call.
    """
    blocks = [text] if text.strip() else []
    if refusal:
        blocks.append(f"**Refused:** {_escape(refusal)}")
    blocks += [
        f"**Tool call:** <code>{_escape(name)}({_escape(arguments)})</code>"
        for name, arguments in calls
    ]
    if not blocks:
        ended = f", finish reason: {_escape(finish_reason)}" if finish_reason else ""
        blocks.append(f"*(no text{ended})*")
    if thoughts.strip():
        blocks.insert(0, _collapsed("Thoughts", thoughts))
    return visible(replace_surrogates("\n\n".join(blocks)))


def _collapsed(title: str, text: str) -> str:
    # A blank line would end the HTML block, so the block is written on one line.
    inner = _escape(text.strip())
    return f"<details><summary>{title}</summary>{inner}</details>"


def _escape(text: str) -> str:
    """Escape *text*, so that it is shown literally; newlines become ``<br>``."""
    return "<br>".join(
        _SPECIAL.sub(lambda char: f"&#{ord(char[0])};", line)
        for line in text.splitlines()
    )
