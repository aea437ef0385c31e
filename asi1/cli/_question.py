"""
The question: from the command line, from standard input, or from both.

Standard input is read to its end if something is piped in, and never waited for where
nobody has piped anything.
"""

from __future__ import annotations

from typing import TextIO

import asi1


__all__ = ["read_question"]


def read_question(given: str | None, stdin: TextIO | None) -> str:
    """
    Put the question together.

    Args:
        given: What the command line says; ``-`` to read it all from *stdin*, also from
            a terminal; None for nothing.
        stdin: Standard input; None where it is closed.

    Returns:
        The question, with the piped text below it, after a blank line.

    Raises:
        asi1.ConfigurationError: There is no question, or it is no text.
    """
    alone = given == "-"
    said = "" if given is None or alone else given.strip()
    piped = _read(stdin, from_terminal=alone)
    question = "\n\n".join(part for part in (said, piped) if part.strip())
    if not question:
        raise asi1.ConfigurationError(
            'no question: write it behind the command, as in asi1 ask "Why?",'
            " or pipe it in"
        )
    return question


def _read(stdin: TextIO | None, *, from_terminal: bool) -> str:
    try:
        if stdin is None or (stdin.isatty() and not from_terminal):
            return ""
        return stdin.read().removeprefix("\ufeff").strip("\r\n")
    except UnicodeDecodeError as error:
        raise asi1.ConfigurationError(
            f"what is piped in is no text in {error.encoding}"
        ) from None
    except (OSError, ValueError):
        return ""  # closed, a folder, or open for writing only
