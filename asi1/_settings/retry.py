"""
The retry policy: which errors are tried again, and after which wait.

Without a clock and without randomness: the call hands in the error, the number of the
try and a number in [0, 1), and gets back seconds, or None for "give up".
"""

from __future__ import annotations

from attrs import field, frozen

from .._models.base_types import public
from .._models.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    StreamError,
)
from .validators import number, setting, whole_number


__all__ = ["RetryPolicy"]

_RETRIED_STATUS = {408, 425, 429}
_FINAL_SERVER_STATUS = {501, 505}
# A connection that was not made in time: nothing was sent.
_UNSENT_PHASES = {"connect"}
_seconds = setting(number(0), "retry")


@public
@frozen(kw_only=True)
class RetryPolicy:
    """
    How often to try one call, and how long to wait between tries.

    The wait after try *n* is drawn evenly from 0 to
    ``min(wait_max, wait_first * 2 ** (n - 1))`` seconds. A ``Retry-After`` of the
    server takes its place, with up to a tenth added; one above *max_retry_after*, or
    that the call's total timeout cannot hold, ends the retries at once.

    Attributes:
        attempts: Tries in all, the first included; 1 turns retries off.
        wait_first: Upper bound of the first wait, in seconds.
        wait_max: Upper bound of any wait that the server did not ask for, in seconds.
        max_retry_after: The longest wait that the server may ask for, in seconds.
        on_timeout: Also try again after a timeout that may have left the model at
            work. Each such try may be billed.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    attempts: int = field(default=3, validator=setting(whole_number(1), "retry"))
    wait_first: float = field(default=0.5, validator=_seconds)
    wait_max: float = field(default=8.0, validator=_seconds)
    max_retry_after: float = field(default=120.0, validator=_seconds)
    on_timeout: bool = False

    def next_wait(
        self, error: APIError, attempt: int, *, dice: float, left: float
    ) -> float | None:
        """
        Return the seconds to wait before the next try, or None to give up.

        Args:
            error: What the try ended with, before any chunk of a stream was handed out.
            attempt: Its number, from 1.
            dice: A number in [0, 1).
            left: Seconds left of the call's total timeout; infinite for no limit.
        """
        if attempt >= self.attempts or not self.may_heal(error):
            return None
        hint: float | None = getattr(error, "retry_after", None)  # if it has a status
        if hint is None:
            grown = self.wait_first * 2.0 ** min(attempt - 1, 60)
            wait = dice * min(self.wait_max, grown)
        elif hint <= self.max_retry_after:
            wait = hint * (1 + dice / 10)
        else:
            return None
        return wait if wait < left else None

    def may_heal(self, error: APIError) -> bool:
        """Tell whether another try of the same request could end otherwise."""
        # With the first error of a status they are loaded; most clients meet none.
        from .._models.status_errors import (  # noqa: PLC0415
            APIStatusError,
            QuotaExceededError,
        )

        said = error.response.headers.get("x-should-retry", "").strip().lower()
        if said == "false":
            return False
        if said == "true" and isinstance(error, APIStatusError):
            return True
        match error:
            case QuotaExceededError():
                return False
            case APIStatusError(status_code=status):
                if status >= 500:
                    return status not in _FINAL_SERVER_STATUS
                return status in _RETRIED_STATUS
            case APITimeoutError(phase=phase):
                return phase in _UNSENT_PHASES or (
                    self.on_timeout and phase in ("first_token", "idle", "write")
                )
            case APIConnectionError(retryable=retryable):
                return retryable
            case StreamError():
                return False
            case _:
                return False
