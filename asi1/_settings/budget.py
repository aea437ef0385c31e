"""The budget of a client, and the error of a call that does not fit into it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import define, field, frozen

from .._models.base_types import public
from .._models.cost import exact
from .._models.errors import ASI1Error, ConfigurationError
from .._models.spent import Spent
from .validators import or_none, setting, shown, whole_number


__all__ = ["Budget", "BudgetExceededError", "check_budget"]

_count = setting(or_none(whole_number(0)), "budget")


def _dollars(value: float | str | Decimal | None) -> Decimal | None:
    number = None if value is None else exact(value)
    if number is None and value is not None:
        raise ConfigurationError(
            "budget: usd must be a number of US dollars from 0 to 1,000,000,000, not"
            f" {shown(value)}"
        )
    return number


@public
@frozen(kw_only=True)
class Budget:
    """
    The most that calls may use; a call that could exceed it is refused and not sent.

    A budget has no count of its own: each client, ``map`` or run that is given this
    budget counts its own calls from zero. A client shares its count with the clients
    that its `with_options` returns. None means no limit.

    Attributes:
        usd: US dollars; needs the price of each model that is used.
        tokens: Prompt and completion tokens together.
        requests: Requests, retries included.

    Raises:
        ConfigurationError: A value is not a number, or is below 0.
    """

    usd: Decimal | None = field(default=None, converter=_dollars)
    tokens: int | None = field(default=None, validator=_count)
    requests: int | None = field(default=None, validator=_count)


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class BudgetExceededError(ASI1Error):
    """
    The call, or its retry, could exceed a budget, so it was not sent.

    Attributes:
        sent: Whether an earlier attempt of the call may have been sent; the error of
            that attempt is the ``__cause__``.
        spent: What calls have used of the budget, without running calls. A request
            without reported usage counts as much as was reserved for it.
        budget: The budget; None if unknown.
        limit: Which limit the call could exceed: "usd", "tokens" or "requests".
    """

    spent: Spent = field(factory=Spent)
    budget: Budget | None = None
    limit: str = ""
    sent: bool = False


def check_budget(value: Any) -> Budget:
    """
    Return *value*, a `Budget`.

    Raises:
        ConfigurationError: *value* is not a `Budget`.
    """
    if not isinstance(value, Budget):
        raise ConfigurationError(f"budget: must be a Budget, not {shown(value)}")
    return value
