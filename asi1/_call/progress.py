"""Reports the progress of a `map`: to a function, or to the bar of a library."""

from __future__ import annotations

import inspect

from collections.abc import Callable, Sized
from typing import Any

from attrs import define

from .._log import warn_of
from .._models.errors import ArgumentError


__all__ = ["Progress", "progress_of"]


@define(eq=False)
class Progress:
    """
    Reports each answer that was read; an error of the report fails no call.

    Attributes:
        update: Called with the number of new answers; None after it has failed.
    """

    update: Callable[[int], object] | None

    def advance(self) -> None:
        """Report one more answer."""
        if self.update is None:
            return
        try:
            self.update(1)
        except Exception as error:  # noqa: BLE001 - a broken bar must not fail a call
            self.update = None
            text = f"progress raised {type(error).__name__}, and is not called again"
            warn_of(text, error)


def progress_of(value: Any, prompts: object) -> Progress:
    """
    Return the progress that *value* shows: a function of one number, an object with
    ``update``, such as tqdm's bar, or a ``rich.progress.Progress``.

    Raises:
        ArgumentError: *value* is something else.
    """
    if value is None:
        return Progress(None)
    if callable(getattr(value, "add_task", None)):  # as that of rich
        total = len(prompts) if isinstance(prompts, Sized) else None
        task = value.add_task("prompts", total=total)
        return Progress(lambda number: value.advance(task, number))
    update = getattr(value, "update", None)
    update = update if callable(update) else value
    if not callable(update) or isinstance(value, type | dict | set):
        raise ArgumentError(
            "progress: must be a function of one number, or have a method update, not"
            f" {type(value).__name__}",
            argument="progress",
        )
    if inspect.iscoroutinefunction(update):
        raise ArgumentError(
            "progress: must be a plain function, since nothing awaits it",
            argument="progress",
        )
    return Progress(update)
