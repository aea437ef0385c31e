"""
How an answer looks: its thoughts, a blank line, its text, a line of numbers.

What parts them is written where the thoughts go, so that the text's own stream holds
the text and nothing else, but for a line end after the last line.
"""

from __future__ import annotations

import asi1

from ._terminal import Screen


__all__ = ["View", "follow", "summary"]


class View:
    """
    An answer as it comes.

    Args:
        text: Where its text goes.
        thoughts: Where its thoughts go, which may be the same screen; None to leave
            them out.
    """

    def __init__(self, text: Screen, thoughts: Screen | None) -> None:
        self._text = text
        self._thoughts = thoughts
        self._thinking = False

    def add(self, thought: str, text: str) -> None:
        """Show the next piece of both, of which either may be empty."""
        if thought and self._thoughts is not None:
            if not self._text.at_start and not self._thinking:
                self._thoughts.write("\n")
            self._thinking = True
            self._thoughts.dim(thought)
        if text:
            self._stop_thinking()
            self._text.write(text)

    def end(self) -> None:
        """End the last line."""
        self._stop_thinking()
        self._text.end_line()

    def _stop_thinking(self) -> None:
        if self._thinking and self._thoughts is not None:
            self._thinking = False
            self._thoughts.end_line()
            self._thoughts.write("\n")


def follow(stream: asi1.ChatStream, view: View) -> asi1.ChatCompletion:
    """
    Show a stream as it comes, and return the whole answer.

    Raises:
        asi1.APIError: The call failed; what had come by then was shown.
    """
    try:
        with stream:
            for chunk in stream:
                view.add(chunk.thought, chunk.text)
            return stream.get_final_completion()
    finally:
        view.end()


def summary(answer: asi1.ChatCompletion) -> str:
    """Return one line about an answer: tokens, seconds, and an unusual end."""
    usage, response = answer.usage, answer.response
    tokens = "the server counted no tokens"
    if usage is not None:
        asked, said = usage.prompt_tokens, usage.completion_tokens
        tokens = f"{usage.total_tokens} tokens ({asked} in, {said} out)"
    parts = [tokens]
    if response.time_to_first_token is not None:
        parts.append(f"first token after {response.time_to_first_token:.2f} s")
    parts.append(f"{response.elapsed or 0.0:.2f} s in all")
    if answer.finish_reason not in {"stop", None}:
        parts.append(f"ended by {answer.finish_reason!r}")
    return ", ".join(parts)
