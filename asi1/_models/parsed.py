"""An answer together with the value that it became."""

from functools import cache, reduce
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from attrs import field, frozen

from .base import Model, as_sent, setters
from .base_types import public
from .completion import ChatChoice, ChatCompletion, ChatMessage
from .output_errors import OutputInvalidError
from .response import Usage, cost_of_all, sum_of_usage


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = ["ParsedChoice", "ParsedCompletion", "ParsedMessage", "parsed_completion"]

_T = TypeVar("_T")


@public
@frozen(kw_only=True)
class ParsedMessage(ChatMessage, Generic[_T]):
    """
    The model's message, and the value that its text became.

    Attributes:
        parsed: The value, in the first choice; None in others, which are not parsed.
    """

    parsed: _T | None = None


@public
@frozen(kw_only=True)
class ParsedChoice(ChatChoice, Generic[_T]):
    """A choice of a `ParsedCompletion`."""

    # Only the type changes: at run time, the base class has the field.
    if TYPE_CHECKING:
        message: ParsedMessage[_T] = field(factory=ParsedMessage[Any])


@public
@frozen(kw_only=True)
class ParsedCompletion(ChatCompletion, Generic[_T]):
    """
    The complete answer to one call, and the value that its text became.

    Attributes:
        parsed: The value, an instance of the requested type.
        parsed_from: What was removed from the text before it was read as JSON, in this
            order: ``"invisible characters"``; ``"fence"`` for a markdown fence;
            ``"text"`` for text around the JSON; ``"other JSON"`` for JSON in such text;
            ``"trailing comma"``. Empty if the text was plain JSON.
        earlier: Why the model was asked again: one error for each earlier answer, which
            did not fit the type. The error has that answer and its usage.
    """

    if TYPE_CHECKING:
        choices: tuple[ParsedChoice[_T], ...] = ()

    parsed: _T
    parsed_from: tuple[str, ...] = ()
    earlier: tuple[OutputInvalidError, ...] = field(default=(), eq=False, repr=False)

    @property
    def total_usage(self) -> Usage | None:
        """
        The tokens of this answer and of all `earlier` ones, as far as their usage is
        known; None if no usage is known.
        """
        answers = [error.completion for error in self.earlier]
        reports = [answer.usage for answer in [*answers, self] if answer]
        known = [report for report in reports if report is not None]
        return reduce(sum_of_usage, known) if known else None

    @property
    def total_cost(self) -> "Decimal | None":
        """What this answer and all `earlier` ones cost, in dollars; None if unknown."""
        return cost_of_all([*(error.completion for error in self.earlier), self])


def parsed_completion(
    answer: ChatCompletion,
    value: _T,
    *,
    parsed_from: tuple[str, ...] = (),
    earlier: tuple[OutputInvalidError, ...] = (),
) -> ParsedCompletion[_T]:
    """Return *answer* with *value*, into which the answer's text was decoded."""
    choices = tuple(
        _parsed_choice(choice, value if choice.index == 0 else None)
        for choice in answer.choices
    )
    parsed: ParsedCompletion[_T] = _extended(
        ParsedCompletion,
        answer,
        choices=choices,
        parsed=value,
        parsed_from=parsed_from,
        earlier=earlier,
    )
    return parsed


def _parsed_choice(choice: ChatChoice, value: _T | None) -> ParsedChoice[_T]:
    message = _extended(ParsedMessage, choice.message, parsed=value)
    parsed: ParsedChoice[_T] = _extended(ParsedChoice, choice, message=message)
    return parsed


def _extended(cls: Any, model: Model, **fields: Any) -> Any:
    """
    Return *model* as an object of *cls*, a subclass of its class.

    The object has the new *fields*, and all other fields of *model*.
    """
    extended, source = cls.__new__(cls), cast("Any", type(model))
    write = _setters(cls)
    for name in _names(source):
        if name not in fields:
            write[name](extended, getattr(model, name))
    for name, value in fields.items():
        write[name](extended, value)
    return as_sent(extended, model)


# Cached, since finding the setters of a class takes longer than using them.
_setters = cache(setters)


@cache
def _names(cls: Any) -> list[str]:
    return [each.name for each in attrs.fields(cls) if each.name != "_as_sent"]
