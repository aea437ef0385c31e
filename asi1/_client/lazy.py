"""
The base of both clients: their settings, and an engine that is created at first use.

So creating a client is cheap, and opens no file and no connection: the first call
imports httpx and all other modules that calls need, in a new thread.
"""

from __future__ import annotations

import os

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs

from attrs import define, field

from .._fork_lock import ExitingError, run_apart_once
from .._models.base_types import DEFAULT, Default
from .._models.errors import ASI1Error, ConfigurationError
from .._settings.config import (
    ClientConfig,
    HTTPClient,
    HTTPLimits,
    HTTPTransport,
    Limits,
    check_headers,
    read_api_key,
    read_base_url,
    read_limits,
    read_model,
    read_query,
)
from .._settings.hooks import Hooks
from .._settings.options import ChatOptions
from .._settings.rate_limit import Limiter, RateLimit, check_limiter
from .._settings.retry import RetryPolicy, read_retry
from .._settings.secret import hidden
from .._settings.timeouts import Timeout, Timeouts
from .._settings.validators import shown


if TYPE_CHECKING:
    from .._call.bytes_reader import BytesReader
    from .._call.engine import Engine
    from .._protocol.request import Request
    from .._settings.models import ModelInfo


__all__ = ["BaseClient", "LazyEngine", "loader", "plain"]

_T = TypeVar("_T")


def loader(load: Callable[[], _T]) -> Callable[[], _T]:
    """
    Return a cached version of *load*, a function that imports modules.

    The imports run in a thread that no signal interrupts, and forks wait for them.
    Later calls return the cached result at once.
    """
    once = run_apart_once(load)

    def loaded() -> _T:
        try:
            return once()
        except ExitingError as error:
            raise ASI1Error(f"{error}; no more calls can be made") from None

    return loaded


@define(eq=False)
class LazyEngine:
    """
    Creates a client's engine at its first use.

    Attributes:
        config: The client's settings.
        made: The engine; None before its first use.
        namespaces: Those of the client's objects like ``client.chat`` that were used.
    """

    config: ClientConfig
    _http_client: HTTPClient | None = None
    _transport: HTTPTransport | None = None
    _rate_limit: RateLimit | Limiter | None = None
    _hooks: Hooks | None = None
    made: Engine | None = field(default=None, kw_only=True)
    namespaces: dict[str, Any] = field(factory=dict, init=False, repr=False)
    _closed: bool = field(default=False, init=False)
    _first: dict[str, Engine] = field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_limiter(self._rate_limit)
        if not isinstance(self._hooks, Hooks | None):
            raise ConfigurationError(f"hooks: must be Hooks, not {shown(self._hooks)}")
        if self._http_client is not None or self._transport is not None:
            self.get()  # raises if the HTTP client or transport is wrong

    def get(self) -> Engine:
        """
        Return the engine; the first call creates it, and imports the modules it needs.

        Raises:
            ConfigurationError: A user-provided HTTP client or transport is wrong.
        """
        if self.made is not None:
            return self.made
        # If several threads run this line at once, all get the same engine. A lock is
        # not used, since a forked child might inherit it in the acquired state.
        self.made = self._first.setdefault("engine", self._make())
        self.made.closed |= self._closed  # `shut` may have run before `made` was set
        return self.made

    def _make(self) -> Engine:
        return _engine_of()(
            self.config,
            self._http_client,
            self._transport,
            self._rate_limit,
            self._hooks,
        )

    def shut(self) -> None:
        """Refuse new calls; running calls go on."""
        self._closed = True
        if self.made is not None:
            self.made.closed = True

    async def aclose(self) -> None:
        """Cancel all calls, and close the connections."""
        self.shut()
        if self.made is not None:
            await self.made.aclose()


