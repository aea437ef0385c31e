"""A stream's events for a framework, or a word on what else was given."""

from __future__ import annotations

from .. import AsyncChatStream, AsyncEventBytes


__all__ = ["events_of"]


def events_of(stream: AsyncChatStream, ping: float | None) -> AsyncEventBytes:
    """
    Return what is left of *stream* as server-sent events.

    Raises:
        TypeError: It is no stream of `AsyncASI1`.
        ArgumentError, StreamConsumedError: As for `AsyncChatStream.to_sse`.
    """
    if not isinstance(stream, AsyncChatStream):
        raise TypeError(
            "stream: must be an AsyncChatStream of AsyncASI1, such as"
            " client.chat.completions.stream(...) returns; what create() returns has"
            f" to be awaited first (it is {type(stream).__name__})"
        )
    return stream.to_sse(ping=ping)
