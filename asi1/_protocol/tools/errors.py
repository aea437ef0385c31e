"""
The errors of tools and of runs with tools.

The module `errors` shows the tree of all errors.
"""

from __future__ import annotations

from attrs import define, field

from ..._models.base_types import public
from ..._models.completion import ChatCompletion
from ..._models.errors import ASI1Error
from .steps import ToolRunResult


__all__ = ["MaxRoundsError", "ToolError"]


@public
class ToolError(ASI1Error):
    """
    Raise this error in a tool to choose the words that the model reads.

    If a tool raises another exception, the model reads the exception's class and
    message.
    """


def _nothing() -> ToolRunResult:
    return ToolRunResult(answer=ChatCompletion(), messages=(), steps=())


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class MaxRoundsError(ASI1Error):
    """
    The model called tools in every round, until ``max_rounds`` was reached.

    ``resume_tools`` with a higher ``max_rounds`` continues the run.

    Attributes:
        result: What the run has done. The tool calls of the last answer were run too,
            and their results are among ``result.messages``.
    """

    result: ToolRunResult = field(factory=_nothing)
