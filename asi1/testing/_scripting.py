"""
The methods with which a test scripts the replies of a `FakeASI1`.

The methods check their arguments at once, in the caller's thread; the plan of a reply
is made when its request arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Unpack

from ._answer import Answer, AnswerOptions
from ._checks import ensure
from ._faults.catalogue import FAULTS, find
from ._images import PIXEL, ImageReply, ImageShape
from ._plan import Framing, Step
from ._replies import (
    SSE,
    Cut,
    Failure,
    FailureOptions,
    Recorded,
    json_body,
    json_plan,
)
from ._request import RecordedRequest
from ._script import Script


__all__ = ["Scripting"]


def _step(value: object) -> str | None:
    return None if isinstance(value, Step) else "must be Head, Data, Pause and so on"


class Scripting:
    """
    The methods of `FakeASI1` that script replies.

    Args:
        script: Where the replies are queued.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    def faults(self) -> dict[str, str]:
        """Return the names of all faults, sorted, each with its description."""
        return {name: fault.about for name, fault in FAULTS.items()}

    def reply(
        self,
        text: str | Callable[[RecordedRequest], str] = "",
        *,
        times: int | None = 1,
        **options: Unpack[AnswerOptions],
    ) -> None:
        """
        Reply with an answer: a stream if the request asks for one, else JSON.

        Args:
            text: The text, or a function that makes it from the request; left out for
                an answer without text, such as one that calls tools.
            times: How many requests get the reply; None: all that find the queue empty.
            **options: Any of these.

                thoughts: The model's thoughts, in order; none by default.
                usage: Token counts; by default estimated from the lengths; an empty
                    dict for an answer without counts.
                generation: The format of the answer: ``"2025"`` as captured from the
                    service in that year, ``"guide"`` as in its first guide, or
                    ``"2026"`` as in that year's API reference. By default, that of the
                    fake; a fake without one sends ``"2025"``.
                finish_reason: Why the answer ends; ``"tool_calls"`` by default if it
                    has tool calls, else ``"stop"``.
                tool_calls: Calls in OpenAI's form, or just ``{"name": ...,
                    "arguments": ...}``; or a function that makes them from the request.
                    Arguments are a JSON string or a value; a string is sent as it is,
                    complete or not. A stream sends them in pieces of 8 characters. A
                    call without the key ``id`` gets a random id.
                delay: Seconds before the first byte.
                chunk_delay: Seconds after each event of a stream.
                chunk_words: Words in each chunk of a stream; 3 by default.
                repeat: How often the text is sent, for long answers; 1 by default.
                request_id: Value of ``x-request-id``; by default the answer's id.
                headers: Additional headers.
                extra: More members of the answer, such as ``plan_state`` or
                    ``executable_data``; a stream sends them before the text.

        Raises:
            TypeError: *text* or an option has a wrong type, or an option is unknown.
            ValueError: An option has an invalid value.
        """
        if not isinstance(text, str) and not callable(text):
            raise TypeError(
                "text: must be a str, or a function that makes one from the request,"
                f" not {text!r:.80}; chunk_words= sets the size of a stream's chunks,"
                " reply_json() replies with any body"
            )
        start = f"{text!r:.60}" if isinstance(text, str) else "a function"
        self._script.put(Answer(text=text, **options), times, f"reply({start})")

    def reply_json(
        self,
        body: Any,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> None:
        """
        Reply with any JSON body, even to a request for a stream.

        Args:
            body: A JSON value, or bytes that are sent unchanged.
            status: The HTTP status code.
            headers: Additional headers.
            times: How many requests get the reply; None: all that find the queue empty.

        Raises:
            TypeError: *body* cannot be encoded as JSON, or an option has a wrong type.
            ValueError: An option has an invalid value.
        """
        ensure("body", body, json_body)
        plan = json_plan(status, body, headers)
        self._script.put(lambda _: plan, times, f"reply_json({body!r:.60})")

    def image(
        self,
        image: bytes | str | None = None,
        *,
        shape: ImageShape | None = None,
        times: int = 1,
    ) -> None:
        """
        Reply to an image call with one image, as the fake also does without a script.

        Args:
            image: The image as bytes, or a URL to send in place of the image; by
                default, an image of one pixel.
            shape: The place of the image in the reply's JSON: ``"images.url"`` as
                documented, or one of the shapes that the service has sent:
                ``"images"``, ``"data.b64_json"``, ``"data.url"``, ``"image_url"`` and
                ``"url"``. None means ``"images.url"``, and for a fake of the generation
                "2026", ``"data.b64_json"``, or ``"data.url"`` for a URL.
            times: How many requests get the reply.

        Raises:
            TypeError: *image* is neither bytes nor a str.
            ValueError: *shape* is unknown, or has no place for a URL.
        """
        reply = ImageReply(image=PIXEL if image is None else image, shape=shape)
        self._script.put(reply, times, f"image(shape={shape!r})")

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
        Reply with a recorded body, which is sent unchanged.

        Args:
            source: The path of a file, or the bytes.
            cut: ``"whole"`` to send the body in one write, ``"bytes"`` in one write per
                byte, a number to cut it at random positions, with the number as seed.
                With chunked framing, each write is also one HTTP chunk.
            delay: Seconds before each write.
            content_type: Value of the content-type header.
            framing: How the end of the body is marked: ``"chunked"``, ``"length"`` or
                ``"close"``.
            times: How many requests get the reply; None: all that find the queue empty.

        Raises:
            OSError: The file cannot be read.
            TypeError: An option has a wrong type.
            ValueError: An option has an invalid value.
        """
        recorded = Recorded(
            source=source,
            cut=cut,
            delay=delay,
            content_type=content_type,
            framing=framing,
        )
        self._script.put(recorded, times, f"stream_of({source!r:.60})")

    def fail(
        self,
        status: int,
        *,
        times: int | None = 1,
        **options: Unpack[FailureOptions],
    ) -> None:
        """
        Reply with an error status.

        Args:
            status: The HTTP status code.
            times: How many requests get the reply; None: all that find the queue empty.
            **options: Any of these.

                retry_after: Value of ``retry-after``: seconds, or any string.
                message: The error's message.
                code: The error's code, a string or a number; left out by default.
                type: The error's type; left out by default.
                body: Replaces the JSON error: a string is sent as plain text, bytes
                    unchanged, any other value as JSON.
                headers: Additional headers.

        Raises:
            TypeError: An option is unknown, or has a wrong type.
            ValueError: An option has an invalid value.
        """
        self._script.put(Failure(status=status, **options), times, f"fail({status})")

    def fault(self, name: str, *, times: int | None = 1, **options: Any) -> None:
        """
        Reply with one of the faults that `faults` lists.

        Args:
            name: The fault's name.
            times: How many requests get the reply; None: all that find the queue empty.
            **options: The fault's options, as ``python -m asi1.testing --faults`` lists
                them.

        Raises:
            ValueError: No fault has this name, or an option has an invalid value.
            TypeError: The fault has no such option, or it has a wrong type.
        """
        self._script.put(find(name).recipe(**options), times, f"fault({name!r})")

    def play(self, *steps: Step, times: int | None = 1) -> None:
        """
        Reply with your own steps, such as `Head` and `Data`, if no fault is suitable.

        Args:
            *steps: `Head`, `Data`, `Pause` and so on; an `End` is added if needed.
            times: How many requests get the reply; None: all that find the queue empty.

        Raises:
            TypeError: A step is not one of these.
        """
        for step in steps:
            ensure("steps", step, _step)
        names = ", ".join(type(step).__name__ for step in steps)
        self._script.put(lambda _: steps, times, f"play({names})")
