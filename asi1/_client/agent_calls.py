"""The methods `parse`, `run_tools`, `resume_tools` of ``client.chat.completions``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._models.base_types import DEFAULT
from .._settings.options import ParseOptions, ToolOptions, lists
from .lazy_engine import LazyEngine
from .loader import async_loader, loader


if TYPE_CHECKING:
    from types import ModuleType

    from .._models.messages import Messages
    from .._models.parsed import ParsedCompletion
    from .._settings.budget import Budget
    from .tool_run import AsyncToolRun


__all__ = ["AsyncAgentCalls", "load_run_class", "load_tool_runs", "parse_rounds"]

_T = TypeVar("_T")


class AsyncAgentCalls:
    """The methods of `AsyncCompletions` that return typed values, and run tools."""

    _lazy: LazyEngine

    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        response_format: type[_T],
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    async def parse(
        self,
        *,
        messages: Messages,
        response_format: object,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    @lists(ParseOptions)
    async def parse(
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

        The request asks for JSON with the type's schema. The answer is checked against
        the type, since a server may ignore the schema.

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

        Source: https://docs.asi1.ai/documentation/build-with-asi-one/structured-data
        """
        engine = await self._lazy.ready()
        module = await parse_rounds.ready()
        rounds = module.parse_rounds(
            engine,
            messages=messages,
            model=model,
            response_format=response_format,
            repair=repair,
            options=options,
        )
        answer: ParsedCompletion[Any] = await module.run_rounds(engine, rounds)
        return answer

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
    ) -> AsyncToolRun:
        """
        Let the model call tools, until it answers without calling one.

        The tool calls of one answer run at the same time, and their results are sent to
        the model in the order of the calls. The run is an async iterator of steps; use
        ``await run.until_done()`` if only the result matters. Nothing is sent before
        the first read.

        A tool call never runs if the answer that contains it was cut off, or if its
        arguments are not complete JSON or do not fit the tool: the model reads an error
        instead. The model also reads an error if a tool takes too long, is cancelled,
        or raises an exception. Of an exception it reads the class and message; of a
        `ToolError`, only the message.

        Args:
            messages: As for `create`.
            tools: Functions, and tools that `tool` made.
            model: As for `create`.
            max_rounds: The maximum number of the model's answers; at least 1.
            stream: Whether the pieces of text, thoughts and tool calls are steps too.
            tool_timeout: Maximum seconds of a tool call, for tools without a timeout of
                their own; None for no limit.
            journal: Called with one line of JSON, without a line break, for each event,
                before the run goes on; may return an awaitable. If the process is
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

        Reading the run raises the same errors as `AsyncToolRun.until_done`.

        Source: https://docs.asi1.ai/documentation/build-with-asi-one/tool-calling
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
            self._lazy.get(), plan, messages=messages, model=model, options=options
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
        Go on with a run that waits for decisions, failed, or whose process was killed.

        A tool call that has a result is not run again, in any process. Nor is one that
        had begun when the process was killed: the model then reads that it is not known
        whether the call took effect.

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
            self._lazy.get(),
            plan,
            saved=saved,
            decisions=decisions,
            model=model,
            options=options,
        )
        return load_run_class()(rounds, journal)


@async_loader("_call.parse_rounds")
def parse_rounds() -> ModuleType:
    """Import and return the module that makes the calls of `parse`."""
    from .._call import parse_rounds as module  # noqa: PLC0415

    return module


@loader
def load_tool_runs() -> ModuleType:
    """Import and return the module that begins tool runs."""
    from . import tool_runs as module  # noqa: PLC0415

    return module


@loader
def load_run_class() -> type[AsyncToolRun]:
    """Import and return the class `AsyncToolRun`."""
    from .tool_run import AsyncToolRun  # noqa: PLC0415

    return AsyncToolRun
