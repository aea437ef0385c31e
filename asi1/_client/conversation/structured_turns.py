"""``conversation.parse``: turns whose answers become values of a Python type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from ..._models.messages import Messages
from ..._settings.options import ParseOptions
from ..lazy import loader
from ..structured_outputs import parse_rounds
from .turn_taking import TurnTaking


if TYPE_CHECKING:
    from ..._models.parsed import ParsedCompletion


__all__ = ["AsyncStructuredTurns", "turn_rounds"]

_T = TypeVar("_T")


class AsyncStructuredTurns:
    """The part of `AsyncConversation` that turns answers into values."""

    _turns: TurnTaking

    @overload
    async def parse(
        self,
        message: Messages,
        response_format: type[_T],
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    async def parse(
        self,
        message: Messages,
        response_format: object,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    async def parse(
        self,
        message: Messages,
        response_format: Any,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """
        Send a message, and return the answer with its value ``parsed``.

        The turn is added to the history if the answer fits the type; `usage` also
        counts the answers that did not fit.

        Args:
            message: As for `ask`.
            response_format: The type of the value, as for `AsyncCompletions.parse`.
            model: As for `ask`.
            repair: As for `AsyncCompletions.parse`.
            **options: As for `ask`.

        Raises:
            OutputError: As for `AsyncCompletions.parse`; the history is unchanged.
            ASI1Error: As for `ask`.
        """
        rounds = turn_rounds()(
            self._turns,
            message,
            response_format,
            model=model,
            repair=repair,
            options=options,
        )
        engine = self._turns.engine
        answer: ParsedCompletion[Any] = await parse_rounds().run_rounds(engine, rounds)
        return answer


@loader
def turn_rounds() -> Callable[..., Any]:
    """Return the function that makes the calls of a turn's `parse`."""
    from .turn_parse import turn_rounds as function  # noqa: PLC0415

    return function
