"""
The fake's replies other than answers; each makes its steps from a request, without I/O.

The options of a reply are checked when the test scripts it, so that a mistake raises in
the test's thread and does not become a wrong reply.
"""

from __future__ import annotations

import os

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random
from string import ascii_letters, digits, hexdigits
from typing import Any, Literal, TypeAlias, TypedDict

from attrs import field, frozen

from .._models.json_text import dump_json
from .._settings.validators import Check, or_none
from ._checks import (
    encodable,
    ensure,
    header_fields,
    header_strings,
    header_value,
    json_value,
    one_of,
    status_code,
    valid,
    wait_time,
)
from ._plan import Data, Framing, Head, Pairs, Pause, Plan, Step
from ._request import Ask
from ._shapes import Generation


__all__ = [
    "DONE",
    "SSE",
    "Cut",
    "Failure",
    "FailureOptions",
    "Headers",
    "Recorded",
    "event",
    "header_pairs",
    "json_body",
    "json_plan",
    "new_id",
    "sse_head",
    "valid_headers",
    "whole",
]


SSE = "text/event-stream"
DONE = b"data: [DONE]\n\n"

Cut: TypeAlias = Literal["whole", "bytes"] | int
Headers: TypeAlias = Mapping[str, str] | None


def _check_headers(headers: object) -> None:
    """Raise TypeError for a wrong type, ValueError for unsendable *headers*."""
    ensure("headers", headers, or_none(header_strings))
    ensure("headers", headers, or_none(header_fields), Mapping)


def valid_headers(_: object, __: object, headers: Any) -> None:
    """Validate an attrs field: raise as `_check_headers` does."""
    _check_headers(headers)


def event(value: Any) -> bytes:
    """Return a JSON value encoded as one server-sent event."""
    return b"data: %b\n\n" % dump_json(value)


def whole(
    status: int, content_type: str, content: bytes, headers: Headers = None
) -> Plan:
    """Make a reply with a content-length, whose complete body is one `Data` step."""
    pairs = (("content-type", content_type), *header_pairs(headers))
    return Head(status, pairs, "length", len(content)), Data(content)


def json_plan(status: int, value: Any, headers: Headers = None) -> Plan:
    """Make a reply whose body is *value* as JSON; bytes are sent unchanged."""
    content = value if isinstance(value, bytes) else dump_json(value)
    return whole(status, "application/json", content, headers)


def sse_head(framing: Framing = "chunked", content_type: str = SSE) -> Head:
    """Make the status line and headers of a streamed reply."""
    pairs = (("content-type", content_type), ("cache-control", "no-cache"))
    return Head(200, pairs, framing)


def header_pairs(headers: Headers) -> Pairs:
    """Return *headers* as pairs, with names in lowercase."""
    _check_headers(headers)
    return tuple((name.lower(), value) for name, value in (headers or {}).items())


def new_id(generation: Generation, rng: Random) -> str:
    """Return a random id, as the service made them in *generation*."""
    if generation == "2026":
        return "".join(rng.choices(hexdigits[:16], k=32))
    return "id_" + "".join(rng.choices(ascii_letters + digits, k=17))


class FailureOptions(TypedDict, total=False):
    """The options of `FakeASI1.fail`; the docstring of `fail` describes them."""

    retry_after: float | str | None
    message: str
    code: str | int | None
    type: str | None
    body: Any
    headers: Mapping[str, str] | None


def _number_or(check: Check, value: Any) -> str | None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return None if value is None or real else check(value)


def json_body(value: Any) -> str | None:
    """Return why *value* is neither bytes nor valid JSON data; None if it is either."""
    return None if isinstance(value, bytes) else json_value(value)


@frozen(kw_only=True)
class Failure:
    """A reply with an error status and an error body."""

    status: int = field(validator=valid(status_code, int))
    retry_after: float | str | None = field(
        default=None, validator=valid(partial(_number_or, header_value), str)
    )
    message: str = field(default="scripted failure", validator=valid(encodable, str))
    code: str | int | None = field(
        default=None, validator=valid(partial(_number_or, encodable), str)
    )
    type: str | None = field(default=None, validator=valid(or_none(encodable), str))
    body: Any = field(default=None, validator=valid(json_body))
    headers: Headers = field(default=None, validator=valid_headers)

    def __call__(self, context: Ask) -> Plan:
        """Return the steps that send the error reply."""
        headers = dict(self.headers or {})
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        headers.setdefault("x-request-id", new_id("2025", context.rng))
        if isinstance(self.body, str):
            content = self.body.encode()
            return whole(self.status, "text/plain; charset=utf-8", content, headers)
        if self.body is not None:
            return json_plan(self.status, self.body, headers)
        error = {"message": self.message, "type": self.type, "code": self.code}
        given = {name: value for name, value in error.items() if value is not None}
        return json_plan(self.status, {"error": given}, headers)


def _cut(value: Any) -> str | None:
    seed = isinstance(value, int) and not isinstance(value, bool)
    known = seed or value in ("whole", "bytes")
    return None if known else "must be 'whole', 'bytes' or a whole number"


def _content(source: str | Path | bytes) -> bytes:
    ensure("source", source, _path_or_bytes)
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _path_or_bytes(value: object) -> str | None:
    fits = isinstance(value, str | os.PathLike | bytes)
    return None if fits else "must be a path, or bytes"


@frozen(kw_only=True)
class Recorded:
    """A reply whose body is a recorded body, sent unchanged."""

    source: bytes = field(converter=_content)
    cut: Cut = field(default="whole", validator=valid(_cut, str))
    delay: float = field(default=0.0, validator=valid(wait_time, int, float))
    content_type: str = field(default=SSE, validator=valid(header_value, str))
    framing: Framing = field(
        default="chunked", validator=valid(one_of("chunked", "length", "close"), str)
    )

    def __call__(self, _: Ask) -> Plan:
        """Return the steps that send the body, for a stream and for JSON."""
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
