"""The errors of a second reader of a stream, and of a second turn of a conversation."""

from __future__ import annotations

from .base_types import public
from .errors import ASI1Error


__all__ = ["ConversationBusyError", "StreamBusyError", "StreamConsumedError"]


@public
class ConversationBusyError(ASI1Error):
    """The conversation is waiting for an answer; it runs one turn at a time."""


@public
class StreamBusyError(ASI1Error):
    """Another task or thread is reading the stream at this moment."""


@public
class StreamConsumedError(ASI1Error):
    """The stream was already read to its end; it cannot be read again."""
