"""
The retry policy: after which errors a call is retried, and how long it waits; and the
retry budget, which limits the retries of a client.

The policy uses neither a clock nor random numbers: the call passes the error, the
attempt's number and a random number, and gets the seconds to wait, or None to give up.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field, frozen

from .._models.base_types import fields_repr, public
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ConfigurationError,
    ServerStreamError,
    StreamTruncatedError,
)
from .validators import flag, number, setting, shown, whole_number


__all__ = ["RetryBudget", "RetryPolicy", "is_passing_status", "read_retry"]

_RETRIED_STATUS = {408, 425, 429}
_FINAL_SERVER_STATUS = {501, 505}
# If a request times out in one of these phases, nothing was sent.
_UNSENT_PHASES = {"connect"}
_seconds = setting(number(0), "retry")


def is_passing_status(status: int) -> bool:
    """Tell whether another attempt may succeed after a reply with this status."""
    if status >= 500:
        return status not in _FINAL_SERVER_STATUS
    return status in _RETRIED_STATUS


@public
@frozen(kw_only=True)
class RetryPolicy:
    """
    How often to attempt one call, and how long to wait between attempts.

    The wait after attempt *n* is drawn evenly from 0 to
    ``min(wait_max, wait_first * 2 ** (n - 1))`` seconds. If the server sends
    ``Retry-After``, the wait is that time plus up to a tenth of it. A ``Retry-After``
    above *max_retry_after*, or a wait that would outlast the call's total timeout, ends
    the retries at once.

    Attributes:
        attempts: Attempts in all, the first included; 1 turns retries off.
        wait_first: Upper bound of the first wait, in seconds.
        wait_max: Upper bound of any wait that the server did not ask for, in seconds.
        max_retry_after: The longest wait that the server may ask for, in seconds.
        on_timeout: Whether to retry also after a timeout at which the server may still
            be working on the attempt. Each such attempt may be billed.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    attempts: int = field(default=3, validator=setting(whole_number(1), "retry"))
    wait_first: float = field(default=0.5, validator=_seconds)
    wait_max: float = field(default=8.0, validator=_seconds)
    max_retry_after: float = field(default=120.0, validator=_seconds)
    on_timeout: bool = field(default=False, validator=setting(flag, "retry"))

    __repr__ = fields_repr

    def next_wait(
        self, error: APIError, attempt: int, *, dice: float, left: float
    ) -> float | None:
        """
        Return the seconds to wait before the next attempt, or None to give up.

        Args:
            error: The attempt's error; no chunk of a stream was delivered before it.
            attempt: The attempt's number, from 1.
            dice: A random number in [0, 1), for the jitter.
            left: Seconds left of the call's total timeout; infinite for no timeout.
        """
        if attempt >= self.attempts or not self.may_heal(error):
            return None
        # Only errors that a server reports have a `retry_after`.
        hint: float | None = getattr(error, "retry_after", None)
        if hint is None:
            grown = self.wait_first * 2.0 ** min(attempt - 1, 60)
            wait = dice * min(self.wait_max, grown)
        elif hint <= self.max_retry_after:
            wait = hint * (1 + dice / 10)
        else:
            return None
        return wait if wait < left else None

    def may_heal(self, error: APIError) -> bool:
        """Tell whether another attempt at the same request could succeed."""
        # Status errors are imported at the first failure, since most programs meet
        # none.
        from .._models.status_errors import (  # noqa: PLC0415
            APIStatusError,
            QuotaExceededError,
        )

        advice = error.response.headers.get("x-should-retry", "").strip().lower()
        if advice == "false":
            return False
        reported = APIStatusError | APIResponseError | ServerStreamError
        if advice == "true" and isinstance(error, reported):
            return True
        match error:
            case QuotaExceededError():
                return False
            case APIStatusError(status_code=status):
                return is_passing_status(status)
            case APITimeoutError(phase=phase):
                return phase in _UNSENT_PHASES or (
                    self.on_timeout and phase in ("first_token", "idle", "write")
                )
            case (
                APIConnectionError()
                | APIResponseError()
                | ServerStreamError()
                | StreamTruncatedError()
            ):
                return error.retryable
            case _:
                return False


def read_retry(max_retries: Any, retry: RetryPolicy | None) -> RetryPolicy:
    """
    Return the retry policy from ``max_retries=`` or ``retry=``; only one may be given.

    Raises:
        ConfigurationError: Both are given, or *max_retries* is not a whole number of at
            least 0.
    """
    if max_retries is None:
        return retry if retry is not None else RetryPolicy()
    if retry is not None:
        raise ConfigurationError("give max_retries= or retry=, not both")
    problem = whole_number(0)(max_retries)
    if problem:
        raise ConfigurationError(f"max_retries: {problem}, not {shown(max_retries)}")
    return RetryPolicy(attempts=max_retries + 1)


@define(eq=False, repr=False)
class RetryBudget:
    """
    The number of retries that one client may still make: a token bucket.

    The budget keeps retries few in an outage, so that the server can recover.

    A retry costs 1. A call that succeeds after retries gives back what they cost; a
    call that succeeds without a retry adds 0.1. So while all calls fail, a client makes
    at most *capacity* retries.

    Attributes:
        capacity: The largest budget, and the budget of a new client.
    """

    capacity: float = 20.0
    saved: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.saved = self.capacity

    def spend(self) -> bool:
        """Subtract one retry and return True; return False if the budget is below 1."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True

    def succeeded(self, retries: int) -> None:
        """Add to the budget, since a call has succeeded after *retries* retries."""
        self.saved = min(self.capacity, self.saved + (retries or 0.1))
