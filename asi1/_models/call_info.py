"""What hooks get: the facts about one call, and its waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from attrs import field, frozen

from .base_types import JSON, Tag, public
from .completion import ChatCompletion
from .response import Attempt, ResponseInfo, Usage


__all__ = ["Call", "Operation", "Wait"]

Operation: TypeAlias = Literal[
    "chat", "images", "request", "run_tools", "parse", "tool"
]


@public
@frozen(kw_only=True)
class Wait:
    """
    A call waits, for the client's rate limit or before a retry.

    Attributes:
        reason: The reached limit's name in `RateLimit`: "requests_per_minute",
            "requests_per_day", "tokens_per_minute" or "max_concurrency"; "retry_after"
            if the server asked for a pause in its reply to another call; or "retry".
        limit: The value of that limit; None for "retry_after" and "retry".
        seconds: The known minimum length of the wait; 0 if unknown.
    """

    reason: str
    limit: int | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.reason == "retry":
            return f"its next attempt ({self.reason})"
        if self.limit is None:
            return f"a pause that the server asked for ({self.reason})"
        unit = "calls at once"
        if self.reason != "max_concurrency":
            unit = self.reason.replace("_", " ")
        return f"its own rate limit of {self.limit:,} {unit} ({self.reason})"


@public
@frozen(kw_only=True, eq=False)
class Call:
    """
    One call, as `Hooks` see it. All hooks of a call get the same object, whose fields
    change as the call goes on; users cannot set them. Times are in seconds.

    Attributes:
        id: A random id of the call.
        operation: "chat", "images" or "request"; for hooks with ``runs=True`` also
            "run_tools" and "parse", which make several chat calls, and "tool".
        model: The model that was asked for; None for "tool", and for a "request" whose
            body names none.
        name: The tool's name; None unless *operation* is "tool".
        tool_call_id: The id that the model gave the tool's call; else None.
        stream: Whether the answer is streamed.
        options: The sampling options of the call. Messages, tools, schemas, the user
            and ``extra_body`` are left out.
        tags: The client's tags, and those of the call.
        session_id: The session that the call belongs to; None without one.
        url: The request's URL, without its query; None if there is no request.
        parent: The run of tools, or the `parse` with *repair*, that makes this call.
        started_at: When the call began; has a time zone.
        elapsed: From the start of the call to this hook, waits included.
        time_to_first_token: From the start of the call to the first thought or text of
            a stream; None before it, and without a stream.
        chunks: The number of chunks that a stream has received.
        attempts: The attempts that have ended; in `on_retry`, the failed one is last.
        wait: In `on_wait` and `on_retry`, what the call waits for; else None.
        usage: At the end: the tokens that the server reported; else None. If
            ``response.cached``, this call has not used them.
        finish_reason: At the end: why the model stopped; None if it did not.
        response_id: At the end: the server's id of the answer.
        response_model: At the end: the model that the server says it used.
        response: At the end and in `on_retry`: the response metadata.
        error: At the end, what ended the call, None after success: an `APIError` if it
            failed; `StreamClosedError` if its stream was left before its end;
            `CallCancelledError` if its caller was cancelled; `ClientClosedError` if the
            client was closed; an `OutputError` of `parse`; the exception of a tool, or
            of your own limiter or transport. In `on_retry`, the last attempt's error.
            Unless the hooks have ``contents=True``, its ``partial``, ``snippet`` and
            ``body`` are empty.
        messages: The messages of a chat call, as they were sent; None unless the hooks
            have ``contents=True``.
        answer: At the end: the answer of a chat call, even if only a part arrived; None
            unless the hooks have ``contents=True``.
    """

    id: str
    operation: Operation
    started_at: datetime
    model: str | None = None
    name: str | None = None
    tool_call_id: str | None = None
    stream: bool = False
    options: Mapping[str, JSON] = field(factory=dict)
    tags: Mapping[str, Tag] = field(factory=dict)
    session_id: str | None = None
    url: str | None = None
    parent: Call | None = field(default=None, repr=False)
    elapsed: float = 0.0
    time_to_first_token: float | None = None
    chunks: int = 0
    attempts: tuple[Attempt, ...] = ()
    wait: Wait | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    response_model: str | None = None
    response: ResponseInfo | None = field(default=None, repr=False)
    error: Exception | None = None
    messages: tuple[Mapping[str, JSON], ...] | None = field(default=None, repr=False)
    answer: ChatCompletion | None = field(default=None, repr=False)
