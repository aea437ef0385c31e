"""The reply to a call of ``with_streaming_response``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from .._models.base_types import JSON, public
from .._models.errors import ASI1Error
from .._models.json_text import load_json
from .._models.raw import Reply
from .._models.raw_response import DONE, event_of, lines_of, text_of
from .._models.response import ResponseInfo
from .stream import ChatStream


__all__ = ["APIResponse", "ReplyPieces"]

_T = TypeVar("_T")
_Piece = TypeVar("_Piece")


@public
class APIResponse(Reply, Generic[_T]):
    """
    The reply to a call of ``with_streaming_response``.

    Same as `AsyncAPIResponse`, but blocks.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        """Users do not construct this class; the client does."""
        self._call = call
        self._result: Any = None

    def __repr__(self) -> str:
        state = "not begun" if self._result is None else f"[{self.status_code}]"
        return f"<APIResponse {state}>"

    def __enter__(self) -> Self:
        self._result = self._call()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the stream, if the reply is one; may be called twice.

        Same as `AsyncAPIResponse.aclose`, but blocks.
        """
        if isinstance(self._result, ChatStream):
            self._result.close()

    @property
    def response(self) -> ResponseInfo:
        """
        The response metadata.

        Raises:
            ASI1Error: The call has not begun, since ``with`` is missing.
        """
        info: ResponseInfo = self._begun().response
        return info

    def parse(self) -> _T:
        """
        Return what `Completions.create` returns: the answer, or its stream.

        Same as `AsyncAPIResponse.parse`, but blocks.
        """
        result: _T = self._begun()
        return result

    def text(self) -> str:
        """
        Return what the server sent: JSON text on one line, or all events of a stream.

        Same as `AsyncAPIResponse.text`, but blocks.

        Raises:
            ASI1Error: As for reading the stream.
        """
        return "".join(self.iter_text())

    def read(self) -> bytes:
        """
        Return the `text` as bytes.

        Same as `AsyncAPIResponse.read`, but blocks.
        """
        return self.text().encode()

    def json(self) -> JSON:
        """
        Return what the server sent as JSON data.

        Same as `AsyncAPIResponse.json`, but blocks.

        Raises:
            ASI1Error: The reply is a stream.
        """
        return load_json(text_of(self._begun()).encode())

    def iter_lines(self) -> ReplyPieces[str]:
        """
        Iterate over lines: ``data: {...}`` for each chunk of a stream; without a
        stream, one line: the answer as JSON.

        Same as `AsyncAPIResponse.iter_lines`.
        """
        return ReplyPieces(self._begun(), lines_of)

    def iter_text(self) -> ReplyPieces[str]:
        """
        Iterate over the events of a stream, as str; without a stream, over one str:
        the answer as JSON.

        Same as `AsyncAPIResponse.iter_text`.
        """
        return ReplyPieces(self._begun(), lambda text: [text])

    def iter_bytes(self) -> ReplyPieces[bytes]:
        """
        Iterate over the events of a stream, as bytes; without a stream, over one item:
        the answer as JSON.

        Same as `AsyncAPIResponse.iter_bytes`.
        """
        return ReplyPieces(self._begun(), lambda text: [text.encode()])

    def _begun(self) -> Any:
        if self._result is None:
            raise ASI1Error("with_streaming_response needs `with`")
        return self._result


class ReplyPieces(Generic[_Piece]):
    """Same as `AsyncReplyPieces`, but blocks."""

    def __init__(self, result: Any, cut: Callable[[str], Iterable[_Piece]]) -> None:
        """Users do not construct this class; `APIResponse` does."""
        stream = isinstance(result, ChatStream)
        self._stream: ChatStream | None = result if stream else None
        self._cut = cut
        self._pieces: Iterator[_Piece] = iter(() if stream else cut(text_of(result)))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Piece:
        for piece in self._pieces:
            return piece
        if self._stream is None:
            raise StopIteration
        chunk = next(self._stream, None)
        if chunk is None:
            self._stream = None
        self._pieces = iter(self._cut(DONE if chunk is None else event_of(chunk)))
        return next(self._pieces)
