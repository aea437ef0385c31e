"""The attempts of one call: how each ended, and whether another one follows."""

from __future__ import annotations

import random

from collections.abc import Callable
from typing import Any

import attrs

from attrs import define, field

from .._log import logger
from .._models.errors import APIConnectionError, APIError
from .._models.response import Attempt, ResponseInfo
from .._protocol.request import Request
from .retry_budget import RetryBudget


__all__ = ["Attempts"]


@define(eq=False)
class Attempts:
    """
    The attempts of one call, those of all its requests.

    Times are in seconds since the call began.

    Attributes:
        budget: The client's, from which each retry is paid.
        jitter: Draws a number in [0, 1).
        made: The attempts that have ended, oldest first.
        elapsed: When the last of them ended; None before.
    """

    budget: RetryBudget
    jitter: Callable[[], float] = random.random
    made: list[Attempt] = field(factory=list, init=False)
    elapsed: float | None = field(default=None, init=False)
    _request: Request = field(init=False)
    _retries: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def of(self, info: ResponseInfo) -> ResponseInfo:
        """Return *info* with what is known of the attempts."""
        return attrs.evolve(info, attempts=tuple(self.made), elapsed=self.elapsed)

    def begin(self, request: Request, retries: int, now: float) -> None:
        """Begin an attempt at *request*, after so many *retries* of it."""
        self._request, self._retries, self._since = request, retries, now

    def succeeded(self, status: int | None, now: float) -> None:
        """Note that the attempt brought the answer."""
        self._note(now, status=status)
        self.budget.succeeded(self._retries)

    def next_wait(self, error: APIError, left: float) -> float | None:
        """
        Return the seconds to wait before another attempt; None for no other.

        Args:
            error: What the attempt failed with, its response metadata filled in.
            left: Seconds left of the call's total timeout.
        """
        wait = self._request.retry.next_wait(
            error, self._retries + 1, dice=self.jitter(), left=left
        )
        return wait if wait is not None and self.budget.spend() else None

    def failed(self, error: APIError, wait: float | None, now: float) -> Attempt:
        """Note, and return, that the attempt failed and *wait* seconds are waited."""
        return self._note(
            now,
            status=error.response.status,
            cause=f"{type(error).__name__}: {error}",
            sent=error.sent if isinstance(error, APIConnectionError) else True,
            wait=wait,
        )

    def _note(self, now: float, **fields: Any) -> Attempt:
        self.elapsed = now
        number, elapsed = len(self.made) + 1, now - self._since
        attempt = Attempt(number=number, elapsed=elapsed, **fields)
        self.made.append(attempt)
        # Without the query, which may hold anything, and without the server's words.
        logger.debug(
            "%s %s, attempt %d: status %s after %.3f s, next after %s s",
            self._request.method,
            self._request.url.partition("?")[0],
            number,
            attempt.status,
            elapsed,
            attempt.wait,
        )
        return attempt
