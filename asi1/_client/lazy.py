"""
A client's core, made when it is first asked for.

Making a client is cheap that way: httpx, and all that calls need, is loaded by the
first of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from .._fork_lock import no_fork
from .._models.errors import ConfigurationError
from .._settings.config import ClientConfig
from .._settings.hooks import Hooks
from .._settings.options import HTTPClient, HTTPTransport
from .._settings.rate_limit import Limiter, RateLimit


if TYPE_CHECKING:
    from .._call.engine import Core


__all__ = ["LateCore"]


@define(eq=False)
class LateCore:
    """
    What a core is made of, and then the core.

    Attributes:
        made: None until it is asked for.
    """

    config: ClientConfig
    _http_client: HTTPClient | None = None
    _transport: HTTPTransport | None = None
    _rate_limit: RateLimit | Limiter | None = None
    _hooks: Hooks | None = None
    made: Core | None = field(default=None, kw_only=True)
    _closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        limit, hooks = self._rate_limit, self._hooks
        if not (
            limit is None or isinstance(limit, RateLimit) or hasattr(limit, "acquire")
        ):
            raise ConfigurationError(
                f"rate_limit: must be a RateLimit or a Limiter, not {limit!r:.80}"
            )
        if not isinstance(hooks, Hooks | None):
            raise ConfigurationError(f"hooks: must be Hooks, not {hooks!r:.80}")
        if self._http_client is not None or self._transport is not None:
            self.get()  # which checks them

    def get(self) -> Core:
        """
        Return the core; everything that calls need is loaded then.

        Raises:
            ConfigurationError: A part of it cannot be right.
        """
        if self.made is not None:
            return self.made
        with no_fork:
            self.made = self._make()
            self.made.closed |= self._closed  # last, since it may be shut meanwhile
        return self.made

    def _make(self) -> Core:
        from .._call.engine import core_of  # noqa: PLC0415

        if self.made is not None:  # another thread was faster
            return self.made
        return core_of(
            self.config,
            self._http_client,
            self._transport,
            self._rate_limit,
            self._hooks,
        )

    def shut(self) -> None:
        """Make no call any more; those under way go on."""
        self._closed = True
        if self.made is not None:
            self.made.closed = True

    async def aclose(self) -> None:
        """End all calls, and close what is open."""
        self.shut()
        if self.made is not None:
            await self.made.aclose()
