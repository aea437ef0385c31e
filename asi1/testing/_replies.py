"""
The fake's correct replies: each makes its steps from a request, without I/O.

The options of a reply are checked when the test scripts it, so that a mistake raises in
the test's thread and does not become a wrong answer.
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

from .._models.image_data import size_without_images
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
    "ToolCalls",
    "event",
    "json_plan",
    "sse_head",
    "whole",
]


SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"

Cut: TypeAlias = Literal["whole", "bytes"] | int
_Headers: TypeAlias = Mapping[str, str] | None
_Calls: TypeAlias = Sequence[Mapping[str, Any]]
ToolCalls: TypeAlias = _Calls | Callable[[RecordedRequest], _Calls]


def event(value: Any) -> bytes:
    """Return a JSON value encoded as one server-sent event."""
    return b"data: %b\n\n" % orjson.dumps(value)


def whole(
    status: int, content_type: str, content: bytes, headers: _Headers = None
) -> Plan:
    """Make a reply with a content-length, whose complete body is one `Data` step."""
    pairs = (("content-type", content_type), *_pairs(headers))
    return Head(status, pairs, "length", len(content)), Data(content)


def json_plan(status: int, value: Any, headers: _Headers = None) -> Plan:
    """Make a reply whose body is *value* as JSON; bytes are sent unchanged."""
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return whole(status, "application/json", content, headers)


def sse_head(framing: Framing = "chunked", content_type: str = SSE) -> Head:
    """Make the status line and headers of a streamed reply."""
    pairs = (("content-type", content_type), ("cache-control", "no-cache"))
    return Head(200, pairs, framing)


def _pairs(headers: _Headers) -> Pairs:
    return tuple((name.lower(), value) for name, value in (headers or {}).items())


def _to_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _checked_calls(calls: ToolCalls) -> ToolCalls:
    """Return *calls*; raise TypeError if they are neither tool calls nor a function."""
    return calls if callable(calls) else _checked_list(calls)


def _checked_list(calls: Any) -> _Calls:
    if isinstance(calls, list | tuple) and all(map(_has_name, calls)):
        return calls
    raise TypeError(
        'tool_calls: must be a list of calls such as {"name": ..., "arguments": ...},'
        f" or a function that makes it from the request, not {calls!r:.80}"
    )


def _has_name(call: Any) -> bool:
    inner = call.get("function", call) if isinstance(call, Mapping) else None
    return isinstance(inner, Mapping) and isinstance(inner.get("name"), str)


class AnswerOptions(TypedDict, total=False):
    """The options of `FakeASI1.reply`; the docstring of `reply` describes them."""

    thoughts: str | Sequence[str]
    usage: Mapping[str, Any] | None
    generation: Generation
    finish_reason: str | None
    tool_calls: ToolCalls
    delay: float
    chunk_delay: float
    chunk_words: int
    repeat: int
    request_id: str | None
    headers: Mapping[str, str] | None
    extra: Mapping[str, Any]


@frozen(kw_only=True)
class Answer:
    """An answer to a chat request: a stream or JSON, as the request asks."""

    text: str | Callable[[RecordedRequest], str]
    thoughts: tuple[str, ...] = field(default=(), converter=_to_tuple)
    usage: Mapping[str, Any] | None = None
    generation: Generation = field(
        default="2025", validator=in_(("2025", "2026", "guide"))
    )
    finish_reason: str | None = None
    tool_calls: ToolCalls = field(default=(), converter=_checked_calls)
    delay: float = field(default=0.0, validator=ge(0))
    chunk_delay: float = field(default=0.0, validator=ge(0))
    chunk_words: int = field(default=3, validator=ge(1))
    repeat: int = field(default=1, validator=ge(1))
    request_id: str | None = None
    headers: _Headers = None
    extra: Mapping[str, Any] = field(factory=dict)

    def __call__(self, context: Ask) -> Plan:
        """Return the steps that send the answer, as a stream or as JSON."""
        content = self.content(context)
        pairs = (("x-request-id", content.id), *_pairs(self.headers))
        if self.request_id is not None:
            pairs = (("x-request-id", self.request_id), *pairs[1:])
        wait: Plan = (Pause(self.delay),) if self.delay else ()
        if not context.stream:
            value = body(content, self.generation)
            return (*wait, *json_plan(200, value, dict(pairs)))
        head = sse_head()
        return (
            *wait,
            Head(head.status, (*head.headers, *pairs), head.framing),
            *self._paced(self.events(content)),
        )

    def content(self, context: Ask) -> Content:
        """Make the content of the answer, with a random id and creation time."""
        text = self.text if isinstance(self.text, str) else self.text(context.request)
        given = self.tool_calls
        if callable(given):
            given = _checked_list(given(context.request))
        calls = [_tool_call(call, context.rng) for call in given]
        usual = "tool_calls" if calls else "stop"
        return Content(
            id=_new_id(self.generation, context.rng),
            model=context.model,
            created=1_740_000_000_000 + context.rng.randrange(10**10),
            text=text * self.repeat,
            thoughts=self.thoughts,
            tool_calls=calls,
            finish_reason=self.finish_reason or usual,
            usage=self._usage(context, text) if self.usage is None else self.usage,
            words=self.chunk_words,
            extra=self.extra,
        )

    def events(self, content: Content) -> list[bytes]:
        """Return the events of a streamed answer; the last event is ``[DONE]``."""
        return [*map(event, chunks(content, self.generation)), DONE]

    def _paced(self, events: Iterable[bytes]) -> Plan:
        steps: list[Step] = []
        for piece in events:
            steps.append(Data(piece))
            if self.chunk_delay:
                steps.append(Pause(self.chunk_delay))
        return tuple(steps)

    def _usage(self, context: Ask, text: str) -> Mapping[str, int]:
        prompt = 39 + size_without_images(context.request.body) // 4
        completion = len(text.split()) * self.repeat
        completion += sum(len(thought.split()) for thought in self.thoughts)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }


def _new_id(generation: Generation, rng: Random) -> str:
    if generation == "2026":
        return "".join(rng.choices(hexdigits[:16], k=32))
    return "id_" + "".join(rng.choices(ascii_letters + digits, k=17))


def _tool_call(call: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    inner = call.get("function", call)
    arguments = inner.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = orjson.dumps(arguments).decode()
    return {
        "id": call["id"] if "id" in call else _call_id(rng),
        "type": "function",
        "function": {"name": inner["name"], "arguments": arguments},
    }


def _call_id(rng: Random) -> str:
    return "call_" + "".join(rng.choices(ascii_letters, k=12))


class FailureOptions(TypedDict, total=False):
    """The options of `FakeASI1.fail`; the docstring of `fail` describes them."""

    retry_after: float | str | None
    message: str
    code: str | int | None
    type: str | None
    body: Any
    headers: Mapping[str, str] | None


@frozen(kw_only=True)
class Failure:
    """A reply with an error status and an error body."""

    status: int = field(validator=ge(100))
    retry_after: float | str | None = None
    message: str = "scripted failure"
    code: str | int | None = None
    type: str | None = None
    body: Any = None
    headers: _Headers = None

    def __call__(self, context: Ask) -> Plan:
        """Return the steps that send the error reply."""
        headers = dict(self.headers or {})
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        headers.setdefault("x-request-id", _new_id("2025", context.rng))
        if isinstance(self.body, str):
            content = self.body.encode()
            return whole(self.status, "text/plain; charset=utf-8", content, headers)
        if self.body is not None:
            return json_plan(self.status, self.body, headers)
        error = {"message": self.message, "type": self.type, "code": self.code}
        given = {name: value for name, value in error.items() if value is not None}
        return json_plan(self.status, {"error": given}, headers)


def _content(source: str | Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()


@frozen(kw_only=True)
class Recorded:
    """A reply whose body is a recorded body, sent unchanged."""

    source: bytes = field(converter=_content)
    cut: Cut = "whole"
    delay: float = field(default=0.0, validator=ge(0))
    content_type: str = SSE
    framing: Framing = "chunked"

    def __call__(self, _: Ask) -> Plan:
        """Return the steps that send the body, to requests for a stream or for JSON."""
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
        positions = range(1, size)
        if self.cut == "bytes":
            cuts = list(positions)
        else:
            # Random cuts, one per 20 bytes on average, also split UTF-8 characters.
            cuts = sorted(Random(self.cut).sample(positions, max(1, size // 20)))
        ends = [*cuts, size]
        return [self.source[a:b] for a, b in zip([0, *cuts], ends, strict=True)]
