"""An answer as server-sent events, for web services that send it to a browser."""

from __future__ import annotations

from typing import Self

from .._call.answer_events import AnswerEvents
from .._models.base_types import public


__all__ = ["AsyncEventBytes"]


@public
class AsyncEventBytes:
    """
    An answer as server-sent events while it is written: an async iterator of bytes.

    Each item contains one or more complete events, in UTF-8, each with a name and one
    line of JSON. The format is stable; only new members and events may be added:

    ===========  ====================================================================
    event        data
    ===========  ====================================================================
    ``thought``  ``{"text": str}``: the next piece of the model's thoughts.
    ``text``     ``{"text": str}``: the next piece of the answer (of choice 0).
    ``done``     The last event of a whole answer: ``id``, ``model``,
                 ``finish_reason`` (a str, or null), ``usage`` (null, or an object of
                 ``prompt_tokens``, ``completion_tokens``, ``total_tokens``,
                 ``reasoning_tokens``), ``tool_calls`` (a list in OpenAI's form, empty
                 for none), ``refusal`` (null, or a str).
    ``failed``   The last event of an answer that failed: ``status``, ``code``,
                 ``message``, ``retry_after`` (seconds, or null), ``request_id`` (or
                 null). The events before it stay valid.
    ===========  ====================================================================

    The last event is always ``done`` or ``failed``; a body without either was cut off.
    (``failed`` is not called ``error``, since browsers use ``error`` for lost
    connections. A page must close its ``EventSource`` at either event, or the browser
    sends the request again.) After every *ping* seconds without an event, the comment
    ``: ping`` is sent.

    ``status`` is an HTTP status: 400, 413, 422 and 429 as ASI-1 sent it, 400 for a
    wrong argument, 409 for a conversation that waits for an answer, 504 for a timeout,
    503 for a closed client, 500 for a bug in the service, and 502 for any other failure
    between the service and ASI-1. ``code`` is the error's class in snake case, without
    API and Error: ``rate_limit``, ``timeout``, ``stream_truncated``. The event shows
    neither the key nor the details of a bug: an exception that is not an `ASI1Error` is
    raised after its event.

    `aclose`, cancellation and garbage collection cancel the call. If reading the stream
    raises `StreamBusyError`, so does this iterator; all other errors become events.
    """

    def __init__(self, events: AnswerEvents) -> None:
        """Users do not construct this class; the stream does."""
        self._events = events

    async def open(self) -> None:
        """
        Wait for the first event, but no longer than *ping* seconds.

        An error during this wait is raised, so that the web service can still send it
        as an HTTP status; a later error becomes an event.

        Raises:
            ASI1Error: As for reading the stream.
        """
        await self._events.open()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data = await self._events.next()
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        """Close the stream and its connection; may be called twice, by any task."""
        await self._events.aclose()
