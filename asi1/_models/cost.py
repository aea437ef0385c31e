"""The cost of tokens, as exact decimals."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Protocol, TypeAlias

from .price_table import FIGURES


__all__ = ["Rates", "cost", "cost_of_tokens", "exact", "published", "sum_of_costs"]

# US dollars for a million tokens: input, output, cached input. The last is None if
# cached tokens cost what other prompt tokens cost.
Rates: TypeAlias = tuple[Decimal, Decimal, Decimal | None]

# The program's own decimal context may round to few digits, or raise for an inexact
# result. This one is exact for all prices and numbers of tokens that occur.
_EXACT = Context(prec=60, traps=[])
# A larger price is refused: its unit must be wrong.
_MOST = 10**9
_ZERO = Decimal(0)


class _Usage(Protocol):
    @property
    def prompt_tokens(self) -> int: ...

    @property
    def cached_tokens(self) -> int: ...

    @property
    def completion_tokens(self) -> int: ...

    @property
    def total_tokens(self) -> int: ...


def exact(value: object) -> Decimal | None:
    """
    Return *value*, a number of dollars, as the decimal that its text shows.

    None if it is not a number from 0 to 1,000,000,000.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = _EXACT.create_decimal(str(value))
    # Python 3.11 cannot convert an int of more than 4300 digits to a str.
    except ValueError:
        return None
    fits = number.is_finite() and 0 <= number <= _MOST
    return number.copy_abs() if fits else None  # turns -0 into 0


def published(*names: str | None) -> Rates | None:
    """Return the published prices of the first model in *names* that has any."""
    for name in names:
        if name in FIGURES:
            prompt, answer = FIGURES[name]
            return Decimal(prompt), Decimal(answer), None
    return None


def cost(
    usage: _Usage | None, rates: Rates | None, *names: str | None, cached: bool = False
) -> Decimal | None:
    """
    Return what a call cost in US dollars; None if it is not known.

    Args:
        usage: The tokens that the server reported; None if it reported none, or
            counts that cannot be true.
        rates: The prices that the user has set for the model; None for the published
            ones.
        names: The model that answered, and the model that was asked for.
        cached: Whether the answer comes from the client's cache.
    """
    if cached:
        return _ZERO
    rates = rates or published(*names)
    if usage is None or rates is None:
        return None
    prompt, answer = usage.prompt_tokens, usage.completion_tokens
    return cost_of_tokens(rates, prompt, usage.cached_tokens, answer)


def cost_of_tokens(rates: Rates, prompt: int, cached: int, answer: int) -> Decimal:
    """Return the cost of the tokens; *cached* of the *prompt* tokens were cached."""
    full, output, cheap = rates
    parts = (
        (prompt - cached, full),
        (cached, full if cheap is None else cheap),
        (answer, output),
    )
    total = sum_of_costs(
        _EXACT.multiply(Decimal(tokens), each) for tokens, each in parts
    )
    # Zero is returned without an exponent, so that a free call costs "0", not "0E-8".
    return _EXACT.scaleb(total, -6) if total else _ZERO


def sum_of_costs(costs: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of *costs*."""
    total = _ZERO
    for each in costs:
        total = _EXACT.add(total, each)
    return total
