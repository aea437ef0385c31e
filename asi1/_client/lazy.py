"""The base of both clients: their settings, with an engine created at first use."""

from __future__ import annotations

import os

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from .._models.base_types import (
    DEFAULT,
    HTTPURL,
    JSON,
    Default,
    Hinted,
    HTTPClient,
    HTTPLimits,
    HTTPTransport,
    KeyFunction,
    Tag,
)
from .._settings.config import (
    ClientConfig,
    Limits,
    read_base_url,
    read_limits,
    read_model,
)
from .._settings.options import ChatOptions, RequestOptions
from .._settings.retry import RetryPolicy, read_retry
from .._settings.secret import hidden
from .._settings.timeouts import Timeout, Timeouts
from .lazy_engine import LazyEngine, read_key, read_tables
from .loader import loader


if TYPE_CHECKING:
    from .._call.engine import Engine
    from .._models.spent import Spent
    from .._settings.budget import Budget
    from .._settings.cache import Cache
    from .._settings.hooks import Hooks
    from .._settings.models import ModelInfo
    from .._settings.prices import Price
    from .._settings.rate_limit import Limiter, RateLimit


__all__ = ["BaseClient"]

_T = TypeVar("_T")


class BaseClient(Hinted):
    """The constructor, the settings and `with_options` of both clients."""

    def __init__(  # noqa: PLR0913 - a client has many settings
        self,
        api_key: str | KeyFunction | None = None,
        base_url: str | HTTPURL | None = None,
        *,
        model: str = "asi1-mini",
        timeout: Timeout | Default = DEFAULT,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        rate_limit: RateLimit | Limiter | None = None,
        limits: Limits | HTTPLimits | None = None,
        http_client: HTTPClient | None = None,
        transport: HTTPTransport | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str | int | float | bool] | None = None,
        default_options: ChatOptions | None = None,
        models: Mapping[str, ModelInfo] | None = None,
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
        hooks: Hooks | Sequence[Hooks] | None = None,
        tags: Mapping[str, Tag] | None = None,
        cache: Cache | None = None,
        max_event_bytes: int = 16 * 1024 * 1024,
        trust_env: bool = True,
        allow_insecure_http: bool = False,
    ) -> None:
        tables = (default_headers, default_query, default_options, models, prices, tags)
        config = ClientConfig(
            api_key=read_key(api_key := hidden(api_key), self._environment()),
            base_url=read_base_url(base_url, os.environ, insecure=allow_insecure_http),
            model=read_model(model),
            timeouts=Timeouts.of(timeout),
            retry=read_retry(max_retries, retry),
            max_event_bytes=max_event_bytes,
            limits=read_limits(limits),
            trust_env=trust_env,
            **read_tables(tables),
        )
        given = (http_client, transport, rate_limit, hooks, cache, budget)
        self._lazy = LazyEngine(config, *given)

    def _environment(self) -> Mapping[str, str]:
        """Return the environment; a subclass first checks its own variables."""
        return os.environ

    @property
    def _engine(self) -> Engine:
        return self._lazy.get()

    def _namespace(self, name: str, kind: Callable[[], Callable[..., _T]]) -> _T:
        """
        Return the attribute *name*, such as ``chat``; create it at its first use.

        It is always the same object, so that tests can replace its methods.
        """
        # Not stored in `_lazy`: that would be a reference cycle, which is freed late.
        made: dict[str, _T] = vars(self).setdefault("_namespaces", {})
        return made.get(name) or made.setdefault(name, kind()(self._lazy))

    @property
    def base_url(self) -> str:
        """The URL of the API, without a trailing slash."""
        return self._lazy.config.base_url

    @property
    def max_retries(self) -> int:
        """Maximum number of retries of a call that does not set its own maximum."""
        return self._lazy.config.retry.attempts - 1

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of calls that do not set their own."""
        return self._lazy.config.timeouts

    @property
    def spent(self) -> Spent:
        """What this client, and all that share its connections, have used so far."""
        return self._engine.resources.tally.spent()

    def with_options(  # noqa: PLR0913 - as the constructor
        self,
        *,
        api_key: str | KeyFunction | None = None,
        model: str | None = None,
        timeout: Timeout | Default = DEFAULT,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str | int | float | bool] | None = None,
        default_options: ChatOptions | None = None,
        models: Mapping[str, ModelInfo] | None = None,
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
        hooks: Hooks | Sequence[Hooks] | None = None,
        tags: Mapping[str, Tag] | None = None,
    ) -> Self:
        """
        Return a client with some settings changed, which uses the same connections.

        Settings left out do not change; headers, query, options, models, prices, hooks
        and tags are added to those of this client, and a budget limits the new client
        besides this client's. Closing the new client leaves this one open; closing this
        one closes both.

        Raises:
            ConfigurationError: As for the constructor.
            ClientClosedError: The client is closed.
        """
        tables = (default_headers, default_query, default_options, models, prices, tags)
        engine = _child_engine()(
            self._lazy.config,
            self._lazy.get,
            api_key=(api_key := hidden(api_key)),
            model=model,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            tables=tables,
            budget=budget,
            hooks=hooks,
        )
        child = object.__new__(type(self))
        child._lazy = LazyEngine(engine.config, made=engine)
        return child

    copy = with_options  # the name that OpenAI's client uses

    @property
    def beta(self) -> Self:
        """The client itself: programs for older clients call ``client.beta.chat``."""
        return self

    def get(
        self,
        path: str,
        *,
        cast_to: object = None,
        options: Mapping[str, Any] | None = None,
        **more: Unpack[RequestOptions],
    ) -> Any:
        """
        Send a GET request as `request` does, with the arguments of OpenAI's client.

        `post`, `put`, `patch` and `delete` also take a *body*.

        Args:
            path: As for `request`; a missing slash at its start is added.
            cast_to: What to return: ``dict``, ``list`` or ``object`` for JSON data,
                ``str`` for the text, ``bytes``, or a class of pydantic. Anything else,
                such as ``httpx.Response``, is ignored: the reply is a `RawReply`.
            options: OpenAI's ``headers``, ``params``, ``extra_json``, ``timeout``,
                ``max_retries`` and ``idempotency_key``.
            **more: Fields of `RequestOptions`.

        Raises:
            ASI1Error: As for `request`; and *cast_to*'s own errors, unchanged.
        """
        return _send()(
            self, "GET", path, body=None, cast_to=cast_to, options=options, more=more
        )

    def post(
        self,
        path: str,
        *,
        body: JSON = None,
        cast_to: object = None,
        options: Mapping[str, Any] | None = None,
        **more: Unpack[RequestOptions],
    ) -> Any:
        """Send a POST request: see `get`."""
        return _send()(
            self, "POST", path, body=body, cast_to=cast_to, options=options, more=more
        )

    def put(
        self,
        path: str,
        *,
        body: JSON = None,
        cast_to: object = None,
        options: Mapping[str, Any] | None = None,
        **more: Unpack[RequestOptions],
    ) -> Any:
        """Send a PUT request: see `get`."""
        return _send()(
            self, "PUT", path, body=body, cast_to=cast_to, options=options, more=more
        )

    def patch(
        self,
        path: str,
        *,
        body: JSON = None,
        cast_to: object = None,
        options: Mapping[str, Any] | None = None,
        **more: Unpack[RequestOptions],
    ) -> Any:
        """Send a PATCH request: see `get`."""
        return _send()(
            self, "PATCH", path, body=body, cast_to=cast_to, options=options, more=more
        )

    def delete(
        self,
        path: str,
        *,
        body: JSON = None,
        cast_to: object = None,
        options: Mapping[str, Any] | None = None,
        **more: Unpack[RequestOptions],
    ) -> Any:
        """Send a DELETE request: see `get`."""
        return _send()(
            self, "DELETE", path, body=body, cast_to=cast_to, options=options, more=more
        )

    def is_closed(self) -> bool:
        """Whether the client was closed, or the client whose `with_options` made it."""
        return self._lazy.closed

    def __repr__(self) -> str:
        name = type(self).__name__
        if (lazy := getattr(self, "_lazy", None)) is None:  # `__init__` raised an error
            return f"<{name} without settings>"
        return f"<{name} base_url={self.base_url!r} model={lazy.config.model!r}>"


@loader
def _send() -> Callable[..., Any]:
    from .verbs import send  # noqa: PLC0415 - rarely used

    return send


@loader
def _child_engine() -> Callable[..., Engine]:
    from .child_settings import child_engine  # noqa: PLC0415 - not every program's

    return child_engine


# Python shows these names in the `TypeError` for an unknown argument.
BaseClient.__init__.__qualname__ = "client.__init__"
BaseClient.with_options.__qualname__ = "client.with_options"
