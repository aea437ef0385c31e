"""Waits until the client's rate limiter, or a user-provided one, permits an attempt."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve, field, frozen

from .._models.errors import APIConnectionError, APIError
from .._models.status_errors import APIStatusError, RateLimitError
from .._protocol.answer_tokens import AnswerTokens
from .._settings.rate_limit import Limiter, LimitOutcome, RateLimit, counted_tokens
from .rate_limiter import LocalLimiter, Report
from .reply_reader import ReplyReader


__all__ = ["UserLimiter", "limiter_of", "permit"]


@frozen
class UserLimiter:
    """Asks a user-provided limiter, which cannot say which limit a call waits for."""

    limiter: Limiter
    answers: AnswerTokens = field(factory=AnswerTokens, eq=False, repr=False)

    async def acquire(self, tokens: int, report: Report) -> None:  # noqa: ARG002 - as `LocalLimiter`
        """Wait until the user-provided limiter permits a call of *tokens* tokens."""
        await self.limiter.acquire(tokens)

    def release(self, permit: None, outcome: LimitOutcome) -> None:  # noqa: ARG002 - as `LocalLimiter`
        """Tell the user-provided limiter how an attempt has ended."""
        self.limiter.release(outcome)


def limiter_of(
    limit: RateLimit | Limiter | LocalLimiter,
) -> LocalLimiter | UserLimiter:
    """Return the limiter of a client whose argument ``rate_limit`` is *limit*."""
    if isinstance(limit, RateLimit):
        return LocalLimiter(limit)
    return limit if isinstance(limit, LocalLimiter) else UserLimiter(limit)


@asynccontextmanager
async def permit(
    limiter: LocalLimiter | UserLimiter, reader: ReplyReader[Any], report: Report
) -> AsyncGenerator[None, None]:
    """
    Wait until *limiter* permits an attempt; then tell it how the attempt ended.

    Args:
        limiter: The limiter of the client.
        reader: Reads the reply of the attempt.
        report: Called with each `Wait` for the limiter.
    """
    request = reader.request
    tokens = limiter.answers.estimate(request)
    held: Any = await limiter.acquire(tokens, report)
    outcome = LimitOutcome(estimated=tokens)
    try:
        yield
        used = counted_tokens(reader.usage, len(request.body or b"") + request.tokens)
        if used is not None:
            limiter.answers.learn(request, used)
        outcome = evolve(outcome, used=used)
    except RateLimitError as error:
        asked = error.retry_after
        # Limited, since the wait that the server asks for also delays other calls.
        if asked is not None:
            asked = min(asked, request.retry.max_retry_after)
        outcome = evolve(outcome, refused=True, retry_after=asked)
        raise
    except APIError as error:
        free = isinstance(error, APIStatusError)
        if free or (isinstance(error, APIConnectionError) and not error.sent):
            outcome = evolve(outcome, used=0)
        raise
    finally:
        limiter.release(held, outcome)
