"""
A stream read as server-sent events, for services that pass it on.

An object, not a generator: no cancel scope is open between two reads, and whoever
drops it, on asyncio or trio, ends the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

import anyio

from .._models.base_types import public
from .._models.chunks import ChatCompletionChunk
from .._models.errors import ASI1Error, StreamBusyError
from .._protocol.sse_writer import PING, done_event, failed_event, piece_events
from .._settings.validators import wrong


if TYPE_CHECKING:
    from .stream import AsyncChatStream


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

    def __init__(
        self,
        stream: AsyncChatStream,
        unread: Iterable[ChatCompletionChunk],
        ping: float | None,
    ) -> None:
        """Made by the stream; *unread*, its chunks at hand, is read to its end here."""
        number = isinstance(ping, int | float) and ping > 0
        if ping is not None and not number:
            raise wrong("ping", "must be a number of seconds above 0, or None", ping)
        self._stream = stream
        self._ping = ping
        self._ready = piece_events(unread)
        self._begun = False
        self._ended = False
        self._error: Exception | None = None

    async def open(self) -> None:
        """
        Wait for the first event, but no longer than *ping* seconds.

        An error until then is raised, so that it can still become an HTTP status; any
        later one becomes an event.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        if not self._ready and not self._ended:
            self._ready = await self._read()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data = await self._next()
        if not data:
            raise StopAsyncIteration
        return data

    async def _next(self) -> bytes:
        """Return the next events, b"" at the end."""
        if self._ready:
            data, self._ready = self._ready, b""
            return data
        if self._ended:
            if error := self._error:
                self._error = None
                raise error
            return b""
        try:
            return await self._read()
        except StreamBusyError:
            raise
        except ASI1Error as error:
            return failed_event(error)
        except Exception as error:  # noqa: BLE001 - raised by the next read
            self._error = error
            return failed_event(error)

    async def _read(self) -> bytes:
        try:
            with self._stream._given_up(), anyio.move_on_after(self._ping):
                return await self._pieces()
        except StreamBusyError:
            raise  # what another reads goes on
        except BaseException:
            self._ended = True
            raise
        self._begun = True
        return PING

    async def _pieces(self) -> bytes:
        while True:
            batch = await self._stream._next_batch()
            self._begun = True
            if not batch:
                self._ended = True
                return done_event(self._stream.snapshot())
            if data := piece_events(batch):
                return data

    async def aclose(self) -> None:
        """Close the stream and its connection; may be called twice, by any task."""
        self._ended = True
        self._ready = b""
        await self._stream.aclose()

    def __del__(self) -> None:
        # Not of a stream that only somebody else has read.
        if getattr(self, "_begun", False) and not self._ended:
            self._stream._drop()
