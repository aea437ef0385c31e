"""The methods of ``client.chat.completions`` for agents, for blocking callers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._call.engine import Engine
from .._client.agent_calls import load_tool_runs, parse_rounds
from .._client.lazy_engine import loader
from .._models.errors import ASI1Error
from .._models.messages import Messages
from .._settings.options import ParseOptions, ToolOptions
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

    def parse(
        self,
        *,
        messages: Messages,
        response_format: Any,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """Same as `AsyncCompletions.parse`, but blocks."""
        rounds = parse_rounds().parse_rounds(
            self._engine,
            messages=messages,
            model=model,
            response_format=response_format,
            repair=repair,
            options=options,
        )
        return run_rounds(self._engine, rounds)

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
        Same as `AsyncCompletions.run_tools`, but *journal* must be a blocking function.

        If it returns an awaitable, reading the run raises `ArgumentError`.
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
        """Same as `AsyncCompletions.resume_tools`."""
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
            call = rounds.send(loop_thread().run(engine.result(call)))
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
    """Return the class of a blocking run with tools."""
    from .tool_run import ToolRun  # noqa: PLC0415

    return ToolRun
