"""Reports the progress of a `map` or a batch: to a function, or to a library's bar."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from attrs import define

from .._log import warn_of
from .._models.errors import ArgumentError


__all__ = ["Progress", "progress_of"]


class _Summary(Protocol):
    @property
    def total(self) -> int: ...

    @property
    def done(self) -> int: ...

    @property
    def failed(self) -> int: ...


# Called with the number of new answers, and the summary of a batch; None for a `map`.
_Report: TypeAlias = Callable[[int, _Summary | None], object]


@define(eq=False)
class Progress:
    """
    Reports new answers to the user's function or bar; its errors fail no call.

    Attributes:
        report: Calls the function or the bar; None without one, or after it has failed.
    """

    report: _Report | None

    def advance(self, number: int, summary: _Summary | None = None) -> None:
        """Report *number* more answers, and the *summary* of a batch."""
        if self.report is None:
            return
        try:
            result = self.report(number, summary)
        except Exception as error:  # noqa: BLE001 - a broken bar must not fail a call
            self._break(f"raised {type(error).__name__}", error)
        else:
            if inspect.iscoroutine(result):
                result.close()  # else Python warns that it was never awaited
                self._break("returned a coroutine, which nothing awaits", None)

    def _break(self, problem: str, error: BaseException | None) -> None:
        self.report = None
        warn_of(f"progress {problem}, and is not called again", error)


def progress_of(value: Any, what: str, total: int | None) -> Progress:
    """
    Return a `Progress` that reports new answers to *value*.

    Args:
        value: A function of the number of new answers, or of the summary of a batch; an
            object with ``update``, such as tqdm's bar; or a ``rich.progress.Progress``.
        what: The description that a new bar shows, such as the name of what is counted.
        total: The expected number of answers; None if it is not known yet.

    Raises:
        ArgumentError: *value* is something else.
    """
    if value is None:
        return Progress(None)
    if callable(getattr(value, "add_task", None)):  # *value* is a rich ``Progress``
        return Progress(_task_of(value, value.add_task(what, total=total)))
    update = getattr(value, "update", None)
    bar = callable(update)
    if not callable(update if bar else value) or isinstance(value, type | dict | set):
        raise ArgumentError(
            "progress: must be a function, or have a method update, not"
            f" {type(value).__name__}",
            argument="progress",
        )
    called: Callable[[Any], object] = value if update is None or not bar else update
    if any(map(inspect.iscoroutinefunction, (called, type(called).__call__))):
        raise ArgumentError(
            "progress: must be a plain function, since nothing awaits it",
            argument="progress",
        )
    if bar:
        return Progress(lambda number, _: called(number) if number else None)
    return Progress(
        lambda number, summary: called(number if summary is None else summary)
    )


def _task_of(bars: Any, task: Any) -> _Report:
    def report(number: int, summary: _Summary | None) -> object:
        if summary is None:
            return bars.advance(task, number)
        finished = summary.done + summary.failed
        return bars.update(task, total=summary.total, completed=finished)

    return report
