"""The server-sent events of an answer or a tool run, for services and browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Self

from .._call.answer_events import AnswerEvents, Recording
from .._models.base_types import public


__all__ = ["AsyncEventBytes"]


@public
class AsyncEventBytes:
    """
    An answer, or a run with tools, as server-sent events: an async iterator of bytes.

    Each item contains one or more complete events, in UTF-8, each with a name and one
    line of JSON. The format is stable; only new members and events may be added:

    ===============  ================================================================
    event            data
    ===============  ================================================================
    ``thought``      ``{"text": str}``: the next piece of the model's thoughts.
    ``text``         ``{"text": str}``: the next piece of the answer (of choice 0).
    ``tool_call``    Only in a run: ``id``, ``name``, ``arguments`` (JSON text, as the
                     model wrote it), ``needs_approval``. False: the tool runs now.
                     True: the call waits for an approval; these events come last,
                     before ``done``.
    ``tool_result``  Only in a run: ``id``, ``name``, ``content`` (the str that the
                     model reads: of a failure, the JSON text of an object with
                     ``error``, which is "the tool failed" for an exception that is not
                     a `ToolError`),
                     ``failed`` (whether it is an error). A call that is refused has
                     this event alone.
    ``done``         The last event of a whole answer: ``id``, ``model``,
                     ``finish_reason`` (a str, or null), ``usage`` (null, or an object
                     of ``prompt_tokens``, ``completion_tokens``, ``total_tokens``,
                     ``reasoning_tokens``), ``tool_calls`` (a list in OpenAI's form,
                     empty for none), ``refusal`` (null, or a str). Of a run: all this
                     of the last answer, and ``pending``, a list of the ids of the
                     calls that wait for an approval.
    ``failed``       The last event of an answer that failed: ``status``, ``code``,
                     ``message``, ``retry_after`` (seconds, or null), ``request_id``
                     (or null). The events before it stay valid.
    ===============  ================================================================

    A run goes on only while its events are read. In a run without ``stream=True``, an
    answer's text is one ``text`` event, and its thoughts are one ``thought`` event.

    The last event is always ``done`` or ``failed``; a body without either was cut off.
    (``failed`` is not called ``error``, since browsers use ``error`` for lost
    connections. A page must close its ``EventSource`` at either event, or the browser
    sends the request again.) After every *ping* seconds without an event, the comment
    ``: ping`` is sent.

    ``status`` is an HTTP status: 400, 413, 422 and 429 as ASI-1 sent it, 400 for a
    wrong argument, 409 for a conversation that waits for an answer, 504 for a timeout,
    also for a 408 or 504 of ASI-1, 503 for a closed client, 500 for an error of the
    service itself, such as a used-up budget or a bug, and 502 for any other failure
    between the service and ASI-1. ``code`` is the error's class in snake case, without
    API and Error: ``rate_limit``, ``timeout``, ``stream_truncated``. For 401 and 403,
    it is ``configuration``, without a request id, since the service is set up wrongly.
    The event shows neither the key nor the details of a bug: an exception that is not
    an `ASI1Error` is raised after its event.

    `aclose`, cancellation and garbage collection cancel the call, or the run and its
    tools. If reading the stream or run raises `StreamBusyError`, so does this iterator;
    all other errors become events.
    """

    def __init__(
        self,
        events: AnswerEvents,
        record: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        """Users do not construct this class; the stream or the run does."""
        self._events = events
        self._record = record

    async def open(self) -> None:
        """
        Wait for the first event, but no longer than the ``ping`` seconds of `to_sse`.

        An error during this wait is raised, so that the web service can still send it
        as an HTTP status; a later error becomes an event.

        Raises:
            ASI1Error: As for reading the stream or the run.
        """
        while (recording := await self._events.open()) is not None:
            await self._run(recording)

    async def _run(self, recording: Recording) -> None:
        with recording as event:
            if self._record is not None:
                await self._record(event)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not isinstance(data := await self._events.next(), bytes):
            await self._run(data)
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Close the stream or the run; may be called twice, by any task."""
        await self._events.aclose()
