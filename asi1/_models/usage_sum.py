"""The sum of the tokens that several calls used."""

from __future__ import annotations

from .completion import Usage


__all__ = ["sum_of_usage"]


def sum_of_usage(one: Usage, two: Usage) -> Usage:
    """Return the sums of two calls' token counts; None if a count is None in both."""
    thoughts = [
        u.reasoning_tokens for u in (one, two) if u.reasoning_tokens is not None
    ]
    return Usage(
        prompt_tokens=one.prompt_tokens + two.prompt_tokens,
        completion_tokens=one.completion_tokens + two.completion_tokens,
        total_tokens=one.total_tokens + two.total_tokens,
        reasoning_tokens=sum(thoughts) if thoughts else None,
    )
