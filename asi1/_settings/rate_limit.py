"""The types of ``rate_limit=``: a `RateLimit`, or a user-provided `Limiter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from attrs import field, frozen

from .._models.base_types import public
from .._models.errors import ConfigurationError
from .validators import or_none, setting, shown, whole_number


if TYPE_CHECKING:
    from .._models.response import Usage
    from .rate_window import Window


__all__ = ["LimitOutcome", "Limiter", "RateLimit", "check_limiter", "counted_tokens"]

# The most tokens that a call may take in addition to its body and its ``max_tokens``,
# for its thoughts and for the prompt that the server adds: the largest context of the
# documented models.
_MOST_UNSEEN = 200_000

_count = setting(or_none(whole_number(1)), "rate_limit")


@public
@frozen(kw_only=True)
class RateLimit:
    """
    How many requests and tokens a client may send, and how many calls may run at once;
    calls above a limit wait. None means no limit.

    Attributes:
        requests_per_minute: Requests in any minute, retries included.
        requests_per_day: Requests in any 24 hours, retries included.
        tokens_per_minute: Tokens in any minute. Before a call, its tokens are estimated
            from the length of its body and ``max_tokens``, or without ``max_tokens``
            from earlier answers. Afterwards, the usage that the server reports replaces
            the estimate, if a call can have used so many tokens. What a call uses
            beyond its estimate delays later calls.
        max_concurrency: Calls at the same time, in all event loops together.
    """

    requests_per_minute: int | None = field(default=None, validator=_count)
    requests_per_day: int | None = field(default=None, validator=_count)
    tokens_per_minute: int | None = field(default=None, validator=_count)
    max_concurrency: int | None = field(default=None, validator=_count)

    @classmethod
    def free_plan(cls) -> Self:
        """Return the limits of the free plan, as users reported them in 2026."""
        return cls(
            requests_per_minute=3, requests_per_day=500, tokens_per_minute=640_000
        )

    def windows(self) -> tuple[Window, Window, Window]:
        """Return new windows for requests per minute and day, and tokens per minute."""
        from .rate_window import Window  # noqa: PLC0415 - loaded with the first limiter

        return (
            Window(self.requests_per_minute, 60.0),
            Window(self.requests_per_day, 86_400.0),
            Window(self.tokens_per_minute, 60.0),
        )


@public
@frozen(kw_only=True)
class LimitOutcome:
    """
    The outcome of an attempt that a `Limiter` had permitted.

    Attributes:
        estimated: The estimated tokens that `Limiter.acquire` was called with.
        used: The tokens that the server counted; 0 if the attempt was not sent, or the
            server answered an error status; None if unknown, if the server's count
            cannot be true, and after a 429.
        refused: Whether the server answered 429.
        retry_after: Seconds that the server asked to wait, at most the retry policy's
            ``max_retry_after``; None if it did not ask.
    """

    estimated: int
    used: int | None = None
    refused: bool = False
    retry_after: float | None = None


@public
class Limiter(Protocol):
    """
    The protocol of a user-provided limiter, for ``rate_limit=``.

    The limiter may share its counts between processes. Both methods are called on the
    event loop of the call; an exception that they raise is raised by the call.
    """

    async def acquire(self, tokens: int) -> None:
        """Wait until an attempt that uses about *tokens* tokens may start."""
        ...

    def release(self, outcome: LimitOutcome) -> None:
        """Record how an attempt ended; called once for each `acquire`."""
        ...


def check_limiter(value: object) -> None:
    """
    Check the value of ``rate_limit=``.

    Raises:
        ConfigurationError: *value* is neither None, a `RateLimit` nor a `Limiter`.
    """
    if value is None or isinstance(value, RateLimit):
        return
    methods = (getattr(value, name, None) for name in ("acquire", "release"))
    if isinstance(value, type) or not all(map(callable, methods)):
        raise ConfigurationError(
            f"rate_limit: must be a RateLimit or a Limiter, not {shown(value)}"
        )


def counted_tokens(usage: Usage | None, sent: int) -> int | None:
    """
    Return how many tokens an attempt used, according to the server's *usage*; None if
    unknown.

    A count that is negative, or larger than any model's context allows, is unknown:
    otherwise one wrong count would delay all calls of the client for a minute.

    Args:
        usage: The usage that the server reported; None if it did not.
        sent: The bytes of the request's body, plus its estimated tokens.
    """
    if usage is None:
        return None
    parts = max(usage.prompt_tokens, 0) + max(usage.completion_tokens, 0)
    used = usage.total_tokens or parts
    return used if 0 < used <= sent + _MOST_UNSEEN else None
