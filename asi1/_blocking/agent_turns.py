"""The methods `parse`, `run_tools` and `resume_tools` of a blocking conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._client.agent_calls import load_tool_runs
from .._client.conversation.agent_turns import tool_turns, turn_rounds
from .._client.conversation.turn_taking import TurnTaking
from .._models.messages import Message, Messages
from .._settings.options import ParseOptions, ToolOptions, lists
from .agent_calls import load_run_class, run_rounds


if TYPE_CHECKING:
    from .._models.parsed import ParsedCompletion
    from .._settings.budget import Budget
    from .tool_run import ToolRun


__all__ = ["AgentTurns"]

_T = TypeVar("_T")


class AgentTurns:
    """Same as `AsyncAgentTurns`, for blocking callers."""

    _turns: TurnTaking

    @overload
    def parse(
        self,
        message: Messages | Message,
        response_format: type[_T],
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    def parse(
        self,
        message: Messages | Message,
        response_format: object,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    @lists(ParseOptions)
    def parse(
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

        Same as `AsyncConversation.parse`, but blocks.

        Args:
            message: As for `ask`.
            response_format: The type of the value, as for `Completions.parse`.
            model: As for `ask`.
            repair: As for `Completions.parse`.
            **options: As for `ask`.

        Raises:
            OutputError: As for `Completions.parse`; the history is unchanged.
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
        # On Ctrl-C, `run_rounds` closes the generator *rounds*, which ends the turn.
        return run_rounds(self._turns.engine, rounds)

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
    ) -> ToolRun:
        """
        Send a message, and let the model call tools until it answers without one.

        Same as `AsyncConversation.run_tools`.

        Args:
            message: As for `ask`.
            tools: As for `Completions.run_tools`.
            model: As for `ask`.
            max_rounds: As for `Completions.run_tools`.
            stream: As for `Completions.run_tools`.
            tool_timeout: As for `Completions.run_tools`.
            journal: As for `Completions.run_tools`.
            budget: As for `Completions.run_tools`.
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
    ) -> ToolRun:
        """
        Go on with a run of this conversation, as `Completions.resume_tools`.

        Same as `AsyncConversation.resume_tools`.

        Args:
            saved: What ``run.to_json()`` returned, or the lines of the journal.
            tools: The tools that were given to `run_tools`.
            decisions: As for `Completions.resume_tools`.
            model: As for `Completions.resume_tools`.
            max_rounds: As for `Completions.resume_tools`.
            stream: As for `Completions.run_tools`.
            tool_timeout: As for `Completions.run_tools`.
            journal: As for `Completions.resume_tools`.
            budget: As for `Completions.resume_tools`.
            **options: As for `run_tools`.

        Raises:
            ArgumentError: As for `Completions.resume_tools`, but *saved* must be a
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
