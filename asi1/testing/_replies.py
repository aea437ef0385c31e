"""
The well-behaved replies, each a pure function from a request to a plan.

What a reply is made of is checked when it is scripted, in the caller's thread, so that
a slip shows where it was made and not as an odd answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from string import ascii_letters, digits, hexdigits
from typing import Any, Literal, TypeAlias, TypedDict

import orjson

from attrs import field, frozen
from attrs.validators import ge, in_

from ._plan import Data, Framing, Head, Pairs, Pause, Plan, Step
from ._request import Ask, RecordedRequest
from ._shapes import Content, Generation, body, chunks


__all__ = [
    "DONE",
    "SSE",
    "Answer",
    "AnswerOptions",
    "Cut",
    "Failure",
    "FailureOptions",
    "Recorded",
    "event",
    "json_plan",
    "sse_head",
    "whole",
]


SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"

Cut: TypeAlias = Literal["whole", "bytes"] | int
_Headers: TypeAlias = Mapping[str, str] | None


def event(value: Any) -> bytes:
    """Make one server-sent event of a JSON value."""
    return b"data: %b\n\n" % orjson.dumps(value)


def whole(
    status: int, content_type: str, content: bytes, headers: _Headers = None
) -> Plan:
    """Make a reply whose body is sent in one piece, with its length."""
    pairs = (("content-type", content_type), *_pairs(headers))
    return Head(status, pairs, "length", len(content)), Data(content)


def json_plan(status: int, value: Any, headers: _Headers = None) -> Plan:
    """Make a JSON reply; bytes are taken for JSON as they are."""
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return whole(status, "application/json", content, headers)


def sse_head(framing: Framing = "chunked", content_type: str = SSE) -> Head:
    """Make the head of a stream."""
    pairs = (("content-type", content_type), ("cache-control", "no-cache"))
    return Head(200, pairs, framing)


def _pairs(headers: _Headers) -> Pairs:
    return tuple((name.lower(), value) for name, value in (headers or {}).items())


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class AnswerOptions(TypedDict, total=False):
    """Options of `FakeASI1.reply`, which describes them."""

    thoughts: str | Sequence[str]
    usage: Mapping[str, Any] | None
    generation: Generation
    finish_reason: str | None
    tool_calls: Sequence[Mapping[str, Any]]
    delay: float
    chunk_delay: float
    chunk_words: int
    repeat: int
    request_id: str | None
    headers: Mapping[str, str] | None


@frozen(kw_only=True)
class Answer:
    """An answer to a chat request, in the form that the request asks for."""

    text: str | Callable[[RecordedRequest], str]
    thoughts: tuple[str, ...] = field(default=(), converter=_texts)
    usage: Mapping[str, Any] | None = None
    generation: Generation = field(
        default="2025", validator=in_(("2025", "2026", "guide"))
    )
    finish_reason: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    delay: float = field(default=0.0, validator=ge(0))
    chunk_delay: float = field(default=0.0, validator=ge(0))
    chunk_words: int = field(default=3, validator=ge(1))
    repeat: int = field(default=1, validator=ge(1))
    request_id: str | None = None
    headers: _Headers = None

    def __call__(self, ask: Ask) -> Plan:
        """Make the plan that answers *ask*."""
        content = self.content(ask)
        pairs = (("x-request-id", content.id), *_pairs(self.headers))
        if self.request_id is not None:
            pairs = (("x-request-id", self.request_id), *pairs[1:])
        wait: Plan = (Pause(self.delay),) if self.delay else ()
        if not ask.stream:
            value = body(content, self.generation)
            return (*wait, *json_plan(200, value, dict(pairs)))
        head = sse_head()
        return (
            *wait,
            Head(head.status, (*head.headers, *pairs), head.framing),
            *self._paced(self.events(content)),
        )

    def content(self, ask: Ask) -> Content:
        """Settle what is said, with everything that chance decides."""
        text = self.text if isinstance(self.text, str) else self.text(ask.request)
        calls = [_call(call, ask.dice) for call in self.tool_calls]
        usual = "tool_calls" if calls else "stop"
        return Content(
            id=_id(self.generation, ask.dice),
            model=ask.model,
            created=1_740_000_000_000 + ask.dice.randrange(10**10),
            text=text * self.repeat,
            thoughts=self.thoughts,
            tool_calls=calls,
            finish_reason=self.finish_reason or usual,
            usage=self._usage(ask, text) if self.usage is None else self.usage,
            words=self.chunk_words,
        )

    def events(self, content: Content) -> list[bytes]:
        """Make the events of a stream, the closing ``[DONE]`` included."""
        return [*map(event, chunks(content, self.generation)), DONE]

    def _paced(self, events: Iterable[bytes]) -> Plan:
        steps: list[Step] = []
        for piece in events:
            steps.append(Data(piece))
            if self.chunk_delay:
                steps.append(Pause(self.chunk_delay))
        return tuple(steps)

    def _usage(self, ask: Ask, text: str) -> Mapping[str, int]:
        asked = 39 + len(ask.request.body) // 4
        said = len(text.split()) * self.repeat
        said += sum(len(thought.split()) for thought in self.thoughts)
        return {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
        }


def _id(generation: Generation, dice: Random) -> str:
    if generation == "2026":
        return "".join(dice.choices(hexdigits[:16], k=32))
    return "id_" + "".join(dice.choices(ascii_letters + digits, k=17))


def _call(call: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    inner = call.get("function", call)
    arguments = inner.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = orjson.dumps(arguments).decode()
    return {
        "id": call.get("id") or "call_" + "".join(dice.choices(ascii_letters, k=12)),
        "type": "function",
        "function": {"name": inner["name"], "arguments": arguments},
    }


class FailureOptions(TypedDict, total=False):
    """Options of `FakeASI1.fail`, which describes them."""

    retry_after: float | str | None
    message: str
    code: str | int | None
    type: str | None
    body: Any
    headers: Mapping[str, str] | None


@frozen(kw_only=True)
class Failure:
    """A refusal with an error body."""

    status: int = field(validator=ge(100))
    retry_after: float | str | None = None
    message: str = "The fake was told to fail."
    code: str | int | None = None
    type: str | None = None
    body: Any = None
    headers: _Headers = None

    def __call__(self, ask: Ask) -> Plan:
        """Make the plan that refuses *ask*."""
        headers = dict(self.headers or {})
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        headers.setdefault("x-request-id", _id("2025", ask.dice))
        if isinstance(self.body, str):
            content = self.body.encode()
            return whole(self.status, "text/plain; charset=utf-8", content, headers)
        if self.body is not None:
            return json_plan(self.status, self.body, headers)
        error = {"message": self.message, "type": self.type, "code": self.code}
        told = {name: value for name, value in error.items() if value is not None}
        return json_plan(self.status, {"error": told}, headers)


def _content(source: str | Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()


@frozen(kw_only=True)
class Recorded:
    """A body played back byte for byte."""

    source: bytes = field(converter=_content)
    cut: Cut = "whole"
    delay: float = field(default=0.0, validator=ge(0))
    content_type: str = SSE
    framing: Framing = "chunked"

    def __call__(self, _: Ask) -> Plan:
        """Make the plan that plays the body, whatever was asked for."""
        head = sse_head(self.framing, self.content_type)
        if self.framing == "length":
            head = Head(head.status, head.headers, "length", len(self.source))
        steps: list[Step] = []
        for piece in self._cut():
            steps += [Pause(self.delay), Data(piece)] if self.delay else [Data(piece)]
        return head, *steps

    def _cut(self) -> list[bytes]:
        size = len(self.source)
        if self.cut == "whole" or size < 2:
            return [self.source]
        places = range(1, size)
        if self.cut == "bytes":
            chosen = list(places)
        else:
            # About one cut in twenty bytes: inside lines, words and characters alike.
            chosen = sorted(Random(self.cut).sample(places, max(1, size // 20)))
        ends = [*chosen, size]
        return [self.source[a:b] for a, b in zip([0, *chosen], ends, strict=True)]
