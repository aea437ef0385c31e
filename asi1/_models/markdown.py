"""
An answer as markdown, for those who read it in a notebook.

The text is the model's own markdown and stays as it is. All else that a server wrote is
shown literally, whatever is in it: it cannot end the block that it stands in.
"""

from __future__ import annotations

import re

from collections.abc import Iterable

from .json_text import replace_surrogates


__all__ = ["markdown"]

# What means nothing to markdown, to HTML or to the TeX that notebooks look for between
# dollar signs before they read the markdown.
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
        thoughts: Folded away above it.
        refusal: Why the model would not answer.
        calls: Name and arguments of each tool call.
        finish_reason: Told where there is nothing else to tell.
    """
    said = [text] if text.strip() else []
    if refusal:
        said.append(f"**Refused:** {_literal(refusal)}")
    said += [
        f"**Tool call:** <code>{_literal(name)}({_literal(arguments)})</code>"
        for name, arguments in calls
    ]
    if not said:
        ended = f", finish reason: {_literal(finish_reason)}" if finish_reason else ""
        said.append(f"*(no text{ended})*")
    if thoughts.strip():
        said.insert(0, _folded("Thoughts", thoughts))
    return replace_surrogates("\n\n".join(said))


def _folded(title: str, text: str) -> str:
    # On one line, since a blank one would end the HTML.
    inner = _literal(text.strip())
    return f"<details><summary>{title}</summary>{inner}</details>"


def _literal(text: str) -> str:
    """Write *text* so that it is shown as it is, on one line of source."""
    return "<br>".join(
        _SPECIAL.sub(lambda char: f"&#{ord(char[0])};", line)
        for line in text.splitlines()
    )
