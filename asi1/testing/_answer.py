"""
The fake's answers to chat requests; each is made from a request, without I/O.

The options of an answer are checked when the test scripts it, so that a mistake raises
in the test's thread and does not become a wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from string import ascii_letters
from typing import Any, TypeAlias, TypedDict

from attrs import field, frozen

from .._models.image_data import size_without_images
from .._models.json_text import dump_json
from .._settings.validators import or_none, whole_number
from ._checks import (
    encodable,
    ensure,
    header_value,
    json_object,
    json_value,
    strings,
    valid,
    wait_time,
)
from ._plan import Data, Head, Pause, Plan, Step
from ._replies import (
    DONE,
    Headers,
    event,
    header_pairs,
    json_plan,
    new_id,
    sse_head,
    valid_headers,
)
from ._request import Ask, RecordedRequest
from ._shapes import GENERATION, Content, Generation, body, chunks


__all__ = ["Answer", "AnswerOptions", "ToolCalls"]


_Calls: TypeAlias = Sequence[Mapping[str, Any]]
ToolCalls: TypeAlias = _Calls | Callable[[RecordedRequest], _Calls]


def _to_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _checked_calls(calls: ToolCalls) -> ToolCalls:
    """Return *calls*; raise TypeError if they are neither tool calls nor a function."""
    return calls if callable(calls) else _checked_list(calls)


def _checked_list(calls: Any) -> _Calls:
    if isinstance(calls, list | tuple) and all(map(_has_name, calls)):
        ensure("tool_calls", [*map(dict, calls)], json_value)
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


def _text(value: Any) -> str | None:
    return None if callable(value) else encodable(value)


_COUNT = valid(whole_number(1), int)
_SECONDS = valid(wait_time, int, float)
_TEXT_OR_NONE = valid(or_none(encodable), str)


@frozen(kw_only=True)
class Answer:
    """An answer to a chat request: a stream or JSON, as the request asks."""

    text: str | Callable[[RecordedRequest], str] = field(validator=valid(_text, str))
    thoughts: tuple[str, ...] = field(
        default=(), converter=_to_tuple, validator=valid(strings, tuple)
    )
    usage: Mapping[str, Any] | None = field(
        default=None, validator=valid(or_none(json_object))
    )
    generation: Generation | None = field(
        default=None, validator=valid(GENERATION, str)
    )
    finish_reason: str | None = field(default=None, validator=_TEXT_OR_NONE)
    tool_calls: ToolCalls = field(default=(), converter=_checked_calls)
    delay: float = field(default=0.0, validator=_SECONDS)
    chunk_delay: float = field(default=0.0, validator=_SECONDS)
    chunk_words: int = field(default=3, validator=_COUNT)
    repeat: int = field(default=1, validator=_COUNT)
    request_id: str | None = field(
        default=None, validator=valid(or_none(header_value), str)
    )
    headers: Headers = field(default=None, validator=valid_headers)
    extra: Mapping[str, Any] = field(factory=dict, validator=valid(json_object))

    def __call__(self, context: Ask) -> Plan:
        """Return the steps that send the answer, as a stream or as JSON."""
        content = self.content(context)
        pairs = (("x-request-id", content.id), *header_pairs(self.headers))
        if self.request_id is not None:
            pairs = (("x-request-id", self.request_id), *pairs[1:])
        wait: Plan = (Pause(self.delay),) if self.delay else ()
        if not context.stream:
            value = body(content)
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
        ensure("text", text, encodable, str)
        given = self.tool_calls
        if callable(given):
            given = _checked_list(given(context.request))
        calls = [_tool_call(call, context.rng) for call in given]
        usual = "tool_calls" if calls else "stop"
        generation = self.generation or context.generation
        return Content(
            generation=generation,
            id=new_id(generation, context.rng),
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
        return [*map(event, chunks(content)), DONE]

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


def _tool_call(call: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    inner = call.get("function", call)
    arguments = inner.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = dump_json(arguments).decode()
    return {
        "id": call["id"] if "id" in call else _call_id(rng),
        "type": "function",
        "function": {"name": inner["name"], "arguments": arguments},
    }


def _call_id(rng: Random) -> str:
    return "call_" + "".join(rng.choices(ascii_letters, k=12))
