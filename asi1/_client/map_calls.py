"""The method `map` of ``client.chat.completions``."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from .._models.base_types import ProgressBar
from .._settings.options import ChatOptions, lists
from .lazy_engine import LazyEngine
from .loader import loader


if TYPE_CHECKING:
    from .._call.concurrent_calls import ConcurrentCalls
    from .._call.map_plan import MapPlan
    from .._models.completion import ChatCompletion
    from .._models.errors import ASI1Error
    from .._models.messages import Messages
    from .._protocol.map_items import ChatRequest
    from .._settings.budget import Budget
    from .map import AsyncAnswers


__all__ = ["AsyncMapCalls"]

_K = TypeVar("_K")
_P = TypeVar("_P")


class AsyncMapCalls:
    """The method of `AsyncCompletions` that sends many prompts."""

    _lazy: LazyEngine

    @overload
    def map(  # type: ignore[overload-overlap]
        self,
        prompts: Mapping[_K, Messages | ChatRequest],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        ordered: bool = True,
        key: None = None,
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[tuple[_K, ChatCompletion]]: ...

    @overload
    def map(  # type: ignore[overload-overlap]
        self,
        prompts: Mapping[_K, Messages | ChatRequest],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        ordered: bool = True,
        key: None = None,
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[tuple[_K, ChatCompletion | ASI1Error]]: ...

    @overload
    def map(
        self,
        prompts: Iterable[_P] | AsyncIterable[_P],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        ordered: bool = True,
        key: Callable[[_P], _K],
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[tuple[_K, ChatCompletion]]: ...

    @overload
    def map(
        self,
        prompts: Iterable[_P] | AsyncIterable[_P],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        ordered: bool = True,
        key: Callable[[_P], _K],
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[tuple[_K, ChatCompletion | ASI1Error]]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Messages | ChatRequest]
        | AsyncIterable[Messages | ChatRequest],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        ordered: bool = True,
        key: None = None,
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[ChatCompletion]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Messages | ChatRequest]
        | AsyncIterable[Messages | ChatRequest],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        ordered: bool = True,
        key: None = None,
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[ChatCompletion | ASI1Error]: ...

    @lists(ChatOptions)
    def map(
        self,
        prompts: Iterable[Any] | AsyncIterable[Any],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool = False,
        ordered: bool = True,
        key: Callable[[Any], Any] | None = None,
        progress: Callable[[int], object] | ProgressBar | None = None,
        budget: Budget | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[Any]:
        """
        Send many prompts, several at once; return an iterator of the answers.

        Use it as ``async for answer in client.chat.completions.map(prompts)``. The
        first read of an answer starts the first calls. Calls begin only while an answer
        is being read; there are at most *concurrency* calls whose answers were not read
        yet.

        Args:
            prompts: An iterable or async iterable of prompts, which may be endless.
                Each is what `create` takes as *messages*, or a `ChatRequest`: a dict
                with "messages" and options of its own. Or a mapping of keys to prompts:
                then each answer comes as ``(key, answer)``.
            model: As for `create`.
            concurrency: Maximum number of calls at once; at least 1.
            return_exceptions: True returns a call's error in place of its answer; False
                raises the error there, and cancels all calls that are still running. An
                error that is not an `ASI1Error`, such as one of your own `Limiter`, is
                always raised.
            ordered: False returns each answer when it comes. True keeps the order of
                the prompts, so that a slow answer holds up later calls.
            key: A function of a prompt: each answer comes as ``(key(prompt), answer)``.
            progress: Shows each answer that was read: a function of the number of new
                answers, or an object with ``update``, such as the bar of tqdm, or a
                ``rich.progress.Progress``. If it raises, it is not called again.
            budget: The most that these calls may use, besides the client's budget. A
                call that could exceed it waits until running calls have ended; if none
                is running, its error is `BudgetExceededError`.
            **options: Fields of `ChatOptions`, for each call; a ``timeout`` starts when
                its call starts.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            ClientClosedError: The client is closed.
            ConfigurationError: The budget is not a `Budget`.
        """
        kind, calls, plan = _map()
        settings = {
            "concurrency": concurrency,
            "return_exceptions": return_exceptions,
            "ordered": ordered,
            "key": key,
            "progress": progress,
            "budget": budget,
        }
        return kind(
            calls(
                plan.of(
                    self._lazy.get(),
                    prompts,
                    model=model,
                    options=options,
                    settings=settings,
                )
            )
        )


@loader
def _map() -> tuple[type[AsyncAnswers[Any]], type[ConcurrentCalls], type[MapPlan]]:
    from .._call.concurrent_calls import ConcurrentCalls  # noqa: PLC0415
    from .._call.map_plan import MapPlan  # noqa: PLC0415
    from .map import AsyncAnswers  # noqa: PLC0415

    return AsyncAnswers, ConcurrentCalls, MapPlan
