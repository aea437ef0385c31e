"""The answers to many prompts for blocking callers: `AsyncAnswers`, driven."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from .._client.map import AsyncAnswers
from .._models.base_types import public
from .loop_thread import close_on_loop, loop_thread


__all__ = ["Answers"]

_T = TypeVar("_T")


@public
class Answers(Generic[_T]):
    """Same as `AsyncAnswers`, but blocks."""

    def __init__(self, answers: AsyncAnswers[_T]) -> None:
        """Made by the client."""
        self._answers = answers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _T:
        try:
            with self._answers._reader():
                self._answers._take()  # in this thread: making prompts may block it
                answer = loop_thread().run(self._answers._next())
        except Exception:
            raise
        except BaseException:  # Ctrl-C: nobody will read on
            self._answers._drop()
            raise
        if answer is None:
            raise StopIteration
        return answer

    def close(self) -> None:
        """Same as `AsyncAnswers.aclose`, but blocks."""
        self._answers._drop()  # even if there is no loop to close it on
        close_on_loop(self._answers.aclose)
