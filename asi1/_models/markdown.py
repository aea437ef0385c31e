"""
An answer as markdown, for display in a notebook.

The text is the model's own markdown and stays unchanged. Everything else is escaped, so
that no value from the server can break out of its block.
"""

from __future__ import annotations

import re

from collections.abc import Iterable

from .json_text import replace_surrogates


__all__ = ["markdown"]

# Characters to escape: all but those that mean nothing to markdown, to HTML, or to the
# TeX that notebooks look for between dollar signs before they read the markdown.
_SPECIAL = re.compile(r"[^0-9A-Za-z\x80-\U0010ffff ,.;:?!'()-]")


def markdown(
    text: str,
    *,
    thoughts: str = "",
    refusal: str | None = None,
    calls: Iterable[tuple[str, str]] = (),
    finish_reason: str | None = None,
) -> str:
    """
    Return an answer as markdown with a little HTML.

    Args:
        text: The answer, in markdown.
        thoughts: Shown above the answer, collapsed.
        refusal: The model's explanation if it refuses to answer.
        calls: Name and arguments of each tool call.
        finish_reason: Shown only if there is nothing else to show.
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
    return replace_surrogates("\n\n".join(blocks))


def _collapsed(title: str, text: str) -> str:
    # A blank line would end the HTML block, so everything is put on one line.
    inner = _escape(text.strip())
    return f"<details><summary>{title}</summary>{inner}</details>"


def _escape(text: str) -> str:
    """Escape *text*, so that it is shown literally; newlines become ``<br>``."""
    return "<br>".join(
        _SPECIAL.sub(lambda char: f"&#{ord(char[0])};", line)
        for line in text.splitlines()
    )