class BaseClient:
    """The constructor, the settings and `with_options` of both clients."""

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
        limits: Limits | HTTPLimits | None = None,
        http_client: HTTPClient | None = None,
        transport: HTTPTransport | None = None,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str | int | float | bool] | None = None,
        default_options: ChatOptions | None = None,
        models: Mapping[str, ModelInfo] | None = None,
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
            max_event_bytes=max_event_bytes,
            limits=read_limits(limits),
            trust_env=trust_env,
            **_read(default_headers, default_query, default_options, models),
        )
        self._lazy = LazyEngine(config, http_client, transport, rate_limit, hooks)

    @property
    def _engine(self) -> Engine:
        return self._lazy.get()

    def _namespace(self, name: str, kind: Callable[[], Callable[[Engine], _T]]) -> _T:
        """
        Return the client's object of this name; make it at its first use.

        It is the same object each time, since tests replace its methods by their own.
        """
        made = self._lazy.namespaces
        if name not in made:
            made.setdefault(name, kind()(self._engine))
        space: _T = made[name]
        return space

    @property
    def base_url(self) -> str:
        """The URL of the API, without a trailing slash."""
        return self._lazy.config.base_url

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of calls that do not give their own."""
        return self._lazy.config.timeouts

    def with_options(  # noqa: PLR0913 - as the constructor
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
        models: Mapping[str, ModelInfo] | None = None,
    ) -> Self:
        """
        Return a client with some settings changed, on the same connections.

        Settings left out do not change; headers, query, options and models are added to
        those of this client. Closing the new client does not close this client; closing
        this client closes both.

        Raises:
            ConfigurationError: As for the constructor.
            ClientClosedError: The client is closed.
        """
        api_key = hidden(api_key)
        now = self._lazy.config
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
        added = _read(default_headers, default_query, default_options, models)
        changes |= {k: {**getattr(now, k), **v} for k, v in added.items()}
        child = object.__new__(type(self))
        engine = self._engine.child(attrs.evolve(now, **changes))
        child._lazy = LazyEngine(engine.config, made=engine)
        return child

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            kind = type(self).__name__
            advice = "" if name.startswith("_") else _hint()(kind, name)
            raise AttributeError(
                f"{kind} has no attribute {name!r}{advice}", name=name, obj=self
            )

    def __repr__(self) -> str:
        name = type(self).__name__
        lazy = getattr(self, "_lazy", None)  # missing if `__init__` raised
        if lazy is None:
            return f"<{name} without settings>"
        return f"<{name} base_url={self.base_url!r} model={lazy.config.model!r}>"


@loader
def _engine_of() -> Callable[..., Engine]:
    from .._call.engine import engine_of  # noqa: PLC0415 - with the first call
    from .._transport.event_loop import import_backends  # noqa: PLC0415

    import_backends()
    return engine_of


@loader
def _hint() -> Callable[[str, str], str]:
    from .._models.openai_names import hint  # noqa: PLC0415 - only for an error

    return hint


@loader
def plain() -> tuple[type[BytesReader], Callable[..., Request]]:
    """Return the reader class and the request function for `AsyncASI1.request`."""
    from .._call.bytes_reader import BytesReader  # noqa: PLC0415 - with the engine
    from .._protocol.request import plain_request  # noqa: PLC0415 - with the engine

    return BytesReader, plain_request


# Python's `TypeError` for an unknown argument shows a method's ``__qualname__``, which
# would otherwise contain the name of the private class `BaseClient`.
BaseClient.__init__.__qualname__ = "client.__init__"
BaseClient.with_options.__qualname__ = "client.with_options"


def _read(headers: Any, query: Any, options: Any, models: Any) -> dict[str, Any]:
    """Check the settings that are mappings; return a dict of those not None."""
    read: dict[str, Any] = {}
    if headers is not None:
        read["headers"] = check_headers(headers, "default_headers")
    if query is not None:
        read["query"] = read_query(query, "default_query")
    if options is not None:
        read["options"] = _read_options()(options)
    if models is not None:
        read["models"] = _read_models()(models)
    return read


@loader
def _read_options() -> Callable[[object], dict[str, Any]]:
    from .._settings.option_checks import read_default_options  # noqa: PLC0415 - rarely used

    return read_default_options


@loader
def _read_models() -> Callable[[object], dict[str, ModelInfo]]:
    from .._settings.models import read_models  # noqa: PLC0415 - rarely used

    return read_models
