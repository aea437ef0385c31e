"""``client.chat.completions.parse`` for blocking callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .._call.engine import Engine
from .._client.structured_outputs import parse_rounds
from .._models.messages import Messages
from .._settings.options import ParseOptions
from .loop_thread import loop_thread


if TYPE_CHECKING:
    from .._call.parse_rounds import Rounds
    from .._models.parsed import ParsedCompletion


__all__ = ["StructuredOutputs", "run_rounds"]

_T = TypeVar("_T")


class StructuredOutputs:
    """Same as `AsyncStructuredOutputs`, for blocking callers."""

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
    finally:
        rounds.close()
