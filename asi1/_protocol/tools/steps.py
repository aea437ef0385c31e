"""The steps of a run with tools, and its result, as frozen attrs classes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from ..._models.base_types import JSON, public
from ..._models.completion import ChatCompletion, ToolCall
from ..._models.response import Usage, cost_of_all, sum_of_usage
from ..partial_json import PartialValue


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = [
    "AnswerStep",
    "TextStep",
    "ThoughtStep",
    "ToolArgumentsStep",
    "ToolEndedStep",
    "ToolRunResult",
    "ToolStartedStep",
    "ToolStep",
    "usage_of",
]


@public
@frozen(kw_only=True)
class TextStep:
    """
    The next piece of an answer's text; only with ``stream=True``.

    Attributes:
        text: The piece.
    """

    text: str


@public
@frozen(kw_only=True)
class ThoughtStep:
    """
    The next piece of the model's thoughts; only with ``stream=True``.

    Attributes:
        text: The piece.
    """

    text: str


@public
@frozen(kw_only=True)
class ToolArgumentsStep:
    """
    The model goes on writing a tool call; only with ``stream=True``.

    Attributes:
        call: The call so far; its arguments are the beginning of a JSON text.
    """

    call: ToolCall

    @property
    def arguments_so_far(self) -> JSON:
        """
        The arguments so far as plain JSON data, which may not fit the tool's schema.

        The last value may still grow. None before the arguments begin.
        """
        return PartialValue().update(self.call.function.arguments, whole=True)


@public
@frozen(kw_only=True)
class AnswerStep:
    """
    The model has given a complete answer: it calls tools, or it is the last answer.

    Attributes:
        answer: The answer.
        round: The number of the answer in the run, from 1.
    """

    answer: ChatCompletion
    round: int


@public
@frozen(kw_only=True)
class ToolStartedStep:
    """
    A tool is about to run.

    Tools that run together have one such step each, one after the other. They begin
    when the reader asks for the step after the last of these steps.

    Attributes:
        call: The model's call.
    """

    call: ToolCall


@public
@frozen(kw_only=True)
class ToolEndedStep:
    """
    A tool call has its result: the tool has ended, or the call was not run at all.

    Attributes:
        call: The model's call.
        content: The text that is sent to the model as the result of the call.
        failed: Whether the content is an error, which the model can read.
        error: The exception that the tool raised; None for no exception, and in a run
            that was saved and loaded.
    """

    call: ToolCall
    content: str
    failed: bool = False
    error: BaseException | None = field(default=None, eq=False)


ToolStep: TypeAlias = (
    TextStep
    | ThoughtStep
    | ToolArgumentsStep
    | AnswerStep
    | ToolStartedStep
    | ToolEndedStep
)


@public
@frozen(kw_only=True)
class ToolRunResult:
    """
    What a run with tools has done.

    Attributes:
        answer: The model's last answer. If `pending` is not empty, it calls tools and
            is not the end of the run.
        messages: The messages of the run as dicts for the API, with the last answer,
            oldest first; without the history of its conversation.
        steps: The steps, without those for pieces of answers.
        pending: The calls that wait for an approval; empty if the run is over.
    """

    answer: ChatCompletion
    messages: tuple[dict[str, JSON], ...] = field(repr=False)
    steps: tuple[ToolStep, ...] = field(repr=False)
    pending: tuple[ToolCall, ...] = ()

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.answer.text

    @property
    def usage(self) -> Usage | None:
        """The tokens of all answers together; None if the server reported none."""
        return usage_of(self.steps)

    @property
    def cost(self) -> Decimal | None:
        """US dollars that all answers cost together; None if one cost is not known."""
        return cost_of_all(
            step.answer for step in self.steps if isinstance(step, AnswerStep)
        )


def usage_of(steps: Iterable[ToolStep]) -> Usage | None:
    """Return the tokens of all answers in *steps*; None if none are known."""
    answers = [step.answer for step in steps if isinstance(step, AnswerStep)]
    known = [answer.usage for answer in answers if answer.usage is not None]
    return reduce(sum_of_usage, known) if known else None
