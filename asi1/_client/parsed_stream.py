"""A stream whose answer becomes a value of a Python type."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from .._call.chunk_stream import ChunkStream, chunk_stream
from .._call.engine import Engine
from .._models.base_types import JSON, public
from .._models.completion import ChatCompletion
from .._models.messages import Messages
from .._models.parsed import ParsedCompletion, parsed_completion
from .._protocol.partial_json import PartialValue
from .._protocol.request import chat_request
from .._protocol.schema.output_type import OutputType, output_type
from .stream import AsyncChatStream


__all__ = ["AsyncParsedStream", "Decoding", "parsed_chunk_stream"]

_T = TypeVar("_T")


class Decoding(Generic[_T]):
    """Decodes a streamed answer: partly while it arrives, completely at its end."""

    def __init__(self, output: OutputType[_T]) -> None:
        """Decode answers into the type of *output*."""
        self._output = output
        self._partial = PartialValue(output.key)

    def partial(self, answer: ChunkStream) -> JSON:
        """Return the value so far, as plain JSON data."""
        return self._partial.update(answer.snapshot().text, whole=answer.consumed)

    def whole(self, answer: ChatCompletion) -> ParsedCompletion[_T]:
        """
        Return the complete answer with its value.

        Raises:
            OutputError: The answer did not become a value.
        """
        result = self._output.read(answer)
        return parsed_completion(answer, result.value, parsed_from=result.parsed_from)


def parsed_chunk_stream(
    engine: Engine,
    *,
    messages: Messages,
    model: str | None,
    response_format: Any,
    options: Any,
) -> tuple[ChunkStream, Decoding[Any]]:
    """
    Return the stream of the answer, and its decoder; the first use starts the call.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    output = output_type(response_format)
    request = chat_request(
        engine.config,
        messages=messages,
        model=model,
        stream=True,
        options={**options, "response_format": output.response_format},
    )
    engine.check_open()
    return chunk_stream(engine, request), Decoding(output)


@public
class AsyncParsedStream(AsyncChatStream, Generic[_T]):
    """
    The model's answer, streamed while it is written. When it is complete, its JSON is
    decoded into a value of the type that the caller asked for.

    It is an `AsyncChatStream`: its chunks have the JSON text as it arrives.
    """

    def __init__(self, answer: ChunkStream, decoding: Decoding[_T]) -> None:
        """Users do not construct this class; the client does."""
        super().__init__(answer)
        self._decoding = decoding

    def partial(self) -> JSON:
        """
        Return the value so far as plain JSON data, without any check of its type.

        The last str, number or list may still grow, and dicts may lack keys. The text
        is parsed again only after it has grown by 1/32 of its length.

        Returns:
            The dict or list; None before it begins.
        """
        return self._decoding.partial(self._answer)

    async def get_final_completion(self) -> ParsedCompletion[_T]:
        """
        Read to the end, and return the answer with its value ``parsed``.

        Raises:
            OutputError: The answer did not become a value; as for
                `AsyncCompletions.parse`.
            ASI1Error: As for reading the stream.
        """
        return self._decoding.whole(await super().get_final_completion())
