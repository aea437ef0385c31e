"""
What a fault is, and the parts that many faults are made of: pure.

A fault is a function from a request to a plan; its name is the fault's name, the first
line of its docstring the sentence about it, its keyword arguments the options.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from attrs import evolve, frozen

from .._plan import Close, Data, Framing, Head, Plan, Stall
from .._replies import Answer, json_plan, sse_head
from .._request import Ask
from .._shapes import body


__all__ = [
    "TEXT",
    "Fault",
    "Talk",
    "begun",
    "faults",
    "jammed",
    "laced",
    "odd",
    "spoken",
    "talk",
]


TEXT = "one two three four five six seven eight"

_ANSWER = Answer(text=TEXT, chunk_words=1)
_PARTS = 10  # pieces of a body that is no stream


@frozen
class Fault:
    """
    One way in which a server can misbehave.

    Attributes:
        name: Its name.
        about: One sentence about it.
        build: Makes the plan from the request and the options.
    """

    name: str
    about: str
    build: Callable[..., Plan]

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults."""
        known = inspect.signature(self.build).parameters.values()
        return {option.name: option.default for option in list(known)[1:]}

    def recipe(self, **options: Any) -> Callable[[Ask], Plan]:
        """
        Fix the options.

        Raises:
            TypeError: The fault has no such option.
        """
        inspect.signature(self.build).bind(None, **options)
        return partial(self.build, **options)


def faults(*builds: Callable[..., Plan]) -> tuple[Fault, ...]:
    """Make faults of functions, each named and described by its own."""
    return tuple(map(_fault, builds))


def _fault(build: Callable[..., Plan]) -> Fault:
    about = (inspect.getdoc(build) or "").split("\n\n")[0].replace("\n", " ")
    return Fault(build.__name__.lstrip("_"), about, build)


@frozen
class Talk:
    """
    An answer in pieces, ready to be spoilt.

    Attributes:
        head: The head.
        opening: What comes before the first word.
        words: The words, one to a piece, at least two pieces.
        finish: The piece that gives the finish reason.
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
        """The whole body."""
        return (
            *self.opening,
            *self.words,
            *self.finish,
            *self.usage,
            *self.done,
        )


def spoken(*pieces: bytes) -> Plan:
    """Make a piece of the body of each of *pieces*."""
    return tuple(Data(piece) for piece in pieces)


def talk(ask: Ask, framing: Framing = "chunked", *, stream: bool | None = None) -> Talk:
    """
    Make a short answer that a fault can be worked into.

    A stream says `TEXT` word for word. A JSON body is cut in ten pieces, all of which
    are its words.

    Args:
        ask: The request.
        framing: The framing.
        stream: Whether to make a stream; None is as the request asks for.
    """
    content = _ANSWER.content(ask)
    if ask.stream if stream is None else stream:
        events = _ANSWER.events(content)
        return Talk(
            _framed(sse_head(framing), events),
            opening=tuple(events[:1]),
            words=tuple(events[1:-3]),
            finish=(events[-3],),
            usage=(events[-2],),
            done=(events[-1],),
        )
    value = orjson.dumps(body(content, _ANSWER.generation))
    size = -(-len(value) // _PARTS)
    words = [value[at : at + size] for at in range(0, len(value), size)]
    head = Head(200, (("content-type", "application/json"),), framing)
    return Talk(_framed(head, words), (), tuple(words))


def _framed(head: Head, pieces: list[bytes]) -> Head:
    size = sum(map(len, pieces)) if head.framing == "length" else 0
    return evolve(head, length=size)


def begun(ask: Ask, after_chunks: int, framing: Framing = "chunked") -> Plan:
    """
    Make the beginning of an answer: the head and some words, never all of them.

    Args:
        ask: The request.
        after_chunks: How many words.
        framing: The framing.
    """
    parts = talk(ask, framing)
    words = parts.words[: min(after_chunks, len(parts.words) - 1)]
    return parts.head, *spoken(*parts.opening, *words)


def laced(ask: Ask, *events: bytes, after_chunks: int = 3) -> Plan:
    """Make a stream, whatever was asked for, with *events* after some words."""
    parts = talk(ask, stream=True)
    before, after = parts.words[:after_chunks], parts.words[after_chunks:]
    rest = (*after, *parts.finish, *parts.usage, *parts.done)
    return parts.head, *spoken(*parts.opening, *before, *events, *rest)


def odd(ask: Ask, value: bytes) -> Plan:
    """Make a stream with an odd chunk in it, or a JSON body that is as odd."""
    if ask.stream:
        return laced(ask, b"data: %b\n\n" % value)
    return json_plan(200, value)


def jammed(seconds: float | None) -> Plan:
    """Make the end of a reply that says nothing more."""
    return Stall(seconds), Close()
