"""The reply to a call of ``with_raw_response``."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import frozen

from .base_types import JSON, public
from .chunks import ChatCompletionChunk
from .errors import ASI1Error
from .json_text import load_json
from .raw import Reply
from .response import ResponseInfo


__all__ = ["DONE", "RawResponse", "event_of", "lines_of", "text_of"]

_T = TypeVar("_T")
# The last event of a stream.
DONE = "data: [DONE]\n\n"


def text_of(result: Any) -> str:
    """
    Return the JSON text of *result*, an answer.

    Raises:
        ASI1Error: *result* is a stream.
    """
    if not hasattr(result, "to_json"):
        raise ASI1Error("a stream has no text before it is read; parse() returns it")
    text: str = result.to_json()
    return text


def event_of(chunk: ChatCompletionChunk) -> str:
    """Return *chunk* as a server-sent event."""
    return f"data: {chunk.to_json()}\n\n"


def lines_of(text: str) -> list[str]:
    """Return *text* as a list of lines; the last line of an event is empty."""
    return text.removesuffix("\n").split("\n")


@public
@frozen(eq=False, repr=False)
class RawResponse(Reply, Generic[_T]):
    """
    The reply to a call of ``with_raw_response``: its status, its headers, and the value
    that the call itself returns.
    """

    _result: Any

    def __repr__(self) -> str:
        return f"<RawResponse [{self.status_code}] {type(self._result).__name__}>"

    @property
    def response(self) -> ResponseInfo:
        """The response metadata."""
        info: ResponseInfo = self._result.response
        return info

    def parse(self) -> _T:
        """Return what the call itself returns: the answer, or its stream."""
        result: _T = self._result
        return result

    @property
    def text(self) -> str:
        """
        What the server sent, as JSON text on one line.

        Raises:
            ASI1Error: The reply is a stream.
        """
        return text_of(self._result)

    @property
    def content(self) -> bytes:
        """The `text` as bytes."""
        return self.text.encode()

    def read(self) -> bytes:
        """Return the `content`."""
        return self.content

    def json(self) -> JSON:
        """Return what the server sent as JSON data: `Model.to_dict` of the answer."""
        return load_json(self.content)
