"""Checks the arguments of a batch, before any file is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import attrs

from attrs import frozen

from ..._call.engine import Engine
from ..._call.rate_permit import limiter_of
from ..._models.errors import ArgumentError
from ..._protocol.batch.summary import BatchSummary
from ..._settings.budget import Budget, check_budget
from ..._settings.config import read_model
from ..._settings.option_checks import as_argument
from ..._settings.rate_limit import Limiter, RateLimit, check_limiter
from ..._settings.validators import flag, whole_number, wrong
from .plan import BatchPlan, PlanOptions
from .run import BatchRun


__all__ = ["BatchSettings"]


@frozen(kw_only=True)
class BatchSettings:
    """
    The checked arguments of a batch.

    Attributes:
        engine: Makes the calls.
        options: What is sent.
        concurrency: The most calls at once.
        report: As for `BatchRun`.
    """

    engine: Engine
    options: PlanOptions
    concurrency: int
    report: Callable[[BatchSummary, int], object]

    @classmethod
    def of(
        cls,
        engine: Engine,
        *,
        concurrency: int,
        rate_limit: RateLimit | Limiter | None,
        budget: Budget | None,
        model: str | None,
        retry_failed: bool,
        progress: object,
    ) -> Self:
        """
        Check the arguments of a batch that *engine* sends.

        Raises:
            ArgumentError: An argument is wrong.
            ConfigurationError: *rate_limit* is neither a `RateLimit` nor a `Limiter`,
                or *budget* is not a `Budget`.
            ClientClosedError: The client is closed.
        """
        for name, value, check in (
            ("concurrency", concurrency, whole_number(1)),
            ("retry_failed", retry_failed, flag),
        ):
            problem = check(value)
            if problem:
                raise wrong(name, problem, value)
        if model is not None:
            model = as_argument("model", read_model, model)
        check_limiter(rate_limit)
        own = engine.child(budget=None if budget is None else check_budget(budget))
        if rate_limit is not None:
            own.resources = attrs.evolve(own.resources, limiter=limiter_of(rate_limit))
        options = PlanOptions(
            model=model, default_model=engine.config.model, retry_failed=retry_failed
        )
        return cls(
            engine=own,
            options=options,
            concurrency=concurrency,
            report=_report_to(progress),
        )

    def run_of(self, plan: BatchPlan) -> BatchRun:
        """Return a run of *plan*, which has not begun."""
        return BatchRun(self.engine, plan, self.concurrency, self.report)


def _report_to(progress: Any) -> Callable[[BatchSummary, int], object]:
    """
    Return the function that reports to *progress*.

    Raises:
        ArgumentError: *progress* is neither callable nor has a method ``update``.
    """
    if progress is None:
        return lambda *_: None
    if callable(getattr(progress, "add_task", None)):  # as `rich.progress.Progress`
        task = progress.add_task("requests", total=None)
        return lambda summary, _: progress.update(
            task, total=summary.total, completed=summary.done + summary.failed
        )
    if callable(update := getattr(progress, "update", None)):
        return lambda _, rows: update(rows) if rows else None
    if callable(progress):
        return lambda summary, _: progress(summary)
    raise ArgumentError(
        "progress: must be callable, or have a method update(n), not"
        f" {type(progress).__name__}",
        argument="progress",
    )
