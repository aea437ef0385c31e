"""
The errors for an answer that does not become a value of the requested type.

The docstring of the module `errors` shows the hierarchy of all errors.
"""

from functools import reduce
from typing import TYPE_CHECKING

from attrs import define

from .base_types import public
from .completion import ChatCompletion
from .errors import ASI1Error
from .response import Usage, cost_of_all, sum_of_usage


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = [
    "OutputError",
    "OutputInvalidError",
    "OutputRefusedError",
    "OutputTruncatedError",
    "ThoughtBudgetError",
    "thoughts_used_up",
]


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class OutputError(ASI1Error):
    """
    An answer arrived, but did not become a value of the requested type.

    Attributes:
        text: The text of the answer, or of a tool call's arguments.
        completion: The complete answer, with its usage; None if the text did not come
            from an answer.
        earlier: If the model was asked again, the errors of its earlier answers: each
            an `OutputInvalidError`, which has that answer and its usage.
    """

    text: str = ""
    completion: ChatCompletion | None = None
    earlier: tuple[ASI1Error, ...] = ()

    @property
    def usage(self) -> Usage | None:
        """
        The tokens of this answer and of all `earlier` ones, as far as their usage is
        known; None if no usage is known.
        """
        errors = [error for error in self.earlier if isinstance(error, OutputError)]
        answers = [error.completion for error in [*errors, self]]
        known = [answer.usage for answer in answers if answer and answer.usage]
        return reduce(sum_of_usage, known) if known else None

    @property
    def cost(self) -> "Decimal | None":
        """What this answer and all `earlier` ones cost, in US dollars, if known."""
        errors = [error for error in self.earlier if isinstance(error, OutputError)]
        return cost_of_all(error.completion for error in [*errors, self])


@public
class OutputTruncatedError(OutputError):
    """
    The answer ends before the value is complete, or a token limit has ended it.

    After a token limit, even a complete value in the answer is not returned: the model
    had not finished, and might have gone on to write a better value.
    """


@public
class ThoughtBudgetError(OutputTruncatedError):
    """The model's thoughts used up all tokens, so that the answer has no text."""


@public
class OutputRefusedError(OutputError):
    """The model refused to answer, or the content filter removed the answer."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class OutputInvalidError(OutputError):
    """
    The answer is not valid JSON, or does not fit the requested type.

    Attributes:
        path: The path of the first value that does not fit, such as
            ``$.kids[0].age``; "$" is the whole answer.
        expected: What the type expects there, or the message of the type's own
            validator.
    """

    path: str = "$"
    expected: str = ""


def thoughts_used_up(completion: ChatCompletion) -> ThoughtBudgetError:
    """Return the error of an answer whose tokens were all used by thoughts."""
    return ThoughtBudgetError(
        "the model's thoughts used up all tokens; raise max_tokens, or lower"
        " thinking_budget",
        text=completion.text,
        completion=completion,
    )
