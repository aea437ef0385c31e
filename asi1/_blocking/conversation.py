"""A conversation for blocking callers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._call.answer_reader import ChunkReader
from .._client.agent_calls import load_tool_runs
from .._client.conversation.agent_turns import tool_turns, turn_rounds
from .._client.conversation.conversation import AsyncConversation
from .._client.conversation.turn import Turn
from .._client.conversation.turn_stream import turn_stream
from .._client.conversation.turn_taking import TurnTaking
from .._models.base_types import JSON, Hinted, public
from .._models.completion import ChatCompletion
from .._models.messages import Message, Messages
from .._models.response import Usage
from .._protocol.context.tokens import TokenEstimator
from .._settings.options import ChatOptions, ParseOptions, ToolOptions
from .agent_calls import load_run_class, run_rounds
from .loop_thread import loop_thread
from .stream import ChatStream


if TYPE_CHECKING:
    from .._models.parsed import ParsedCompletion
    from .tool_run import ToolRun


__all__ = ["Conversation"]

_T = TypeVar("_T")


@public
class Conversation(Hinted):
    """Same as `AsyncConversation`, but blocks."""

    def __init__(self, turns: TurnTaking) -> None:
        """Users do not construct this class; the client does."""
        self._turns = turns
        # The blocking and the async conversation share the history in *turns*.
        self._conversation = AsyncConversation(turns)

    def __repr__(self) -> str:
        return repr(self._conversation).replace("Async", "")

    def ask(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """Same as `AsyncConversation.ask`, but blocks."""
        return self._run(self._conversation.ask(message, model=model, **options))

    def stream(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        keep_partial: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatStream:
        """Same as `AsyncConversation.stream`, but blocks."""
        turn = Turn(self._turns, message, model, options, ChunkReader)
        return ChatStream(turn_stream(turn, keep_partial=keep_partial))

    @overload
    def parse(
        self,
        message: Messages,
        response_format: type[_T],
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[_T]: ...

    @overload
    def parse(
        self,
        message: Messages,
        response_format: object,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]: ...

    def parse(
        self,
        message: Messages,
        response_format: Any,
        *,
        model: str | None = None,
        repair: int = 0,
        **options: Unpack[ParseOptions],
    ) -> ParsedCompletion[Any]:
        """Same as `AsyncConversation.parse`, but blocks."""
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

    def run_tools(
        self,
        message: Messages,
        *,
        tools: Iterable[Callable[..., Any]],
        model: str | None = None,
        max_rounds: int = 10,
        stream: bool = False,
        tool_timeout: float | None = 600.0,
        journal: Callable[[str], object] | None = None,
        **options: Unpack[ToolOptions],
    ) -> ToolRun:
        """Same as `AsyncConversation.run_tools`."""
        plan = load_tool_runs().RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
        )
        rounds = tool_turns().begin_turn(
            self._turns, plan, message=message, model=model, options=options
        )
        return load_run_class()(rounds, journal)

    def resume_tools(
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
        **options: Unpack[ToolOptions],
    ) -> ToolRun:
        """Same as `AsyncConversation.resume_tools`."""
        plan = load_tool_runs().RunPlan.of(
            tools,
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            journal=journal,
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

    def wait(
        self,
        *,
        interval: float = 5.0,
        timeout: float | None = 120.0,
        message: str = "Any update?",
        model: str | None = None,
    ) -> ChatCompletion:
        """Same as `AsyncConversation.wait`, but blocks."""
        wait = self._conversation.wait
        return self._run(
            wait(interval=interval, timeout=timeout, message=message, model=model)
        )

    def _run(self, turn: Coroutine[Any, Any, ChatCompletion]) -> ChatCompletion:
        try:
            return loop_thread().run(turn)
        except Exception:
            raise
        # On Ctrl-C, the turn ends at once, although its call is still being cancelled.
        except BaseException:
            self._turns.give_up()
            raise

    @property
    def messages(self) -> tuple[dict[str, JSON], ...]:
        """Same as `AsyncConversation.messages`."""
        return self._conversation.messages

    @property
    def session_id(self) -> str | None:
        """Same as `AsyncConversation.session_id`."""
        return self._conversation.session_id

    @property
    def summary(self) -> str | None:
        """Same as `AsyncConversation.summary`."""
        return self._conversation.summary

    @property
    def tokens(self) -> TokenEstimator:
        """Same as `AsyncConversation.tokens`."""
        return self._conversation.tokens

    @property
    def usage(self) -> Usage:
        """Same as `AsyncConversation.usage`."""
        return self._conversation.usage

    @property
    def summary_usage(self) -> Usage:
        """Same as `AsyncConversation.summary_usage`."""
        return self._conversation.summary_usage

    def edit(self, place: int, message: str | Message) -> None:
        """Same as `AsyncConversation.edit`."""
        self._conversation.edit(place, message)

    def undo(self) -> tuple[dict[str, JSON], ...]:
        """Same as `AsyncConversation.undo`."""
        return self._conversation.undo()

    def fork(self, upto: int | None = None) -> Conversation:
        """Same as `AsyncConversation.fork`."""
        return Conversation(self._turns.fork(upto))

    def to_json(self) -> str:
        """Same as `AsyncConversation.to_json`."""
        return self._conversation.to_json()
