"""
The methods by which a test says what shall be answered.

What they are given is checked here and now, in the caller's thread; the plan itself is
made when its request comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Unpack

from ._faults import FAULTS, find
from ._plan import Framing, Step
from ._replies import (
    SSE,
    Answer,
    AnswerOptions,
    Cut,
    Failure,
    FailureOptions,
    Recorded,
    json_plan,
)
from ._request import RecordedRequest
from ._script import Script


__all__ = ["Scripting"]


class Scripting:
    """
    The scripting half of `FakeASI1`.

    Args:
        script: What the replies are put into.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    def faults(self) -> dict[str, str]:
        """The names of all faults, sorted, each with one sentence about it."""
        return {name: fault.about for name, fault in FAULTS.items()}

    def reply(
        self,
        text: str | Callable[[RecordedRequest], str],
        *,
        times: int | None = 1,
        **options: Unpack[AnswerOptions],
    ) -> None:
        """
        Answer: as a stream if the request says ``"stream": true``, else as JSON.

        Args:
            text: The text, or a function that makes it from the request.
            times: How many requests get it; None makes it the standing reply.
            **options: Any of these.

                thoughts: The thoughts, in order; default none.
                usage: Token counts; default made up from the lengths, an empty dict
                    for an answer without.
                generation: The shape: ``"2025"`` as captured from the service in that
                    year (the default), ``"guide"`` of the first guide, ``"2026"``.
                finish_reason: Default ``"tool_calls"`` with tool calls, else
                    ``"stop"``.
                tool_calls: In OpenAI's form, or just ``{"name": ..., "arguments":
                    ...}``; arguments are a JSON text or a value.
                delay: Seconds before the first byte.
                chunk_delay: Seconds after each event of a stream.
                chunk_words: Words in a chunk of a stream, default 3.
                repeat: How often the text is said over, for long answers; default 1.
                request_id: Value of ``x-request-id``; default the answer's id.
                headers: More headers.

        Raises:
            TypeError: *text* is neither, or an option has an unknown name.
            ValueError: An option has an impossible value.
        """
        if not isinstance(text, str) and not callable(text):
            raise TypeError(
                "reply: a text, or a function that makes one from the request, was"
                f" expected, and not {text!r:.80}; chunk_words= cuts a stream into"
                " chunks, reply_json() answers with any body"
            )
        self._script.put(Answer(text=text, **options), times)

    def reply_json(
        self,
        body: Any,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> None:
        """
        Answer with any JSON body, whatever the request asks for.

        Args:
            body: A JSON value, or bytes to be sent as they are.
            status: The HTTP status code.
            headers: More headers.
            times: How many requests get it; None makes it the standing reply.

        Raises:
            TypeError: *body* is no JSON value.
        """
        plan = json_plan(status, body, headers)
        self._script.put(lambda _: plan, times)

    def stream_of(
        self,
        source: str | Path | bytes,
        *,
        cut: Cut = "whole",
        delay: float = 0.0,
        content_type: str = SSE,
        framing: Framing = "chunked",
        times: int | None = 1,
    ) -> None:
        """
        Play a recorded body back, byte for byte.

        Args:
            source: The path of a file, or the bytes.
            cut: ``"whole"`` for one write, ``"bytes"`` for a write for each byte, a
                number for writes cut at random places, the same for the same number.
                Each write is also a chunk of its own.
            delay: Seconds before each write.
            content_type: Value of the header.
            framing: How the end is told: ``"chunked"``, ``"length"`` or ``"close"``.
            times: How many requests get it; None makes it the standing reply.

        Raises:
            OSError: The file cannot be read.
            ValueError: An option has an impossible value.
        """
        recorded = Recorded(
            source=source,
            cut=cut,
            delay=delay,
            content_type=content_type,
            framing=framing,
        )
        self._script.put(recorded, times)

    def fail(
        self,
        status: int,
        *,
        times: int | None = 1,
        **options: Unpack[FailureOptions],
    ) -> None:
        """
        Refuse with an error status.

        Args:
            status: The HTTP status code.
            times: How many requests get it; None makes it the standing reply.
            **options: Any of these.

                retry_after: Value of ``retry-after``: seconds, or any text.
                message: The error's message.
                code: The error's code, a text or a number; left out by default.
                type: The error's type; left out by default.
                body: Replaces the JSON error: a text is sent as plain text, anything
                    else as JSON, bytes as they are.
                headers: More headers.

        Raises:
            TypeError: An option has an unknown name.
        """
        self._script.put(Failure(status=status, **options), times)

    def fault(self, name: str, *, times: int | None = 1, **options: Any) -> None:
        """
        Misbehave in one of the ways that `faults` lists.

        Args:
            name: The fault's name.
            times: How many requests get it; None makes it the standing reply.
            **options: The fault's own; its line in the documentation names them.

        Raises:
            ValueError: No fault has that name.
            TypeError: The fault has no such option.
        """
        self._script.put(find(name).recipe(**options), times)

    def play(self, *steps: Step, times: int | None = 1) -> None:
        """
        Act out steps of your own, for what no fault has a name for.

        Args:
            *steps: `Head`, `Data`, `Pause` and so on; the body's proper end is implied.
            times: How many requests get it; None makes it the standing reply.
        """
        self._script.put(lambda _: steps, times)
