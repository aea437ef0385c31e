"""What a batch has done so far: the public `BatchSummary`, and the code that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from attrs import define, evolve, field, frozen

from ..._models.base_types import public
from ..._models.completion import ChatCompletion
from ..._models.errors import ASI1Error
from ..._models.response import plausible


__all__ = ["BatchCount", "BatchSummary"]


@public
@frozen(kw_only=True)
class BatchSummary:
    """
    What a batch has done, at its end or so far.

    Attributes:
        total: Requests in the input.
        done: Requests that have an answer in the output.
        failed: Requests that have a failure in the output.
        earlier: How many of *done* and *failed* are from earlier runs; they were not
            sent again.
        changed: Requests that were sent, or are still to be sent, because the output
            has their custom id with another request.
        running: Requests that are being sent now; 0 at the end.
        errors: Number of failures by the name of their error class.
        prompt_tokens: Prompt tokens of this run; those of answers from the client's
            cache do not count.
        completion_tokens: Completion tokens of this run; those of cached answers do not
            count.
        cost: US dollars of this run; None if an answer's price is unknown.
        seconds: Seconds that this run has taken.
    """

    total: int
    done: int = 0
    failed: int = 0
    earlier: int = 0
    changed: int = 0
    running: int = 0
    errors: Mapping[str, int] = field(factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    seconds: float = 0.0

    @property
    def left(self) -> int:
        """Number of requests that have neither an answer nor a failure yet."""
        return self.total - self.done - self.failed

    @property
    def total_tokens(self) -> int:
        """Prompt and completion tokens of this run."""
        return self.prompt_tokens + self.completion_tokens


@define(eq=False)
class BatchCount:
    """
    Counts the rows of a batch.

    Attributes:
        base: The summary before this run: the counts of earlier runs.
        errors: Number of failures by the name of their error class.
    """

    base: BatchSummary
    errors: Counter[str]
    _done: int = field(default=0, init=False)
    _failed: int = field(default=0, init=False)
    _prompt: int = field(default=0, init=False)
    _completion: int = field(default=0, init=False)
    _cost: Decimal | None = field(default=Decimal(0), init=False)

    def add(self, outcome: ChatCompletion | ASI1Error) -> None:
        """Count the outcome of a request whose row is written."""
        if isinstance(outcome, ASI1Error):
            self._failed += 1
            self.errors[type(outcome).__name__] += 1
            return
        self._done += 1
        usage = plausible(outcome.usage)
        if usage is not None and not outcome.response.cached:
            self._prompt += usage.prompt_tokens
            self._completion += usage.completion_tokens
        cost = outcome.cost
        self._cost = None if cost is None or self._cost is None else self._cost + cost

    def summary(self, *, running: int, seconds: float) -> BatchSummary:
        """Return the summary so far."""
        return evolve(
            self.base,
            done=self.base.done + self._done,
            failed=self.base.failed + self._failed,
            running=running,
            errors=dict(self.errors),
            prompt_tokens=self._prompt,
            completion_tokens=self._completion,
            cost=self._cost,
            seconds=seconds,
        )
