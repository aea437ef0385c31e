"""The stream of an answer that is parsed into a Python value, for blocking callers."""

from __future__ import annotations

from typing import Generic, TypeVar

from .._call.chunk_stream import ChunkStream
from .._client.parsed_stream import Decoding
from .._models.base_types import JSON, public
from .._models.parsed import ParsedCompletion
from .stream import ChatStream, on_loop


__all__ = ["ParsedStream"]

_T = TypeVar("_T")


@public
class ParsedStream(ChatStream, Generic[_T]):
    """
    The model's answer, streamed while it is written. When it is complete, its JSON is
    decoded into a value of the type that the caller asked for.

    Same as `AsyncParsedStream`, but blocks.
    """

    def __init__(self, answer: ChunkStream, decoding: Decoding[_T]) -> None:
        """Users do not construct this class; the client does."""
        super().__init__(answer)
        self._decoding = decoding

    def partial(self) -> JSON:
        """
        Return the value so far as plain JSON data, without any check of its type.

        Same as `AsyncParsedStream.partial`.

        Returns:
            The dict or list; None before it begins.
        """
        return on_loop(lambda: self._decoding.partial(self._answer))

    def get_final_completion(self) -> ParsedCompletion[_T]:
        """
        Read to the end, and return the answer with its value ``parsed``.

        Same as `AsyncParsedStream.get_final_completion`, but blocks.

        Raises:
            OutputError: The answer did not become a value; as for
                `Completions.parse`.
            ASI1Error: As for reading the stream.
        """
        return self._decoding.whole(super().get_final_completion())
