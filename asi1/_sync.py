"""
Floor 7. `ASI1`: the blocking client, which drives `AsyncASI1` and decides nothing.

The public surface is the async one with ``await`` removed; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload

from ._account import RawReply
from ._chat import AsyncChat, AsyncCompletions
from ._client import AsyncASI1
from ._config import Limits
from ._context import ContextPolicy
from ._errors import ASI1Error
from ._hooks import Hooks
from ._limits import Limiter, RateLimit
from ._loop import close_on_loop, loop_thread
from ._messages import Messages
from ._models import ChatCompletion
from ._options import ChatOptions, RequestOptions, Timeout
from ._pools import HTTPClient, HTTPTransport
from ._retry import RetryPolicy
from ._secret import hidden
from ._stream import AsyncChatStream
from ._sync_conversation import Conversation
from ._sync_map import Answers
from ._sync_stream import ChatStream
from ._timeouts import Timeouts
from ._types import DEFAULT, JSON, Default, public


__all__ = ["ASI1", "Chat", "Completions"]


@public
class ASI1:
    """Same as `AsyncASI1`, but blocks. One client may be used by many threads."""

    def __init__(  # noqa: PLR0913 - as the async client
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        model: str = "asi1-mini",
        timeout: Timeout | Default = DEFAULT,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        rate_limit: RateLimit | Limiter | None = None,
        limits: Limits | None = None,
        http_client: HTTPClient | None = None,
        transport: HTTPTransport | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str | int | float | bool] | None = None,
        default_options: ChatOptions | None = None,
        hooks: Hooks | None = None,
        max_event_bytes: int = 16 * 1024 * 1024,
        trust_env: bool = True,
        allow_insecure_http: bool = False,
    ) -> None:
        self._client = AsyncASI1(
            api_key := hidden(api_key),
            base_url,
            model=model,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            rate_limit=rate_limit,
            limits=limits,
            http_client=http_client,
            transport=transport,
            default_headers=default_headers,
            default_query=default_query,
            default_options=default_options,
            hooks=hooks,
            max_event_bytes=max_event_bytes,
            trust_env=trust_env,
            allow_insecure_http=allow_insecure_http,
        )

    @property
    def chat(self) -> Chat:
        """Same as `AsyncASI1.chat`."""
        return Chat(self._client.chat)

    @property
    def base_url(self) -> str:
        """Same as `AsyncASI1.base_url`."""
        return self._client.base_url

    @property
    def timeouts(self) -> Timeouts:
        """Same as `AsyncASI1.timeouts`."""
        return self._client.timeouts

    def conversation(
        self,
        system: str | None = None,
        *,
        context: ContextPolicy | None = None,
        saved: str | bytes | None = None,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> Conversation:
        """Same as `AsyncASI1.conversation`."""
        made = self._client.conversation(
            system, context=context, saved=saved, model=model, **options
        )
        return Conversation(made)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: JSON = None,
        **options: Unpack[RequestOptions],
    ) -> RawReply:
        """Same as `AsyncASI1.request`, but blocks."""
        return loop_thread().run(
            self._client.request(method, path, json=json, **options)
        )

    def with_options(
        self,
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout: Timeout | Default = DEFAULT,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str | int | float | bool] | None = None,
        default_options: ChatOptions | None = None,
    ) -> Self:
        """Same as `AsyncASI1.with_options`."""
        api_key = hidden(api_key)
        child = object.__new__(type(self))
        child._client = self._client.with_options(
            api_key=api_key,
            model=model,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            default_headers=default_headers,
            default_query=default_query,
            default_options=default_options,
        )
        return child

    def close(self) -> None:
        """Same as `AsyncASI1.aclose`, but blocks."""
        self._client._core.closed = True  # even if there is no loop to close it on
        close_on_loop(self._client.aclose)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        client = getattr(self, "_client", "<AsyncASI1 never made>")
        return str(client).replace("AsyncASI1", "ASI1")


@public
class Chat:
    """Same as `AsyncChat`, for blocking callers."""

    def __init__(self, chat: AsyncChat) -> None:
        """Made by the client."""
        self._chat = chat

    @property
    def completions(self) -> Completions:
        """Same as `AsyncChat.completions`."""
        return Completions(self._chat.completions)


@public
class Completions:
    """Same as `AsyncCompletions`, for blocking callers."""

    def __init__(self, completions: AsyncCompletions) -> None:
        """Made by the client."""
        self._completions = completions

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

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | ChatStream:
        """Same as `AsyncCompletions.create`, but blocks."""
        made = loop_thread().run(
            self._completions.create(
                messages=messages, model=model, stream=stream, **options
            )
        )
        return ChatStream(made) if isinstance(made, AsyncChatStream) else made

    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatStream:
        """Same as `AsyncCompletions.stream`, but blocks."""
        return ChatStream(
            self._completions.stream(messages=messages, model=model, **options)
        )

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> Answers[ChatCompletion]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        **options: Unpack[ChatOptions],
    ) -> Answers[ChatCompletion | ASI1Error]: ...

    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool = False,
        **options: Unpack[ChatOptions],
    ) -> Answers[Any]:
        """Same as `AsyncCompletions.map`, but blocks."""
        return Answers(
            self._completions.map(
                prompts,
                model=model,
                concurrency=concurrency,
                return_exceptions=return_exceptions,
                **options,
            )
        )
