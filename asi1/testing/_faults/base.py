"""
Defines faults, and the functions that most faults share; does no I/O, reads no clock.

A fault is a function that makes a plan from a request. The function's name is the
fault's name, the first line of its docstring describes the fault, and its keyword
arguments are the fault's options.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from attrs import evolve, frozen

from .._answer import Answer
from .._checks import OPTION_CHECKS, ensure
from .._plan import Close, Data, Framing, Head, Plan, Stall
from .._replies import json_plan, sse_head
from .._request import Ask, Reading
from .._script import EarlyRecipe
from .._shapes import body


__all__ = [
    "TEXT",
    "AnswerParts",
    "Fault",
    "answer_parts",
    "data_steps",
    "faults",
    "odd_reply",
    "partial_answer",
    "stall",
    "with_events",
]


TEXT = "one two three four five six seven eight"

_ANSWER = Answer(text=TEXT, chunk_words=1)
_JSON_PIECES = 10  # number of parts into which a JSON body is split


@frozen
class Fault:
    """
    One way in which the fake server can misbehave.

    Attributes:
        name: The fault's name.
        about: One sentence that describes the fault.
        build: Makes the reply's plan from the request and the options.
        reading: Returns how the request is read, given the options; None for a fault
            that begins when the whole request has been read.
    """

    name: str
    about: str
    build: Callable[..., Plan]
    reading: Callable[..., Reading] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The names of the fault's options, with their defaults."""
        known = inspect.signature(self.build).parameters.values()
        return {option.name: option.default for option in list(known)[1:]}

    def recipe(self, **options: Any) -> Callable[[Ask], Plan]:
        """
        Return a function that makes the fault's plan for a request, with *options*.

        Raises:
            TypeError: The fault has no such option, or one has a wrong type.
            ValueError: A number is below 0, or an option cannot be sent.
        """
        signature = inspect.signature(self.build)
        signature.bind(None, **options)
        for name, value in options.items():
            check, kinds = OPTION_CHECKS[signature.parameters[name].annotation]
            ensure(name, value, check, *kinds)
        made = partial(self.build, **options)
        if self.reading is None:
            return made
        return EarlyRecipe(made, self.reading(**{**self.options, **options}))


def faults(
    *builds: Callable[..., Plan], reading: Callable[..., Reading] | None = None
) -> tuple[Fault, ...]:
    """Make a `Fault` from each function, with the function's name and description."""
    return tuple(_fault(build, reading) for build in builds)


def _fault(build: Callable[..., Plan], reading: Callable[..., Reading] | None) -> Fault:
    about = (inspect.getdoc(build) or "").split("\n\n")[0].replace("\n", " ")
    return Fault(build.__name__.lstrip("_"), about, build, reading)


@frozen
class AnswerParts:
    """
    A correct answer, cut into pieces that a fault can change.

    Attributes:
        head: The status line and the headers.
        opening: The pieces before the first word.
        words: The words, one in each piece; at least two pieces.
        finish: The piece with the finish reason.
        usage: The piece with the token counts.
        done: The piece that ends the stream.
    """

    head: Head
    opening: tuple[bytes, ...]
    words: tuple[bytes, ...]
    finish: tuple[bytes, ...] = ()
    usage: tuple[bytes, ...] = ()
    done: tuple[bytes, ...] = ()

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """All pieces of the body, in order."""
        return (
            *self.opening,
            *self.words,
            *self.finish,
            *self.usage,
            *self.done,
        )


def data_steps(*pieces: bytes) -> Plan:
    """Return steps that send *pieces*, each in a write of its own."""
    return tuple(Data(piece) for piece in pieces)


def answer_parts(
    context: Ask, framing: Framing = "chunked", *, stream: bool | None = None
) -> AnswerParts:
    """
    Return a short correct answer in pieces.

    A stream has `TEXT`, one word in each chunk. A JSON body is cut into ten pieces,
    which are all in `AnswerParts.words`.

    Args:
        context: The request.
        framing: How the end of the body is marked.
        stream: Whether to make a stream; None to do as the request asks.
    """
    content = _ANSWER.content(context)
    if context.stream if stream is None else stream:
        events = _ANSWER.events(content)
        return AnswerParts(
            _framed(sse_head(framing), events),
            opening=tuple(events[:1]),
            words=tuple(events[1:-3]),
            finish=(events[-3],),
            usage=(events[-2],),
            done=(events[-1],),
        )
    value = orjson.dumps(body(content))
    size = -(-len(value) // _JSON_PIECES)
    words = [value[at : at + size] for at in range(0, len(value), size)]
    head = Head(200, (("content-type", "application/json"),), framing)
    return AnswerParts(_framed(head, words), (), tuple(words))


def _framed(head: Head, pieces: list[bytes]) -> Head:
    size = sum(map(len, pieces)) if head.framing == "length" else 0
    return evolve(head, length=size)


def partial_answer(
    context: Ask, after_chunks: int, framing: Framing = "chunked"
) -> Plan:
    """
    Make the plan of a cut-off answer: the head and some of the words, but never all.

    Args:
        context: The request.
        after_chunks: The number of words to send.
        framing: How a complete body's end would be marked.
    """
    parts = answer_parts(context, framing)
    words = parts.words[: min(after_chunks, len(parts.words) - 1)]
    return parts.head, *data_steps(*parts.opening, *words)


def with_events(context: Ask, *events: bytes, after_chunks: int = 3) -> Plan:
    """Plan a stream, even for a JSON request; *events* follow *after_chunks* words."""
    parts = answer_parts(context, stream=True)
    before, after = parts.words[:after_chunks], parts.words[after_chunks:]
    rest = (*after, *parts.finish, *parts.usage, *parts.done)
    return parts.head, *data_steps(*parts.opening, *before, *events, *rest)


def odd_reply(context: Ask, value: bytes) -> Plan:
    """Plan a reply with *value* as a stream's chunk or as JSON body, as requested."""
    if context.stream:
        return with_events(context, b"data: %b\n\n" % value)
    return json_plan(200, value)


def stall(seconds: float | None) -> Plan:
    """Return steps that wait *seconds* (None: for ever), then close the connection."""
    return Stall(seconds), Close()
