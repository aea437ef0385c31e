"""An iterator over the answers to many prompts, for blocking callers."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from .._call.concurrent_calls import ConcurrentCalls
from .._models.base_types import public
from .loop_thread import close_on_loop, loop_thread


__all__ = ["Answers"]

_T = TypeVar("_T")


@public
class Answers(Generic[_T]):
    """
    An iterator of the answers to many prompts.

    Same as `AsyncAnswers`, but blocks.

    Reading raises:
        ASI1Error: As for `Completions.create`, in place of the answer; the calls
            still running are cancelled. With *return_exceptions*, the error is
            returned instead, and no call is cancelled.
        ClientClosedError: The client was closed; raised even with *return_exceptions*.
        StreamBusyError: Another thread is reading.
        StreamClosedError: The answers were closed.
        Exception: Any error of the iterable of prompts, after all earlier answers.
    """

    def __init__(self, calls: ConcurrentCalls) -> None:
        """Users do not construct this class; the client does."""
        self._calls = calls

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
            with self._calls.reader():
                # The user's iterable may block, so it is read in the caller's thread,
                # not in the event loop's.
                self._calls.take()
                answer: _T | None = loop_thread().run(self._calls.next)
                if answer is not None:
                    self._calls.show_progress()
        except Exception:
            raise
        except BaseException:  # on Ctrl-C, cancel the calls: no answers will be read
            self._calls.abandon()
            raise
        if answer is None:
            raise StopIteration
        return answer

    def close(self) -> None:
        """
        Cancel the running calls; may be called twice, and by any thread.

        Same as `AsyncAnswers.aclose`, but blocks.
        """
        self._calls.abandon()  # needs no event loop: runs in the caller's thread
        close_on_loop(self._calls.aclose)
