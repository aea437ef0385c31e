"""
`AsyncASI1`: what hangs below a client, for asyncio and trio.

Decides nothing: it hands arguments down to where they are checked. What a method needs
is loaded when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from .._fork_lock import loader
from .._models.base_types import JSON, public
from .._settings.options import ChatOptions, RequestOptions
from .lazy import BaseClient


if TYPE_CHECKING:
    from .._models.raw import RawReply
    from .._protocol.context.policies import ContextPolicy
    from .chat import AsyncChat
    from .conversation.conversation import AsyncConversation
    from .conversation.turn_taking import TurnTaking


__all__ = ["AsyncASI1"]


@public
class AsyncASI1(BaseClient):
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

    @property
    def chat(self) -> AsyncChat:
        """Chat: ``client.chat.completions.create(...)`` and ``.stream(...)``."""
        return _chat()(self._engine)

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
        kind, open_conversation = _conversation()
        turns = open_conversation(
            self._engine,
            system=system,
            context=context,
            saved=saved,
            model=model,
            options=options,
        )
        return kind(turns)

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
        engine = self._engine
        from .._call.bytes_reader import BytesReader  # noqa: PLC0415 - likewise
        from .._protocol.request import plain_request  # noqa: PLC0415 - with the engine

        request = plain_request(engine.config, method, path, json=json, options=options)
        return await engine.fetch(request, BytesReader)

    async def aclose(self) -> None:
        """
        Close the client: calls under way end, connections are closed.

        May be called twice. A client from `with_options` ends its own calls only.
        """
        await self._lazy.aclose()

    async def __aenter__(self) -> Self:
        self._engine.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()


@loader
def _chat() -> type[AsyncChat]:
    from .chat import AsyncChat  # noqa: PLC0415 - with the engine

    return AsyncChat


@loader
def _conversation() -> tuple[type[AsyncConversation], Callable[..., TurnTaking]]:
    from .conversation.conversation import (  # noqa: PLC0415 - by the first one
        AsyncConversation,
        open_conversation,
    )

    return AsyncConversation, open_conversation
