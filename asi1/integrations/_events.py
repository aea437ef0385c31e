"""Checks the type of a stream and turns the stream into server-sent events."""

from __future__ import annotations

from .. import AsyncChatStream, AsyncEventBytes


__all__ = ["events_of"]


def events_of(stream: AsyncChatStream, ping: float | None) -> AsyncEventBytes:
    """
    Return the unread rest of *stream* as server-sent events.

    Raises:
        TypeError: *stream* is not a stream of `AsyncASI1`.
        ArgumentError, StreamConsumedError: For the same reasons as
        `AsyncChatStream.to_sse`.
    """
    if not isinstance(stream, AsyncChatStream):
        raise TypeError(
            "stream: must be an AsyncChatStream of AsyncASI1, as"
            " client.chat.completions.stream(...) returns; the result of create() must"
            f" be awaited first (it is {type(stream).__name__})"
        )
    return stream.to_sse(ping=ping)
