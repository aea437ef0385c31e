"""An answer together with the value that it became."""

from functools import reduce
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from attrs import field, frozen

from .base_types import public
from .completion import ChatCompletion
from .output_errors import OutputInvalidError
from .response import Usage, cost_of_all, sum_of_usage


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = ["ParsedCompletion", "parsed_completion"]

_T = TypeVar("_T")

_FIELDS = [a.name for a in attrs.fields(ChatCompletion)]
_values_of = attrgetter(*_FIELDS)


@public
@frozen(kw_only=True)
class ParsedCompletion(ChatCompletion, Generic[_T]):
    """
    The complete answer to one call, and the value that its text became.

    Attributes:
        parsed: The value, an instance of the requested type.
        parsed_from: What was removed from the text, in this order: "invisible
            characters", "fence", "text" before or after the JSON, "other JSON" in such
            text, "trailing comma". Empty if the text was plain JSON.
        earlier: Why the model was asked again: one error for each earlier answer, which
            did not fit the type. The error has that answer and its usage.
    """

    parsed: _T
    parsed_from: tuple[str, ...] = ()
    earlier: tuple[OutputInvalidError, ...] = field(default=(), eq=False, repr=False)

    @property
    def total_usage(self) -> Usage | None:
        """The tokens of this answer and of all `earlier` ones; None if unknown."""
        answers = [error.completion for error in self.earlier]
        reports = [answer.usage for answer in [*answers, self] if answer]
        known = [report for report in reports if report is not None]
        return reduce(sum_of_usage, known) if known else None

    @property
    def total_cost(self) -> "Decimal | None":
        """What this answer and all `earlier` ones cost, in US dollars."""
        return cost_of_all([*(error.completion for error in self.earlier), self])


def parsed_completion(
    answer: ChatCompletion,
    value: _T,
    *,
    parsed_from: tuple[str, ...] = (),
    earlier: tuple[OutputInvalidError, ...] = (),
) -> ParsedCompletion[_T]:
    """Return *answer* with *value*, into which the answer's text was decoded."""
    fields = dict(zip(_FIELDS, _values_of(answer), strict=True))
    return ParsedCompletion(
        **fields, parsed=value, parsed_from=parsed_from, earlier=earlier
    )
