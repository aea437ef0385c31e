"""
`AsyncASI1`: what a user sets up, and what hangs below it.

Decides nothing: it hands arguments down to where they are checked, and opens no file
and no connection before the first call. What calls need is loaded when it is asked for.
"""

from __future__ import annotations

import os

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import attrs

from .._models.base_types import DEFAULT, JSON, Default, public
from .._settings.config import (
    ClientConfig,
    Limits,
    check_headers,
    read_api_key,
    read_base_url,
    read_model,
    read_query,
    read_retry,
)
from .._settings.hooks import Hooks
from .._settings.http_types import HTTPClient, HTTPTransport
from .._settings.options import ChatOptions, RequestOptions, Timeout, checked_options
from .._settings.rate_limit import Limiter, RateLimit
from .._settings.retry import RetryPolicy
from .._settings.secret import hidden
from .._settings.timeouts import Timeouts
from .lazy import LateCore


if TYPE_CHECKING:
    from .._call.engine import Core
    from .._models.raw import RawReply
    from .._protocol.context.policies import ContextPolicy
    from .chat import AsyncChat
    from .conversation.conversation import AsyncConversation


__all__ = ["AsyncASI1"]


@public
class AsyncASI1:
    """
    The client of ASI-1 Mini, for asyncio and trio.

    Every argument is optional. Making a client touches neither the network nor the
    disk; one client is enough for a program, may be used by many tasks and from several
    event loops, and is closed by ``async with`` or `aclose`.

    Args:
        api_key: The key; else the environment's ``ASI_ONE_API_KEY``, ``ASI1_API_KEY``.
        base_url: Where the API is; else the environment's ``ASI1_BASE_URL``,
            ``ASI_ONE_BASE_URL``, else the public API. With or without ``/v1``.
        model: Used where a call names none.
        timeout: Seconds in total for each call, or a `Timeouts`, or an
            ``httpx.Timeout``, or None for no limit of any kind.
        max_retries: How often a call is tried again at most; 2 if left out.
        retry: The whole `RetryPolicy`, in place of *max_retries*.
        rate_limit: How much to ask for in a time; calls above it wait their turn. A
            `RateLimit`, or a `Limiter` of your own.
        limits: How many connections, and how long they are kept.
        http_client: Your own ``httpx.AsyncClient``; it is never closed by this client.
        transport: Your own httpx transport; never closed either.
        default_headers: Sent with every request.
        default_query: Added to every URL.
        default_options: Chat options for calls that do not give their own.
        hooks: Callables that are told of retries and of the end of calls.
        max_event_bytes: The largest event of a stream, and the largest body, in bytes.
        trust_env: False ignores proxies and CA files of the environment.
        allow_insecure_http: True lets the key go over http:// to other machines.

    Raises:
        ConfigurationError: Something of it cannot be right; the error names what.
    """

    def __init__(  # noqa: PLR0913 - a client has many settings
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
        config = ClientConfig(
            api_key=read_api_key(api_key := hidden(api_key), os.environ),
            base_url=read_base_url(
                base_url, os.environ, allow_insecure_http=allow_insecure_http
            ),
            model=read_model(model),
            timeouts=Timeouts.of(timeout),
            retry=read_retry(max_retries, retry),
            headers=check_headers(default_headers or {}, "default_headers"),
            query=read_query(default_query or {}, "default_query"),
            options=checked_options(default_options or {}),
            max_event_bytes=max_event_bytes,
            limits=limits or Limits(),
            trust_env=trust_env,
        )
        self._late = LateCore(config, http_client, transport, rate_limit, hooks)

    @property
    def _core(self) -> Core:
        return self._late.get()

    @property
    def chat(self) -> AsyncChat:
        """Chat: ``client.chat.completions.create(...)`` and ``.stream(...)``."""
        core = self._core
        from .chat import AsyncChat  # noqa: PLC0415 - loaded with the core

        return AsyncChat(core)

    @property
    def base_url(self) -> str:
        """Where requests go, without a slash at its end."""
        return self._late.config.base_url

    @property
    def timeouts(self) -> Timeouts:
        """The time limits of calls that give none of their own."""
        return self._late.config.timeouts

    def conversation(
        self,
        system: str | None = None,
        *,
        context: ContextPolicy | None = None,
        saved: str | bytes | None = None,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncConversation:
        """
        Begin a conversation, which keeps what was said and sends it with each turn.

        Args:
            system: The system message.
            context: What of a long history a request still holds; all of it if left
                out.
            saved: What `AsyncConversation.to_json` returned, to go on with that one.
            model: Used where a turn names none; the client's if left out.
            **options: Fields of `ChatOptions`, for each turn; over those that were
                saved.

        Raises:
            ArgumentError: An argument is wrong.
            ClientClosedError: The client was closed before.
        """
        core = self._core
        from .conversation.conversation import open_conversation  # noqa: PLC0415 - loaded with the core

        return open_conversation(
            core,
            system=system,
            context=context,
            saved=saved,
            model=model,
            options=options,
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: JSON = None,
        **options: Unpack[RequestOptions],
    ) -> RawReply:
        """
        Call an endpoint that has no method of its own.

        Args:
            method: Such as GET or POST.
            path: Below the base URL, beginning with a slash: ``/models``.
            json: The body; None for none.
            **options: Fields of `RequestOptions`.

        Returns:
            The reply's bytes, with ``json()`` and ``text``.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            APIStatusError: The server refused; its subclass tells why.
            APITimeoutError: A time limit passed.
            APIConnectionError: No usable reply arrived.
            APIResponseError: The reply is too large, or cannot be decoded.
            ClientClosedError: The client was closed, before or meanwhile.
            ConfigurationError: A proxy or CA file of the environment cannot be used.
        """
        core = self._core
        from .._call.reply_reader import BytesReader  # noqa: PLC0415 - as below
        from .._protocol.request import plain_request  # noqa: PLC0415 - loaded with the core

        request = plain_request(
            self._late.config, method, path, json=json, options=options
        )
        return await core.fetch(request, BytesReader)

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
        """
        Return a client with some settings changed, on the same connections.

        What is left out stays as it is; headers, query and options are added to those
        of this client. Closing the child does not close this client; closing this one
        closes the child.

        Raises:
            ConfigurationError: As for the constructor.
            ClientClosedError: The client was closed before.
        """
        api_key = hidden(api_key)
        now = self._late.config
        changes: dict[str, Any] = {}
        if api_key is not None:
            changes["api_key"] = read_api_key(api_key, {})
        if model is not None:
            changes["model"] = read_model(model)
        if timeout is not DEFAULT:
            changes["timeouts"] = Timeouts.of(timeout)
        if max_retries is not None:
            attempts = read_retry(max_retries, retry).attempts
            changes["retry"] = attrs.evolve(now.retry, attempts=attempts)
        elif retry is not None:
            changes["retry"] = retry
        if default_headers:
            added = check_headers(default_headers, "default_headers")
            changes["headers"] = {**now.headers, **added}
        if default_query:
            added_query = read_query(default_query, "default_query")
            changes["query"] = {**now.query, **added_query}
        if default_options:
            changes["options"] = {**now.options, **checked_options(default_options)}
        child = object.__new__(type(self))
        core = self._core.child(attrs.evolve(now, **changes))
        child._late = LateCore(core.config, made=core)
        return child

    async def aclose(self) -> None:
        """
        Close the client: calls under way end, connections are closed.

        May be called twice. A client from `with_options` ends its own calls only.
        """
        await self._late.aclose()

    async def __aenter__(self) -> Self:
        self._core.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        late = getattr(self, "_late", None)  # missing if the constructor raised
        if late is None:
            return "<AsyncASI1 never made>"
        config = late.config
        return f"<AsyncASI1 base_url={config.base_url!r} model={config.model!r}>"
