"""
An engine that is created at first use, and the imports that wait until then.

So creating a client is cheap, and opens no file and no connection: the first call
imports all modules that calls need, in a new thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from .._fork_lock import ExitingError
from .._models.base_types import HTTPClient, HTTPTransport, KeyFunction
from .._models.errors import ASI1Error, ClientClosedError
from .._settings.config import ClientConfig, read_api_key
from .loader import async_loader, loader


if TYPE_CHECKING:
    from .._call.bytes_reader import BytesReader
    from .._call.engine import Engine
    from .._protocol.request import Request
    from .._settings.budget import Budget
    from .._settings.cache import Cache
    from .._settings.rate_limit import Limiter, RateLimit
    from .._settings.secret import Secret


__all__ = ["LazyEngine", "plain", "read_key", "read_settings", "read_tables"]

# The settings whose values `with_options` adds to those of the client.
_TABLES = ("headers", "query", "options", "models", "prices", "tags")


@define(eq=False, repr=False)
class LazyEngine:
    """
    Creates a client's engine at its first use.

    Attributes:
        config: The client's settings.
        made: The engine; None before its first use.
    """

    config: ClientConfig
    _http_client: HTTPClient | None = None
    _transport: HTTPTransport | None = None
    _rate_limit: RateLimit | Limiter | None = None
    _hooks: Any = None
    _cache: Cache | None = None
    _budget: Budget | None = None
    made: Engine | None = field(default=None, kw_only=True)
    _closed: bool = field(default=False, init=False)
    _first: dict[str, Engine] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        read = read_settings(
            rate_limit=self._rate_limit, hooks=self._hooks, budget=self._budget
        )
        self._hooks = read.get("hooks", ())
        given = (self._http_client, self._transport, self._cache)
        if any(each is not None for each in given):
            self.get()  # raises if the HTTP client, transport or cache is wrong

    def get(self) -> Engine:
        """
        Return the engine; the first call creates it, and imports the modules it needs.

        Raises:
            ConfigurationError: A user-provided client, transport or cache is wrong.
        """
        if self.made is not None:
            return self.made
        # If several threads run this line at once, all get the same engine. A lock is
        # not used, since a forked child might inherit it in the acquired state.
        self.made = self._first.setdefault("engine", self._make())
        self.made.closed |= self._closed  # `shut` may have run before `made` was set
        return self.made

    async def ready(self) -> Engine:
        """
        Return the engine as `get` does, but let other tasks run during the imports.

        Raises:
            ConfigurationError: As for `get`.
        """
        if self.made is None:
            await _engine_of.ready()
        return self.get()

    def _make(self) -> Engine:
        given = self._http_client, self._transport, self._rate_limit, self._hooks
        return _engine_of()(self.config, *given, cache=self._cache, budget=self._budget)

    @property
    def closed(self) -> bool:
        """Whether new calls are refused."""
        return self._closed or (self.made is not None and self.made.refuses_calls)

    def check_open(self) -> None:
        """Raise `ClientClosedError` if new calls are refused."""
        if self.closed:
            raise ClientClosedError("the client is closed")

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


@async_loader("_call.engine", backends=True)
def _engine_of() -> Callable[..., Engine]:
    from .._call.engine import engine_of  # noqa: PLC0415 - with the first call
    from .._transport.event_loop import import_backends  # noqa: PLC0415

    import_backends()
    return engine_of


@async_loader("_call.bytes_reader", "_protocol.plain_request", "_settings.echoes")
def plain() -> tuple[type[BytesReader], Callable[..., Request]]:
    """Import and return the reader and the request function of `AsyncASI1.request`."""
    from .._call.bytes_reader import BytesReader  # noqa: PLC0415 - with the engine
    from .._protocol.plain_request import plain_request  # noqa: PLC0415 - with the engine
    from .._settings import echoes  # noqa: F401, PLC0415 - which the reader needs

    return BytesReader, plain_request


def read_key(value: Any, env: Mapping[str, str]) -> Secret:
    """
    Return the API key in *value*, which may be a function, or in the environment.

    Args:
        value: The argument ``api_key``, as `hidden` returns it.
        env: The environment.

    Raises:
        ConfigurationError: There is no key, or the key is not valid.
    """
    function: Any = value
    if callable(value) and not isinstance(value, type):
        return _rotating_key()(function)
    try:
        return read_api_key(value, env)
    finally:
        env = {}  # tracebacks with local variables must not show the environment


@loader
def _rotating_key() -> Callable[[KeyFunction], Secret]:
    from .._settings.rotating_key import RotatingKey  # noqa: PLC0415 - rarely used

    return RotatingKey


def read_settings(**values: Any) -> dict[str, Any]:
    """Check the settings *values*; return a dict of those that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        return {}
    try:
        return _read_optional()(given)
    except ExitingError as error:
        raise ASI1Error(f"{error}; no client can be made") from None


def read_tables(values: Sequence[Any]) -> dict[str, Any]:
    """
    Check the settings that are mappings; return a dict of those that are not None.

    Args:
        values: The default headers, query and options; the models, prices and tags.
    """
    return read_settings(**dict(zip(_TABLES, values, strict=True)))


@loader
def _read_optional() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    from .._settings.optional import read_optional  # noqa: PLC0415 - rarely used

    return read_optional
