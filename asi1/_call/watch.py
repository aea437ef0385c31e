"""Keeps the `asi1.Call` of a running call up to date, and shows it to the hooks."""

from __future__ import annotations

import copy

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import Any

import orjson

from attrs import define, field

from .._models.base_types import JSON
from .._models.call_info import Call, Wait
from .._models.completion import ChatCompletion
from .._models.errors import ASI1Error
from .._models.response import Attempt, ResponseInfo
from .._protocol.request import Request


__all__ = ["Watch", "call_of", "messages_of"]

# Options that all hooks see. The others are contents, or identify a person or an agent.
_SHOWN = frozenset(
    {
        *(
            "temperature",
            "max_tokens",
            "top_p",
            "frequency_penalty",
            "presence_penalty",
        ),
        *("stop", "seed", "n", "parallel_tool_calls", "web_search", "planner_mode"),
        *("enable_thinking", "thinking_budget", "study_mode", "fun_mode"),
        *("size", "guidance_scale"),
    }
)
# Options of which hooks see only the kind: a schema or a function counts as content.
_KINDS = ("response_format", "tool_choice")
# Fields of errors that may hold contents, and the empty value that hooks see instead.
_EMPTY: Mapping[str, Callable[[Any], Any]] = {
    "partial": lambda old: ChatCompletion() if old is not None else None,
    "completion": lambda _: None,
    "earlier": lambda _: (),
    "text": lambda _: "",
    "snippet": lambda _: "",
    "body": lambda _: None,
}


@define(eq=False)
class Watch:
    """
    Keeps up to date what hooks see of one call, and calls the hooks.

    Attributes:
        tell: Calls the hooks of a given name with *call*, or with *full*.
        call: What hooks without contents see.
        full: What hooks with contents see; the same object as `call` if there are none.
        now: Returns the seconds since the call began.
        parent: The watch of the run that makes the call; None without one.
    """

    tell: Callable[[str, Call, Call], None]
    call: Call
    full: Call
    now: Callable[[], float]
    parent: Watch | None = None
    _ended: bool = field(default=False, init=False)
    # The number of calls and tools of this run that have not ended; and a function that
    # reports the end of the run, to be called after them.
    _children: int = field(default=0, init=False)
    _last: list[Callable[[], None]] = field(factory=list, init=False)

    def start(self) -> None:
        """Tell the hooks that the call begins."""
        if self.parent is not None:
            self.parent.add_child()
        self._tell("on_start")

    def add_child(self) -> None:
        """Count a call or tool of the run as begun."""
        self._children += 1

    def remove_child(self) -> None:
        """Count a call or tool of the run as ended."""
        self._children -= 1
        self._tell_last()

    def wait(self, wait: Wait) -> None:
        """Tell the hooks that the call waits for a rate limit."""
        self._tell("on_wait", wait=wait)
        self._set(wait=None)

    def retry(self, info: ResponseInfo, error: Exception, attempt: Attempt) -> None:
        """Report the failed *attempt* to the hooks, before the wait for another."""
        wait = Wait(reason="retry", seconds=attempt.wait or 0.0)
        self._set_error(error)
        self._tell("on_retry", wait=wait, attempts=info.attempts, response=info)
        self._set(wait=None, error=None)

    def chunks(self, count: int, first: float | None) -> None:
        """
        Report *count* more chunks to the hooks; *first*: the seconds from the start of
        the call to its first text.
        """
        chunks = self.call.chunks + count
        self._tell("on_chunk", chunks=chunks, time_to_first_token=first)

    def end(
        self,
        error: Exception | None = None,
        info: ResponseInfo | None = None,
        answer: ChatCompletion | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        """
        Tell the hooks that the call has ended; do nothing if they were told already.

        If a caller leaves a tool run early, the run ends while its calls and tools are
        still being cancelled. The hooks are told of the run's end only when all of
        these have ended.

        *redact* replaces the API key, which a server may echo, in a text.
        """
        if self._ended:
            return
        self._ended = True
        self._last.append(partial(self._end, error, info, answer, redact))
        self._tell_last()

    def _tell_last(self) -> None:
        # One thread may leave a run while the run's last call ends in another: `pop`
        # lets only one of them report the end.
        if not self._children:
            try:
                end = self._last.pop()
            except IndexError:
                return
            end()

    def _end(
        self,
        error: Exception | None,
        info: ResponseInfo | None,
        answer: ChatCompletion | None,
        redact: Callable[[str], str],
    ) -> None:
        if error is not None:
            self._set_error(error)
        if info is not None:
            first = info.time_to_first_token
            self._set(response=info, attempts=info.attempts, time_to_first_token=first)
        if answer is not None and self.call.operation == "chat":
            self._set_answer(answer, redact)
        # *info* has the time at which the answer was complete. After that time, the
        # call may have waited for the rest of the body.
        known = (
            {} if info is None or info.elapsed is None else {"elapsed": info.elapsed}
        )
        try:
            self._tell("on_end", **known)
        finally:
            if self.parent is not None:
                self.parent.remove_child()

    def _set_answer(self, answer: ChatCompletion, redact: Callable[[str], str]) -> None:
        reason = answer.finish_reason
        self._set(
            usage=answer.usage,
            finish_reason=None if reason is None else redact(reason),
            response_id=redact(answer.id) or None,
            response_model=redact(answer.model) or None,
        )
        if self.full is not self.call:
            object.__setattr__(self.full, "answer", answer)

    def _set_error(self, error: Exception) -> None:
        self._set(error=_without_contents(error))
        if self.full is not self.call:
            object.__setattr__(self.full, "error", error)

    def _tell(self, name: str, **fields: Any) -> None:
        # A trio loop that has ended has no clock: `elapsed` then keeps its last value.
        with suppress(RuntimeError):
            self._set(elapsed=self.now())
        self._set(**fields)
        self.tell(name, self.call, self.full)

    def _set(self, **fields: Any) -> None:
        for call in {self.call, self.full}:
            for name, value in fields.items():
                # A `Call` is frozen, so that users cannot change it.
                object.__setattr__(call, name, value)


def call_of(request: Request, parent: Call | None, since: float) -> Call:
    """Return what hooks see of a call that began *since* seconds ago."""
    operation: Any = request.operation
    return Call(
        id=token_hex(16),
        operation=operation,
        started_at=datetime.now(UTC) - timedelta(seconds=since),
        model=request.model,
        stream=request.stream,
        options=_shown(request.options),
        tags={**request.tags},
        session_id=request.headers.get("x-session-id"),
        url=request.url.partition("?")[0],
        parent=parent,
    )


def _shown(options: Mapping[str, Any]) -> dict[str, JSON]:
    shown = {name: options[name] for name in options if name in _SHOWN}
    for name in _KINDS:
        value = options.get(name)
        kind = value.get("type") if isinstance(value, Mapping) else value
        if isinstance(kind, str):
            shown[name] = kind
    return shown


def messages_of(request: Request) -> tuple[Mapping[str, JSON], ...] | None:
    """Return the messages that *request* sends; None if it is not a chat call."""
    if request.operation != "chat":
        return None
    messages = orjson.loads(request.body or b"{}").get("messages")
    return tuple(messages) if isinstance(messages, list) else None


def _without_contents(error: Exception) -> Exception:
    """Return *error*, or a copy of it without the fields that may hold contents."""
    kept = vars(error)
    emptied = {
        name: empty(kept[name])
        for name, empty in _EMPTY.items()
        if kept.get(name) not in (None, "")
    }
    if not isinstance(error, ASI1Error) or not emptied:
        return error
    told = copy.copy(error)
    vars(told).update(emptied)
    return told
