"""
When to try again, and how long to wait: no clock, no sleep, no dice here.

`_call` owns those. It hands in what went wrong, what time it is and a number in
[0, 1); it gets back seconds, or None for "give up".
"""

from __future__ import annotations

import math
import re

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from attrs import define, field, frozen

from .._models.base_types import public
from .._models.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConfigurationError,
    StreamError,
)
from .timeouts import is_number


__all__ = ["RetryBudget", "RetryPolicy", "retry_after"]

_RETRIED_STATUS = {408, 425, 429}
_FINAL_SERVER_STATUS = {501, 505}
# Python reads more as a number than HTTP means.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][0-9]+)?")
# A connection that was not made in time: nothing was sent.
_UNSENT_PHASES = {"connect"}


def _at_least(lowest: float) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if not is_number(value) or value < lowest:
            raise ConfigurationError(
                f"retry: {attribute.name} must be a number of at least {lowest:g},"
                f" not {value!r:.80}"
            )

    return check


def _whole(_: object, attribute: Any, value: object) -> None:
    if not isinstance(value, int):
        raise ConfigurationError(
            f"retry: {attribute.name} must be a whole number, not {value!r}"
        )


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

    attempts: int = field(default=3, validator=[_at_least(1), _whole])
    wait_first: float = field(default=0.5, validator=_at_least(0))
    wait_max: float = field(default=8.0, validator=_at_least(0))
    max_retry_after: float = field(default=120.0, validator=_at_least(0))
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
        # Loaded with what makes the calls; a client that makes none does without it.
        from .._models.status_errors import APIStatusError  # noqa: PLC0415

        hint = error.retry_after if isinstance(error, APIStatusError) else None
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
        from .._models.status_errors import (  # noqa: PLC0415 - as above
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


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """
    Read how long the server asks to wait, in seconds; None if it says nothing usable.

    ``retry-after-ms`` wins over ``retry-after``, which holds seconds or an HTTP date.
    What is negative, zero, past, infinite or no number counts as nothing.

    Args:
        headers: Of the reply, names in lowercase.
        wall: The time now, in seconds since 1970.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    # It takes long to load, and servers hardly ever send dates.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        date = parsedate_to_datetime(text)
        # The oldest form of a date names no zone; all of them are in GMT.
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - wall
    except (ValueError, OverflowError, IndexError):
        return None
    return seconds if seconds > 0 else None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) and number > 0 else None


@define
class RetryBudget:
    """
    How many retries one client may still spend, so that an outage meets no storm.

    A retry costs 1. A call that a retry saved gives back what its retries cost; one
    that needed none adds a tenth. So in a total outage a client makes at most
    *capacity* requests more than it has calls.

    Attributes:
        capacity: The most that can be saved up, and what a new client begins with.
    """

    capacity: float = 20.0
    saved: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.saved = self.capacity

    def spend(self) -> bool:
        """Take the price of one retry; False, and nothing taken, if it is not there."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True

    def succeeded(self, retries: int) -> None:
        """Note a call that ended well after *retries* retries."""
        self.saved = min(self.capacity, self.saved + (retries or 0.1))
