"""The requests and attempts of one call: how attempts ended, when retries follow."""

from __future__ import annotations

import random
import uuid

from collections.abc import Callable, Generator
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, evolve, field

from .._fork_lock import run_apart_once
from .._log import logger
from .._models.errors import APIConnectionError, APIError, APITimeoutError, ASI1Error
from .._models.response import Attempt, ResponseInfo
from .._models.status_errors import APIStatusError
from .._protocol.request import Request
from .._settings.retry import RetryBudget
from .._settings.secret import Secret


if TYPE_CHECKING:
    from .._models.call_info import Wait
    from .timer import Timer
    from .watch import Watch


__all__ = [
    "Attempts",
    "OneRequest",
    "Requests",
    "idempotency_headers",
    "redaction",
]

# A wait of at least this many seconds is logged at level INFO, since the program seems
# to hang.
_LONG_WAIT = 5.0


class Requests(Protocol):
    """Provides a call's first request, and another if the server refuses the first."""

    async def first(self, began: float) -> Request:
        """Return the first request; *began*: the loop's time when the call began."""
        ...

    async def after(self, refusal: APIStatusError) -> Request | None:
        """
        Return the request to send after the server's *refusal* of the last request.

        None if the call must fail with *refusal*.
        """
        ...


@define(eq=False, repr=False)
class OneRequest:
    """The `Requests` of a call that sends a single request."""

    request: Request

    async def first(self, began: float) -> Request:  # noqa: ARG002 - as `Requests`
        """Return the call's only request."""
        return self.request

    async def after(self, refusal: APIStatusError) -> None:
        """Return None: after a refusal, the call sends no other request."""


