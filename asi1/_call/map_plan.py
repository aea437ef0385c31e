"""The checked arguments of a `map`."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, Self

from attrs import frozen

from .._protocol.map_items import MapRequests
from .._settings.validators import flag, whole_number, wrong
from .engine import Engine
from .progress import Progress, progress_of
from .prompts import AsyncSource, Source, source_of


__all__ = ["MapPlan"]


@frozen(eq=False)
class MapPlan:
    """
    The checked arguments of a `map`.

    Attributes:
        engine: Makes the calls.
        requests: Makes the requests.
        source: Where the prompts come from.
        progress: Reports each answer that was read.
        concurrency: How many calls may be ahead of the answers that were read.
        ordered: Whether the answers come in the order of the prompts.
        keyed: Whether each answer comes with its prompt's key.
        return_exceptions: Whether an error is returned in place of its answer.
    """

    engine: Engine
    requests: MapRequests
    source: Source | AsyncSource
    progress: Progress
    concurrency: int
    ordered: bool
    keyed: bool
    return_exceptions: bool

    @classmethod
    def of(
        cls,
        engine: Engine,
        prompts: Any,
        *,
        model: str | None,
        options: Mapping[str, Any],
        settings: Mapping[str, Any],
        blocking: bool = False,
    ) -> Self:
        """
        Check the arguments of a `map`; no call begins yet.

        Raises:
            ArgumentError: An argument is wrong.
            ClientClosedError: The client is closed.
            ConfigurationError: The budget is wrong.
        """
        engine.check_open()
        concurrency, key = settings["concurrency"], settings["key"]
        if problem := whole_number(1)(concurrency):
            raise wrong("concurrency", problem, concurrency)
        for name in ("ordered", "return_exceptions"):
            if problem := flag(settings[name]):
                raise wrong(name, problem, settings[name])
        if settings["budget"] is not None or engine.resources.budgets is not None:
            engine = engine.child(budget=settings["budget"], queues=True)
        requests = MapRequests.of(engine.config, model, options)
        source = source_of(prompts, key, allow_async=not blocking)
        total = len(prompts) if isinstance(prompts, Sized) else None
        return cls(
            engine=engine,
            requests=requests,
            source=source,
            progress=progress_of(settings["progress"], "prompts", total),
            concurrency=concurrency,
            ordered=settings["ordered"],
            keyed=key is not None or isinstance(prompts, Mapping),
            return_exceptions=settings["return_exceptions"],
        )
