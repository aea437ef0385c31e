"""What calls have used so far."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from attrs import field, frozen

from .base_types import public
from .cost import Rates, cost_of_tokens, published, sum_of_costs


__all__ = ["Spent", "UsageRow", "spent_in"]


@public
@frozen(kw_only=True)
class Spent:
    """
    What the requests of a client, or of a budget, have used so far.

    Attributes:
        requests: Requests that were sent, retries included.
        input_tokens: Prompt tokens, cached ones included.
        cached_tokens: Those prompt tokens that the server had cached.
        output_tokens: Completion tokens, thoughts included.
        usd: Their cost in US dollars.
        unpriced: Requests whose cost is not known: their model has no price, or the
            server did not report their tokens, as when a stream was left early, or they
            were made by ``client.request``, which does not read the usage (a GET counts
            as free). Their cost is not in `usd`, except in the count of a budget, which
            estimates it.
    """

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal = field(factory=Decimal)
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens


class UsageRow(NamedTuple):
    """
    The requests of one kind, whose tokens have the same price.

    Attributes:
        rates: The prices that the user has set for the model; None for the published
            ones.
        names: The model that answered, and the model that was asked for.
        known: Whether it is known what these requests used; True also if they used
            nothing.
    """

    rates: Rates | None
    names: tuple[str | None, ...]
    known: bool
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def spent_in(tuples: Iterable[tuple[Any, ...]]) -> Spent:
    """Return the sum of *tuples*, each with the fields of a `UsageRow`."""
    rows = [UsageRow(*fields) for fields in tuples]
    unpriced, costs = 0, []
    for row in rows:
        rates = row.rates or published(*row.names)
        free = row.known and not row.input_tokens and not row.output_tokens
        if not row.known or (rates is None and not free):
            unpriced += row.requests
        elif rates is not None:
            tokens = row.input_tokens, row.cached_tokens, row.output_tokens
            costs.append(cost_of_tokens(rates, *tokens))
    return Spent(
        requests=sum(row.requests for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        usd=sum_of_costs(costs),
        unpriced=unpriced,
    )
