"""
The tokens of a call, and of several calls together.

This module has no ``from __future__ import annotations``, since cattrs reads
annotations at run time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from .._fork_lock import run_apart_once
from .base import Model
from .base_types import public


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = ["Usage", "cost_of_all", "sum_of_usage"]


@public
@frozen(kw_only=True)
class Usage(Model):
    """
    The tokens that a call used. Prompt tokens include the server's hidden prompt.

    Attributes:
        reasoning_tokens: Completion tokens spent on thoughts; None if the server does
            not report them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None

    @property
    def cached_tokens(self) -> int:
        """The prompt tokens that the server had cached; 0 if it reports none."""
        details = self.extra.get("prompt_tokens_details")
        found = details.get("cached_tokens") if isinstance(details, Mapping) else None
        if found is None:
            found = self.extra.get("prompt_cache_hit_tokens")
        return max(min(found, self.prompt_tokens), 0) if type(found) is int else 0


def sum_of_usage(one: Usage, two: Usage) -> Usage:
    """Return the sums of two calls' token counts; None if a count is None in both."""
    cached = one.cached_tokens + two.cached_tokens
    thoughts = [
        u.reasoning_tokens for u in (one, two) if u.reasoning_tokens is not None
    ]
    return Usage(
        prompt_tokens=one.prompt_tokens + two.prompt_tokens,
        completion_tokens=one.completion_tokens + two.completion_tokens,
        total_tokens=one.total_tokens + two.total_tokens,
        reasoning_tokens=sum(thoughts) if thoughts else None,
        extra={"prompt_tokens_details": {"cached_tokens": cached}} if cached else {},
    )


class _Answer(Protocol):
    @property
    def cost(self) -> "Decimal | None": ...


def cost_of_all(answers: Iterable[_Answer | None]) -> "Decimal | None":
    """Return the sum of the costs of *answers*; None if one of them is not known."""
    costs = [None if answer is None else answer.cost for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return _sum_of_costs()(known) if known and len(known) == len(costs) else None


@run_apart_once
def _sum_of_costs() -> "Callable[[Iterable[Decimal]], Decimal]":
    from .cost import sum_of_costs  # noqa: PLC0415 - rarely needed

    return sum_of_costs
