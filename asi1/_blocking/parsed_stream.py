"""The stream of an answer that is parsed into a Python value, for blocking callers."""

from __future__ import annotations

from typing import Generic, TypeVar

from .._call.chunk_stream import ChunkStream
from .._client.parsed_stream import Decoding
from .._models.base_types import JSON, public
from .._models.parsed import ParsedCompletion
from .loop_thread import loop_thread
from .stream import ChatStream, on_loop


__all__ = ["ParsedStream"]

_T = TypeVar("_T")


@public
class ParsedStream(ChatStream, Generic[_T]):
    """Same as `AsyncParsedStream`, but blocks."""

    def __init__(self, answer: ChunkStream, decoding: Decoding[_T]) -> None:
        """Users do not construct this class; the client does."""
        super().__init__(answer)
        self._decoding = decoding

    def partial(self) -> JSON:
        """Same as `AsyncParsedStream.partial`."""
        return loop_thread().run(on_loop(lambda: self._decoding.partial(self._answer)))

    def get_final_completion(self) -> ParsedCompletion[_T]:
        """Same as `AsyncParsedStream.get_final_completion`, but blocks."""
        return self._decoding.whole(super().get_final_completion())
