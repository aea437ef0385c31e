"""
Shows an answer: thoughts, a blank line, text, and a line of token counts and times.

The blank line between thoughts and text is written to the screen of the thoughts. So
the screen of the text gets only the text, and a line end after its last line.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import asi1

from ._terminal import Screen


__all__ = ["AnswerView", "View", "dollars", "follow", "summary"]


class AnswerView(Protocol):
    """Shows the thoughts and the text of an answer as they arrive."""

    def add(self, thought: str, text: str) -> None:
        """Show the new *thought*, then the new *text*; each of them may be empty."""

    def end(self) -> None:
        """Show all text that has arrived, and begin a new line."""


class View:
    """
    Shows the thoughts and the text of an answer as they arrive.

    Args:
        text: The screen for the text.
        thoughts: The screen for the thoughts, which may be the same screen as *text*;
            None to hide the thoughts.
    """

    def __init__(self, text: Screen, thoughts: Screen | None) -> None:
        self._text = text
        self._thoughts = thoughts
        self._thinking = False

    def add(self, thought: str, text: str) -> None:
        """Show the new *thought*, then the new *text*; each of them may be empty."""
        if thought and self._thoughts is not None:
            if not self._text.at_start and not self._thinking:
                self._thoughts.write("\n")
            self._thinking = True
            self._thoughts.dim(thought)
        if text:
            self._stop_thinking()
            self._text.write(text)

    def end(self) -> None:
        """Write a newline, unless the answer's last line already ends with one."""
        self._stop_thinking()
        self._text.end_line()

    def _stop_thinking(self) -> None:
        if self._thinking and self._thoughts is not None:
            self._thinking = False
            self._thoughts.end_line()
            self._thoughts.write("\n")


def follow(stream: asi1.ChatStream, view: AnswerView) -> asi1.ChatCompletion:
    """
    Show the chunks of a stream as they arrive, and return the complete answer.

    Raises:
        asi1.APIError: The call failed; the chunks that arrived before were shown.
    """
    try:
        with stream:
            for chunk in stream:
                view.add(chunk.thought, chunk.text)
            return stream.get_final_completion()
    finally:
        view.end()


def summary(
    answer: asi1.ChatCompletion, *, priced: bool = True, quiet: bool = False
) -> str:
    """
    Return a line about an answer: tokens, dollars if the price of the model is known,
    seconds, and a finish reason other than "stop".

    Args:
        answer: The answer.
        priced: Whether the line names the cost.
        quiet: Whether the line is "", except for an answer that a token limit has cut
            off: then it only says so.
    """
    if quiet:
        cut = answer.finish_reason == "length"
        return "the answer is cut off: it has reached the token limit" if cut else ""
    usage, response = answer.usage, answer.response
    tokens = "the server counted no tokens"
    if usage is not None:
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        tokens = f"{usage.total_tokens} tokens ({prompt} in, {completion} out)"
    parts = [tokens, *filter(None, [dollars(answer.cost if priced else None)])]
    if response.time_to_first_token is not None:
        parts.append(f"first token after {response.time_to_first_token:.2f} s")
    parts.append(f"{response.elapsed or 0.0:.2f} s in all")
    if answer.finish_reason not in {"stop", None}:
        parts.append(f"ended by {answer.finish_reason!r}")
    return ", ".join(parts)


def dollars(cost: Decimal | None) -> str:
    """Return *cost* with at least two significant digits; "" if *cost* is None."""
    if cost is None:
        return ""
    small = 0 < cost < Decimal("0.001")
    digits = 2 if cost >= 1 else 1 - cost.adjusted() if small else 4
    return f"${cost:.{digits}f}"