@define(eq=False, repr=False)
class Attempts:
    """
    The attempts of one call, which may send several different requests.

    Times are in seconds since the call began.

    Attributes:
        budget: The client's retry budget; each retry spends 1 of it.
        jitter: Returns a random number in [0, 1).
        now: Returns the seconds since the call began; 0 before it began.
        made: The attempts that have ended, oldest first.
        elapsed: When the last attempt ended; None before the first one has ended.
        cached: Whether the client's cache answers the call.
        asking: Whether the current attempt waits for the user's function to return the
            API key.
    """

    budget: RetryBudget
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = field(default=float, init=False)
    made: list[Attempt] = field(factory=list, init=False)
    elapsed: float | None = field(default=None, init=False)
    cached: bool = field(default=False, init=False)
    asking: bool = field(default=False, init=False)
    _request: Request = field(init=False)
    _retries: int = field(init=False)
    _since: float | None = field(default=None, init=False)
    _sending: bool = field(default=False, init=False)
    _wait: Wait | None = field(init=False)

    def of(self, info: ResponseInfo) -> ResponseInfo:
        """Return a copy of *info*, the response metadata, with all ended attempts."""
        # Each call runs this, and `attrs.evolve` would take twice as long.
        return ResponseInfo(
            status=info.status,
            request_id=info.request_id,
            headers=info.headers or {},  # a new dict: all calls share that of `NO_INFO`
            attempts=tuple(self.made),
            elapsed=self.elapsed,
            time_to_first_token=info.time_to_first_token,
            rate_limits=info.rate_limits,
            cached=self.cached,
            model=info.model,
            rates=info.rates,
        )

    def complete(self, info: ResponseInfo) -> ResponseInfo:
        """Set the attempts and the time in *info*, of a call that has succeeded."""
        # Only the call's reader has *info*, and a copy would take far longer.
        object.__setattr__(info, "attempts", tuple(self.made))
        object.__setattr__(info, "elapsed", self.elapsed)
        return info

    def prepare(self, request: Request, retries: int) -> None:
        """Prepare an attempt to send *request* after *retries* earlier retries."""
        self._request, self._retries = request, retries
        self._since, self._wait, self._sending = None, None, False
        self.asking = False

    def wait(self, wait: Wait) -> bool:
        """Log *wait*; return False instead if the last wait had the same reason."""
        if self._wait is not None and self._wait.reason == wait.reason:
            return False
        self._wait = wait
        logger.log(
            _level(wait.seconds),
            "%s %s waits for %s, at least %.3f s",
            *self._target(),
            wait,
            wait.seconds,
        )
        return True

    def begin(self, now: float) -> None:
        """Begin the prepared attempt: the rate limiter has permitted it."""
        self._since = now

    def sending(self) -> None:
        """Record that a connection is open, and that the request is being sent."""
        self._sending = True

    @property
    def attempt_sent(self) -> bool:
        """Whether the current attempt may have sent its request."""
        return self._sending

    @property
    def sent(self) -> bool:
        """Whether an attempt of this call may have sent its request."""
        return self._sending or any(attempt.sent for attempt in self.made)

    @property
    def answered(self) -> bool:
        """Whether the last attempt that has ended succeeded."""
        return bool(self.made) and self.made[-1].cause is None

    @property
    def awaited(self) -> str | None:
        """What the next attempt waits for; None once the attempt has begun."""
        if self._since is not None:
            return None
        if self.asking:
            return "the function given as api_key="
        return str(self._wait or "its rate limiter")

    def timed_out(self, timer: Timer) -> APITimeoutError:
        """Return the error of the current attempt, which *timer* has ended."""
        phase = timer.deadline.phase
        explained = self._request.timeouts.explain(phase, stream=timer.stream)
        if awaited := self.awaited:
            explained += f"; the client was waiting for {awaited}"
        return APITimeoutError(f"timed out: {explained}", phase=phase, sent=self.sent)

    def succeeded(self, status: int | None, now: float) -> None:
        """Record that the current attempt succeeded at *now*, with this HTTP status."""
        self._record(now, status=status)
        self.budget.succeeded(self._retries)

    def next_wait(self, error: APIError, left: float) -> float | None:
        """
        Return the seconds to wait before a retry; None if there is no retry.

        A retry spends 1 of the retry budget.

        Args:
            error: The attempt's error, with its response metadata filled in.
            left: Seconds left of the call's total timeout.
        """
        wait = self._request.retry.next_wait(
            error, self._retries + 1, dice=self.jitter(), left=left
        )
        return wait if wait is not None and self.budget.spend() else None

    def failed(self, error: APIError, wait: float | None, now: float) -> Attempt | None:
        """
        Record and return the attempt that failed; a retry follows after *wait* seconds.

        With None as *wait*, no retry follows. Return None if the attempt had not begun.
        """
        if self._since is None:
            self.elapsed = now
            return None
        sent = not isinstance(error, APIConnectionError) or error.sent
        # A timeout's `error.sent` is also true if only an earlier attempt was sent.
        if isinstance(error, APITimeoutError):
            sent = sent and self._sending
        if isinstance(error, APIConnectionError):
            error.sent = sent or any(attempt.sent for attempt in self.made)
        status, cause = error.response.status, _cause(error)
        return self._record(now, status=status, cause=cause, sent=sent, wait=wait)

    def repeat(self, refusal: APIStatusError, watch: Watch | None) -> None:
        """Record that another request follows *refusal* at once, and tell *watch*."""
        # A limiter of the user can raise *refusal*: then no attempt has ended with it.
        if self.made and self.made[-1].wait is None:
            attempt = self.made[-1] = evolve(self.made[-1], wait=0.0)
            refusal.response = evolve(refusal.response, attempts=tuple(self.made))
            if watch is not None:
                watch.retry(refusal.response, refusal, attempt)

    def stopped(self, error: ASI1Error | None, status: int | None, now: float) -> None:
        """Record a cancelled call; *error* is None if its answer is complete."""
        if self._since is None:
            self.elapsed = now if self.elapsed is None or error else self.elapsed
        elif error is None:
            self.succeeded(status, now)
        else:
            self._record(now, status=status, cause=_cause(error), sent=self._sending)

    def _record(self, now: float, **fields: Any) -> Attempt:
        self.elapsed = now
        since = now if self._since is None else self._since
        number, elapsed = len(self.made) + 1, now - since
        attempt = Attempt(number=number, elapsed=elapsed, **fields)
        self.made.append(attempt)
        self._since = None
        level = _level(attempt.wait)
        if logger.isEnabledFor(level):
            text = "%s %s, attempt %d: %s after %.3f s, next after %s s"
            ended = number, _ending(attempt), elapsed, attempt.wait
            logger.log(level, text, *self._target(), *ended)
        return attempt

    def _target(self) -> tuple[str, str]:
        """Return the request's method and URL for the log."""
        # The URL's query is not logged, since it may contain secrets.
        return self._request.method, self._request.url.partition("?")[0]


def _level(wait: float | None) -> int:
    """Return the log level of an attempt, after which the call waits *wait* seconds."""
    return INFO if wait is not None and wait >= _LONG_WAIT else DEBUG


def _ending(attempt: Attempt) -> str:
    """Return the status of *attempt*, and the class of its error if it has failed."""
    # The error's message is not logged: it is the server's, and may contain secrets.
    failed = "" if attempt.cause is None else f" ({attempt.cause.partition(':')[0]})"
    return f"status {attempt.status}{failed}"


def _cause(error: ASI1Error) -> str:
    """Return the class and the message of *error* on one line."""
    text = f"{type(error).__name__}: {error}"
    return text if text.isprintable() else " ".join(text.split())


def idempotency_headers(key: str | None) -> dict[str, str]:
    """Return the idempotency header: *key*, a random key for "auto"; {} for None."""
    key = str(uuid.uuid4()) if key == "auto" else key
    return {} if key is None else {"idempotency-key": key}


@run_apart_once
def redaction() -> tuple[
    Callable[[ASI1Error, Secret], Generator[None, None, None]],
    Callable[[Any, Secret], Generator[None, None, Any]],
]:
    """Import and return the two functions that remove the key from errors."""
    from .scrub_errors import scrub_in_steps  # noqa: PLC0415
    from .without_key import without_key_in_steps  # noqa: PLC0415

    return scrub_in_steps, without_key_in_steps
