"""
`ASI1`: the blocking client, which drives `AsyncASI1` and decides nothing.

The public surface is the async one with ``await`` removed; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from .._client.client import AsyncASI1
from .._fork_lock import no_fork
from .._models.base_types import DEFAULT, JSON, Default, public
from .._settings.config import Limits
from .._settings.hooks import Hooks
from .._settings.http_types import HTTPClient, HTTPTransport
from .._settings.options import ChatOptions, RequestOptions
from .._settings.rate_limit import Limiter, RateLimit
from .._settings.retry import RetryPolicy
from .._settings.secret import hidden
from .._settings.timeouts import Timeout, Timeouts
from .loop_thread import close_on_loop, loop_thread


if TYPE_CHECKING:
    from .._models.raw import RawReply
    from .._protocol.context.policies import ContextPolicy
    from .chat import Chat
    from .conversation import Conversation


__all__ = ["ASI1"]


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
        kind, _ = _resources()
        return kind(self._client.chat)

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
        _, kind = _resources()
        return kind(made)

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
        late = self._client._late
        late.shut()  # even if there is no loop to close it on
        if late.made is not None:
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


@cache
def _resources() -> tuple[type[Chat], type[Conversation]]:
    """Load what hangs below a client: once, since forks wait for it."""
    with no_fork:
        from .chat import Chat  # noqa: PLC0415
        from .conversation import Conversation  # noqa: PLC0415
    return Chat, Conversation
