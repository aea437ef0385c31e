"""Checks the arguments of a batch, before any file is opened."""

from __future__ import annotations

from functools import partial
from typing import Self

import attrs

from attrs import frozen

from ..._call.engine import Engine
from ..._call.progress import Progress, progress_of
from ..._call.rate_permit import limiter_of
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
        options: Which requests are sent, and with which model.
        concurrency: Maximum number of calls at once.
        progress: Reports the progress.
    """

    engine: Engine
    options: PlanOptions
    concurrency: int
    progress: Progress

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
        own = engine.child(
            budget=None if budget is None else check_budget(budget), queues=True
        )
        if rate_limit is not None:
            own.resources = attrs.evolve(own.resources, limiter=limiter_of(rate_limit))
        options = PlanOptions(
            model=model, default_model=engine.config.model, retry_failed=retry_failed
        )
        budgets = own.resources.budgets
        # An answer from the cache costs nothing, and so needs no price.
        if budgets is not None and own.resources.cache is None:
            can_price = partial(budgets.can_price, engine.config)
            options = attrs.evolve(options, can_price=can_price)
        return cls(
            engine=own,
            options=options,
            concurrency=concurrency,
            progress=progress_of(progress, "requests", None),
        )

    def run_of(self, plan: BatchPlan) -> BatchRun:
        """Return a run of *plan*, which has not begun."""
        return BatchRun(self.engine, plan, self.concurrency, self.progress)
