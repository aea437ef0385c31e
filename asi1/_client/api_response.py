"""The reply to a call of ``with_streaming_response``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from .._models.base_types import JSON, public
from .._models.errors import ASI1Error
from .._models.json_text import load_json
from .._models.raw import Reply
from .._models.raw_response import DONE, event_of, lines_of, text_of
from .._models.response import ResponseInfo
from .stream import AsyncChatStream


__all__ = ["AsyncAPIResponse", "AsyncReplyPieces"]

_T = TypeVar("_T")
_Piece = TypeVar("_Piece")


@public
class AsyncAPIResponse(Reply, Generic[_T]):
    """
    The reply to a call of ``with_streaming_response``.

    Use it with ``async with``: entering the block makes the call, and leaving it closes
    the stream. Without ``stream=True``, the complete answer has arrived when the block
    is entered.
    """

    def __init__(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Users do not construct this class; the client does."""
        self._call = call
        self._result: Any = None

    def __repr__(self) -> str:
        state = "not begun" if self._result is None else f"[{self.status_code}]"
        return f"<AsyncAPIResponse {state}>"

    async def __aenter__(self) -> Self:
        self._result = await self._call()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream, if the reply is one; may be called twice."""
        if isinstance(self._result, AsyncChatStream):
            await self._result.aclose()

    close = aclose  # the name that OpenAI's client uses

    @property
    def response(self) -> ResponseInfo:
        """
        The response metadata.

        Raises:
            ASI1Error: The call has not begun, since ``async with`` is missing.
        """
        info: ResponseInfo = self._begun().response
        return info

    async def parse(self) -> _T:
        """Return what `AsyncCompletions.create` returns: the answer, or its stream."""
        result: _T = self._begun()
        return result

    async def text(self) -> str:
        """
        Return what the server sent: JSON text on one line, or all events of a stream.

        Raises:
            ASI1Error: As for reading the stream.
        """
        return "".join([piece async for piece in self.iter_text()])

    async def read(self) -> bytes:
        """Return the `text` as bytes."""
        return (await self.text()).encode()

    async def json(self) -> JSON:
        """
        Return what the server sent as JSON data.

        Raises:
            ASI1Error: The reply is a stream.
        """
        return load_json(text_of(self._begun()).encode())

    def iter_lines(self) -> AsyncReplyPieces[str]:
        """
        Iterate over lines: ``data: {...}`` for each chunk of a stream; without a
        stream, one line: the answer as JSON.
        """
        return AsyncReplyPieces(self._begun(), lines_of)

    def iter_text(self) -> AsyncReplyPieces[str]:
        """
        Iterate over the events of a stream, as str; without a stream, over one str:
        the answer as JSON.
        """
        return AsyncReplyPieces(self._begun(), lambda text: [text])

    def iter_bytes(self) -> AsyncReplyPieces[bytes]:
        """
        Iterate over the events of a stream, as bytes; without a stream, over one item:
        the answer as JSON.
        """
        return AsyncReplyPieces(self._begun(), lambda text: [text.encode()])

    def _begun(self) -> Any:
        if self._result is None:
            raise ASI1Error("with_streaming_response needs `async with`")
        return self._result


class AsyncReplyPieces(Generic[_Piece]):
    """An async iterator of the pieces of a reply: its lines, texts or bytes."""

    def __init__(self, result: Any, cut: Callable[[str], Iterable[_Piece]]) -> None:
        """Users do not construct this class; `AsyncAPIResponse` does."""
        stream = isinstance(result, AsyncChatStream)
        self._stream: AsyncChatStream | None = result if stream else None
        self._cut = cut
        self._pieces: Iterator[_Piece] = iter(() if stream else cut(text_of(result)))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Piece:
        for piece in self._pieces:
            return piece
        if self._stream is None:
            raise StopAsyncIteration
        chunk = await anext(self._stream, None)
        if chunk is None:
            self._stream = None
        self._pieces = iter(self._cut(DONE if chunk is None else event_of(chunk)))
        return next(self._pieces)
