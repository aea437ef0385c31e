"""
The prices of models: the published ones, and a client's own.

The published prices have a date, since they change; a client's ``prices=`` overrides
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from .._models.base_types import public
from .._models.cost import Rates, cost, exact
from .._models.errors import ConfigurationError
from .._models.price_table import FIGURES, PUBLISHED, SOURCE
from .._models.response import Usage, plausible
from .validators import or_none, setting, string, table_of


if TYPE_CHECKING:
    from .models import ModelInfo


__all__ = ["PRICES", "Price", "own_rates", "read_prices"]

_text = setting(or_none(string), "prices")


# Stands for a wrong price until the validator runs, which can name the field.
_WRONG = Decimal("NaN")


def _dollars(value: float | str | Decimal) -> Decimal:
    number = exact(value)
    return _WRONG if number is None else number


def _dollars_or_none(value: float | str | Decimal | None) -> Decimal | None:
    return None if value is None else _dollars(value)


def _check(_: object, argument: Any, value: Any) -> None:
    if value is not None and value.is_nan():
        raise ConfigurationError(
            f"prices: {argument.name} must be US dollars for a million tokens, a number"
            " from 0 to 1,000,000,000"
        )


@public
@frozen(kw_only=True)
class Price:
    """
    What one model costs, in US dollars for a million tokens.

    Each price may be given as an int, a float, a str or a ``Decimal``; it is kept as a
    ``Decimal``.

    Attributes:
        input: The price of prompt tokens.
        output: The price of completion tokens, thoughts included.
        cached_input: The price of prompt tokens that the server had cached; None if it
            is the same as *input*.
        as_of: When the prices were published, such as "2026-10"; None if unknown.
        source: Where they were published; None if unknown.

    Raises:
        ConfigurationError: A price is not a number from 0 to 1,000,000,000.
    """

    input: Decimal = field(converter=_dollars, validator=_check)
    output: Decimal = field(converter=_dollars, validator=_check)
    cached_input: Decimal | None = field(
        default=None, converter=_dollars_or_none, validator=_check
    )
    as_of: str | None = field(default=None, validator=_text)
    source: str | None = field(default=None, validator=_text)

    @property
    def rates(self) -> Rates:
        """The three prices: input, output, cached input."""
        return self.input, self.output, self.cached_input

    def cost(self, usage: Usage) -> Decimal | None:
        """Return what *usage* costs, in dollars; None if its counts are impossible."""
        return cost(plausible(usage), self.rates)


# Prices in US dollars for a million tokens, as ASI-1 published them.
PRICES: Mapping[str, Price] = MappingProxyType(
    {
        name: Price(input=prompt, output=answer, as_of=PUBLISHED, source=SOURCE)
        for name, (prompt, answer) in FIGURES.items()
    }
)


def read_prices(value: object) -> dict[str, Price]:
    """
    Return *value* as a table of prices.

    Raises:
        ConfigurationError: *value* is not a mapping of names to `Price`.
    """
    return table_of("prices", value, Price)


def own_rates(
    prices: Mapping[str, Price], models: Mapping[str, ModelInfo], *names: str | None
) -> Rates | None:
    """Return a client's own price of the first of *names* that has one; else None."""
    for name in filter(None, names):
        if name in prices:
            return prices[name].rates
        info = models.get(name)
        if info and info.input_price is not None and info.output_price is not None:
            price = Price(input=info.input_price, output=info.output_price)
            return price.rates
    return None
