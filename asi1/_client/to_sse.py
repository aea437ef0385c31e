"""An answer read as server-sent events, for services that pass it on."""

from __future__ import annotations

from typing import Self

from .._call.answer_events import AnswerEvents
from .._models.base_types import public


__all__ = ["AsyncEventBytes"]


@public
class AsyncEventBytes:
    """
    An answer as server-sent events while it is written: an async iterator of bytes.

    Each item holds one or more whole events, in UTF-8, each with a name and one line of
    JSON. This format does not change, but for members and events that may be added:

    ===========  ====================================================================
    event        data
    ===========  ====================================================================
    ``thought``  ``{"text": str}``: the next piece of the model's thoughts.
    ``text``     ``{"text": str}``: the next piece of the answer (of choice 0).
    ``done``     The last event of a whole answer: ``id``, ``model``,
                 ``finish_reason`` (a word, or null), ``usage`` (null, or an object of
                 ``prompt_tokens``, ``completion_tokens``, ``total_tokens``,
                 ``reasoning_tokens``), ``tool_calls`` (a list in OpenAI's form, empty
                 for none), ``refusal`` (null, or a text).
    ``failed``   The last event of an answer that broke off: ``status``, ``code``,
                 ``message``, ``retry_after`` (seconds, or null), ``request_id`` (or
                 null). What came before stays valid as far as it goes.
    ===========  ====================================================================

    One of ``done`` and ``failed`` always ends it; a body without them was cut on its
    way. (It is not called ``error``, which browsers use for lost connections. A page
    with an ``EventSource`` closes it at either event, or the browser asks again.)
    Between events a comment, ``: ping``, comes in every silence of *ping* seconds.

    ``status`` is what HTTP would say: 400, 413, 422 and 429 as ASI-1 said it, 400 for
    an argument that is wrong, 409 for a conversation that waits for an answer, 504 for
    a timeout, 503 for a client that was closed, 500 for a mistake of the service, and
    502 for whatever else failed between the service and ASI-1. ``code`` is the error's
    class in small letters, without API and Error: ``rate_limit``, ``timeout``,
    ``stream_truncated``. The key, and what a mistake of the service was, are not told:
    an exception that is no `ASI1Error` is raised after its event.

    Whoever leaves early, by `aclose`, by cancellation or by dropping this, ends the
    call. Reading raises nothing of what reading the stream raises, but for
    `StreamBusyError`.
    """

    def __init__(self, events: AnswerEvents) -> None:
        """Made by the stream."""
        self._events = events

    async def open(self) -> None:
        """
        Wait for the first event, but no longer than *ping* seconds.

        An error until then is raised, so that it can still become an HTTP status; any
        later one becomes an event.

        Raises:
            ASI1Error: What reading the stream raises.
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
