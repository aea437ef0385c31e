"""Checks that an object is a stream or a run, and turns it into server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import AsyncChatStream, AsyncEventBytes
from .._models.errors import ClientClosedError
from .._protocol.sse_writer import failed_event


if TYPE_CHECKING:
    from .. import AsyncToolRun


__all__ = ["closing_event", "events_of"]

_LAST = (b"done\n", b"failed\n")


def events_of(
    stream: AsyncChatStream | AsyncToolRun, ping: float | None
) -> AsyncEventBytes:
    """
    Return the unread rest of *stream* as server-sent events.

    Raises:
        TypeError: *stream* is neither a stream nor a run of `AsyncASI1`.
        ArgumentError, StreamConsumedError: For the same reasons as
        `AsyncChatStream.to_sse`.
    """
    if not isinstance(stream, AsyncChatStream) and not _is_run(stream):
        raise TypeError(
            "stream: must be an AsyncChatStream or AsyncToolRun of AsyncASI1, as"
            " client.chat.completions.stream(...) and run_tools(...) return; the result"
            f" of create() must be awaited first (it is {type(stream).__name__})"
        )
    return stream.to_sse(ping=ping)


def closing_event(sent: bytes) -> bytes:
    """
    Return a ``failed`` event, for a service that shuts down; b"" if the stream has
    ended.

    Args:
        sent: The events that were sent last.
    """
    name = (b"\n" + sent).rpartition(b"\nevent: ")[2]
    if name.startswith(_LAST):
        return b""
    return failed_event(ClientClosedError("the service is closing"))


def _is_run(stream: object) -> bool:
    from .. import AsyncToolRun  # noqa: PLC0415 - a service may have no tools

    return isinstance(stream, AsyncToolRun)
