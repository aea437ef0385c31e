"""The methods `parse`, `run_tools`, `resume_tools` of a blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._call.engine import Engine
from .._client.agent_calls import load_tool_runs, parse_rounds
from .._client.loader import loader
from .._models.base_types import DEFAULT
from .._models.errors import ASI1Error
from .._models.messages import Messages
from .._settings.options import ParseOptions, ToolOptions, lists
from .loop_thread import loop_thread


if TYPE_CHECKING:
    from .._call.parse_rounds import Rounds
    from .._models.parsed import ParsedCompletion
    from .._settings.budget import Budget
    from .tool_run import ToolRun


__all__ = ["AgentCalls", "load_run_class", "run_rounds"]

_T = TypeVar("_T")


class AgentCalls:
    """Same as `AsyncAgentCalls`, for blocking callers."""

    _engine: Engine

    @overload
    def parse(
        self,
        *,
        messages: Messages,
        response_format: type[_T],
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    def parse(
        self,
        *,
        messages: Messages,
        response_format: object,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    @lists(ParseOptions)
    def parse(
        self,
        *,
        messages: Messages,
        response_format: Any = DEFAULT,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """
        Ask the model for a value of a type, and return the answer with its ``parsed``.

        Same as `AsyncCompletions.parse`, but blocks.

        Args:
            messages: As for `create`.
            response_format: The type: a class of attrs, dataclasses, pydantic or
                msgspec, a ``TypedDict``, ``NamedTuple`` or ``Enum``, or any annotation
                made of such classes and of Python's own types, such as
                ``list[int | None]``. A JSON Schema as a dict gives plain JSON data,
                which is not checked against the schema.
            model: As for `create`.
            repair: How often the model is asked again, with the error, if its answer
                is not JSON or does not fit the type; ``answer.earlier`` has the errors.
                Each answer is a call of its own, with its own timeouts.
            **options: Fields of `ParseOptions`.

        Raises:
            OutputTruncatedError: The answer ends before the value is complete.
            ThoughtBudgetError: The model's thoughts used up all tokens.
            OutputRefusedError: The model refused to answer.
            OutputInvalidError: The answer is not valid JSON, or does not fit the type.
            ArgumentError: An argument is wrong, or JSON Schema cannot describe the
                type; nothing was sent.
            ASI1Error: As for `create`.
        """
        rounds = parse_rounds().parse_rounds(
            self._engine,
            messages=messages,
            model=model,
            response_format=response_format,
            repair=repair,
            options=options,
        )
        return run_rounds(self._engine, rounds)

    @lists(ToolOptions)
    def run_tools(
        self,
        messages: Messages,
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
        Let the model call tools, until it answers without calling one.

        Same as `AsyncCompletions.run_tools`, but *journal* must be a blocking function.

        If *journal* returns an awaitable, reading the run raises `ArgumentError`.

        Args:
            messages: As for `create`.
            tools: Functions, and tools that `tool` made.
            model: As for `create`.
            max_rounds: The maximum number of the model's answers; at least 1.
            stream: Whether the pieces of text, thoughts and tool calls are steps too.
            tool_timeout: Maximum seconds of a tool call, for tools without a timeout of
                their own; None for no limit.
            journal: Called with one line of JSON, without a line break, for each event,
                before the run goes on. If the process is
                killed, `resume_tools` can continue the run from these lines; it runs no
                tool call a second time.
            budget: The most that the answers of this run may use, besides the budget of
                the client; `BudgetExceededError` ends a run whose next answer could
                exceed it.
            **options: Fields of `ToolOptions`, for each call of the model.

        Raises:
            ArgumentError: An argument is wrong, or a function cannot be a tool; nothing
                was sent.
            ClientClosedError: The client is closed.
        """
        runs = load_tool_runs()
        plan = runs.RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
            budget=budget,
        )
        rounds = runs.begin_run(
            self._engine, plan, messages=messages, model=model, options=options
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
        Go on with a run that waits for decisions, failed, or whose process was killed.

        Same as `AsyncCompletions.resume_tools`.

        Args:
            saved: What ``run.to_json()`` returned, or the lines of the journal.
            tools: The tools that were given to `run_tools`.
            decisions: By the ids of pending calls: True to run the call; False, or the
                reason as a str, to refuse it. Calls without a decision stay pending.
            model: The model; None for the model with which the run began.
            max_rounds: The maximum number of the model's answers, those before
                included; None for the number with which the run began.
            stream: As for `run_tools`.
            tool_timeout: As for `run_tools`.
            journal: As for `run_tools`; is called for new events only.
            budget: As for `run_tools`; what the run has used before does not count.
            **options: As for `run_tools`; they are not saved.

        Raises:
            ArgumentError: An argument is wrong, *saved* is not a run or is a run of a
                conversation, or no call with an id in *decisions* is pending.
            ClientClosedError: The client is closed.
        """
        runs = load_tool_runs()
        plan = runs.RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
            budget=budget,
        )
        rounds = runs.resume_run(
            self._engine,
            plan,
            saved=saved,
            decisions=decisions,
            model=model,
            options=options,
        )
        return load_run_class()(rounds, journal)


def run_rounds(engine: Engine, rounds: Rounds[_T]) -> _T:
    """
    Make the calls that *rounds* yields, one after the other, on the loop thread.

    Answers are decoded in the caller's thread: decoding runs the user's validators,
    which may block, or call the model themselves.

    Raises:
        ASI1Error: A call failed, or *rounds* raised this error.
    """
    try:
        call = next(rounds)
        while True:
            call = rounds.send(loop_thread().run(partial(engine.result_here, call)))
    except StopIteration as done:
        result: _T = done.value
        return result
    except ASI1Error as error:
        rounds.throw(error)  # so that hooks are told why the calls have ended
        raise
    finally:
        rounds.close()


@loader
def load_run_class() -> type[ToolRun]:
    """Import and return the class `ToolRun`."""
    from .tool_run import ToolRun  # noqa: PLC0415

    return ToolRun
