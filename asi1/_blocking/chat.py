"""``client.chat.completions`` for blocking callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from .._call.answer_reader import AnswerReader
from .._call.engine import Engine
from .._client.lazy_engine import LazyEngine
from .._client.loader import loader
from .._models.base_types import Hinted, public
from .._models.completion import ChatCompletion
from .._models.messages import Messages
from .._protocol.request import chat_request
from .._settings.options import ChatOptions, ParseOptions, lists
from .._settings.validators import not_given
from .agent_calls import AgentCalls
from .loop_thread import loop_thread
from .map_calls import MapCalls


if TYPE_CHECKING:
    from .._call.chunk_stream import ChunkStream
    from .._protocol.request import Request
    from .parsed_stream import ParsedStream
    from .raw_calls import RawCompletions, StreamedCompletions
    from .stream import ChatStream


__all__ = ["Chat", "Completions"]

_T = TypeVar("_T")


@public
class Chat(Hinted):
    """
    The namespace ``client.chat``.

    Same as `AsyncChat`, for blocking callers.
    """

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._completions = Completions(lazy.get())

    @property
    def completions(self) -> Completions:
        """The chat completion endpoint; always the same object."""
        return self._completions


@public
class Completions(AgentCalls, MapCalls, Hinted):
    """
    The chat completion endpoint.

    Same as `AsyncCompletions`, for blocking callers.
    """

    def __init__(self, engine: Engine) -> None:
        """Users do not construct this class; the client does."""
        self._engine = engine
        self._raw: RawCompletions | None = None
        self._streamed: StreamedCompletions | None = None

    @property
    def with_raw_response(self) -> RawCompletions:
        """`create` and `parse` that return a `RawResponse` with status and headers."""
        self._raw = self._raw or _raw_calls()[0](self)
        return self._raw

    @property
    def with_streaming_response(self) -> StreamedCompletions:
        """`create` for ``with``: it returns an `APIResponse`."""
        self._streamed = self._streamed or _raw_calls()[1](self)
        return self._streamed

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> ChatStream: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | ChatStream: ...

    @lists(ChatOptions)
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | ChatStream:
        """
        Ask the model for the next message of a conversation.

        Same as `AsyncCompletions.create`, but blocks.

        Args:
            messages: The conversation, oldest turn first: one str, or a non-empty list
                of dicts, message objects and earlier answers in any mixture.
            model: Any name the server knows; the client's model if left out.
            stream: True returns a stream, as soon as the server begins to answer.
            **options: Fields of `ChatOptions`.

        Returns:
            The model's answer; with ``stream=True``, the stream of its chunks.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            APIStatusError: The server refused the request; the subclass says why.
            APITimeoutError: A timeout passed.
            APIConnectionError: No usable reply arrived.
            APIResponseError: The reply is not a valid answer.
            StreamError: The server sent a stream although none was requested, and the
                stream broke: it ended early, or contains an error event or an invalid
                event.
            ClientClosedError: The client was closed, before or during the call.
            ConfigurationError: A proxy or CA file from the environment is unusable.
        """
        # Building a long request takes time and would delay the calls of other threads
        # on the shared event loop, so the caller's thread builds it.
        request = chat_request(
            self._engine.config,
            messages=messages,
            model=model,
            stream=stream,
            options=options,
        )
        loop = loop_thread()
        if stream:
            kind, answer_to = _stream()
            return kind(loop.run(answer_to(self._engine, request).open))
        return loop.run(lambda: self._engine.fetch_here(request, AnswerReader))

    @overload
    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatStream: ...

    @overload
    def stream(
        self,
        *,
        messages: Messages,
        response_format: type[_T],
        model: str | None = None,
        **options: Unpack[ParseOptions],
    ) -> ParsedStream[_T]: ...

    @lists(ParseOptions)
    def stream(
        self,
        *,
        messages: Messages,
        response_format: Any = None,
        model: str | None = None,
        **options: Unpack[ParseOptions],
    ) -> ChatStream:
        """
        Ask the model for the next message of a conversation, and stream the answer.

        Same as `AsyncCompletions.stream`, but blocks.

        Args:
            messages: As for `create`.
            response_format: As for `create`, or a type as for `parse`: then the
                stream's final completion has the value.
            model: As for `create`.
            **options: Fields of `ChatOptions`.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            ClientClosedError: The client is closed.
        """
        if not (isinstance(response_format, Mapping) or not_given(response_format)):
            parsed_kind, parsed = _parsed_stream()
            return parsed_kind(
                *parsed(
                    self._engine,
                    messages=messages,
                    model=model,
                    response_format=response_format,
                    options=options,
                )
            )
        request = chat_request(
            self._engine.config,
            messages=messages,
            model=model,
            stream=True,
            options={**options, "response_format": response_format},
        )
        self._engine.check_open()
        kind, answer_to = _stream()
        return kind(answer_to(self._engine, request))


@loader
def _stream() -> tuple[type[ChatStream], Callable[[Engine, Request], ChunkStream]]:
    from .._call.chunk_stream import chunk_stream  # noqa: PLC0415
    from .stream import ChatStream  # noqa: PLC0415

    return ChatStream, chunk_stream


@loader
def _raw_calls() -> tuple[type[RawCompletions], type[StreamedCompletions]]:
    from .raw_calls import (  # noqa: PLC0415 - rarely used
        RawCompletions,
        StreamedCompletions,
    )

    return RawCompletions, StreamedCompletions


@loader
def _parsed_stream() -> tuple[type[ParsedStream[Any]], Callable[..., Any]]:
    from .._client.parsed_stream import parsed_chunk_stream  # noqa: PLC0415
    from .parsed_stream import ParsedStream  # noqa: PLC0415

    return ParsedStream, parsed_chunk_stream
