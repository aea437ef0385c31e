"""The methods `parse`, `run_tools` and `resume_tools` of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from ..._models.messages import Message, Messages
from ..._settings.options import ParseOptions, ToolOptions, lists
from ..agent_calls import load_run_class, load_tool_runs, parse_rounds
from ..loader import loader
from .turn_taking import TurnTaking


if TYPE_CHECKING:
    from types import ModuleType

    from ..._models.parsed import ParsedCompletion
    from ..._settings.budget import Budget
    from ..tool_run import AsyncToolRun


__all__ = ["AsyncAgentTurns", "tool_turns", "turn_rounds"]

_T = TypeVar("_T")


class AsyncAgentTurns:
    """The methods of `AsyncConversation` that return typed values, and run tools."""

    _turns: TurnTaking

    @overload
    async def parse(
        self,
        message: Messages | Message,
        response_format: type[_T],
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    async def parse(
        self,
        message: Messages | Message,
        response_format: object,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    @lists(ParseOptions)
    async def parse(
        self,
        message: Messages | Message,
        response_format: Any,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """
        Send a message; return the answer, with its text decoded as ``parsed``.

        The turn is added to the history if an answer fits the type; then `usage` also
        counts the earlier answers, which did not fit.

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

    @lists(ToolOptions)
    def run_tools(
        self,
        message: Messages | Message,
        *,
        tools: Iterable[Callable[..., Any]],
        model: str | None = None,
        max_rounds: int = 10,
        stream: bool = False,
        tool_timeout: float | None = 600.0,
        journal: Callable[[str], object] | None = None,
        budget: Budget | None = None,
        **options: Unpack[ToolOptions],
    ) -> AsyncToolRun:
        """
        Send a message, and let the model call tools until it answers without one.

        The whole exchange is one turn: it is added to the history when the run is over.
        While calls wait for an approval, and after an error, the history is unchanged.

        Args:
            message: As for `ask`.
            tools: As for `AsyncCompletions.run_tools`.
            model: As for `ask`.
            max_rounds: As for `AsyncCompletions.run_tools`.
            stream: As for `AsyncCompletions.run_tools`.
            tool_timeout: As for `AsyncCompletions.run_tools`.
            journal: As for `AsyncCompletions.run_tools`.
            budget: As for `AsyncCompletions.run_tools`.
            **options: Fields of `ToolOptions`; they override the conversation's.

        Raises:
            ArgumentError: An argument is wrong, or a function cannot be a tool; nothing
                was sent. The other errors of `ask` are raised when the run is read.
            ClientClosedError: The client is closed.
        """
        plan = load_tool_runs().RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
            budget=budget,
        )
        rounds = tool_turns().begin_turn(
            self._turns, plan, message=message, model=model, options=options
        )
        return load_run_class()(rounds, journal)

    @lists(ToolOptions)
    def resume_tools(  # noqa: PLR0913 - as `run_tools`
        self,
        saved: str | bytes | Iterable[str],
        *,
        tools: Iterable[Callable[..., Any]],
        decisions: Mapping[str, bool | str] | None = None,
        model: str | None = None,
        max_rounds: int | None = None,
        stream: bool = False,
        tool_timeout: float | None = 600.0,
        journal: Callable[[str], object] | None = None,
        budget: Budget | None = None,
        **options: Unpack[ToolOptions],
    ) -> AsyncToolRun:
        """
        Go on with a run of this conversation, as `AsyncCompletions.resume_tools`.

        If the run was over when it was saved, its turn is added to the history, unless
        it is the last turn there already.

        Args:
            saved: What ``run.to_json()`` returned, or the lines of the journal.
            tools: The tools that were given to `run_tools`.
            decisions: As for `AsyncCompletions.resume_tools`.
            model: As for `AsyncCompletions.resume_tools`.
            max_rounds: As for `AsyncCompletions.resume_tools`.
            stream: As for `AsyncCompletions.run_tools`.
            tool_timeout: As for `AsyncCompletions.run_tools`.
            journal: As for `AsyncCompletions.resume_tools`.
            budget: As for `AsyncCompletions.resume_tools`.
            **options: As for `run_tools`.

        Raises:
            ArgumentError: As for `AsyncCompletions.resume_tools`, but *saved* must be a
                run of a conversation.
            ClientClosedError: The client is closed.
        """
        plan = load_tool_runs().RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
            budget=budget,
        )
        rounds = tool_turns().resume_turn(
            self._turns,
            plan,
            saved=saved,
            decisions=decisions,
            model=model,
            options=options,
        )
        return load_run_class()(rounds, journal)


@loader
def turn_rounds() -> Callable[..., Any]:
    """Import and return the function that makes the calls of a turn's `parse`."""
    from .turn_parse import turn_rounds as function  # noqa: PLC0415

    return function


@loader
def tool_turns() -> ModuleType:
    """Import and return the module that begins turns with tools."""
    from . import tool_turns as module  # noqa: PLC0415

    return module
