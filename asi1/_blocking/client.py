"""
`ASI1`: the blocking client, whose calls run on the event loop of another thread.

Its public API is the async one without ``await``; a test compares the two.
"""

from __future__ import annotations

import os

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from .._client.lazy import BaseClient
from .._client.lazy_engine import loader, plain
from .._models.base_types import JSON, public
from .._settings.options import ChatOptions, RequestOptions
from .loop_thread import check_loop, close_on_loop, loop_thread


if TYPE_CHECKING:
    from .._client.conversation.turn_taking import TurnTaking
    from .._models.raw import RawReply
    from .._protocol.batch.summary import BatchSummary
    from .._protocol.context.policies import ContextPolicy
    from .._settings.budget import Budget
    from .._settings.rate_limit import Limiter, RateLimit
    from .chat import Chat
    from .conversation import Conversation
    from .images import Images
    from .models import Models


__all__ = ["ASI1"]


@public
class ASI1(BaseClient):
    """Same as `AsyncASI1`, but blocks. One client may be used by many threads."""

    def _environment(self) -> Mapping[str, str]:
        check_loop(os.environ)
        return os.environ

    @property
    def chat(self) -> Chat:
        """Same as `AsyncASI1.chat`."""
        return self._namespace("chat", _chat)

    @property
    def images(self) -> Images:
        """Same as `AsyncASI1.images`."""
        return self._namespace("images", _images)

    @property
    def models(self) -> Models:
        """Same as `AsyncASI1.models`."""
        return self._namespace("models", _models)

    def conversation(
        self,
        system: str | None = None,
        *,
        context: ContextPolicy | None = None,
        saved: str | bytes | None = None,
        model: str | None = None,
        keep_reasoning: bool | None = None,
        session: bool = False,
        **options: Unpack[ChatOptions],
    ) -> Conversation:
        """Same as `AsyncASI1.conversation`."""
        kind, open_conversation = _conversation()
        turns = open_conversation(
            self._engine,
            system=system,
            context=context,
            saved=saved,
            model=model,
            keep_reasoning=keep_reasoning,
            session=session,
            options=options,
        )
        return kind(turns)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: JSON = None,
        **options: Unpack[RequestOptions],
    ) -> RawReply:
        """Same as `AsyncASI1.request`, but blocks."""
        engine = self._engine
        reader, plain_request = plain()
        request = plain_request(engine.config, method, path, json=json, options=options)
        return loop_thread().run(engine.fetch(request, reader))

    def batch(
        self,
        input: str  # noqa: A002 - the word that users know
        | PathLike[str]
        | Iterable[str | bytes | Mapping[str, JSON]],
        output: str | PathLike[str],
        *,
        concurrency: int = 8,
        rate_limit: RateLimit | Limiter | None = None,
        budget: Budget | None = None,
        model: str | None = None,
        retry_failed: bool = False,
        progress: Callable[[BatchSummary], object] | object = None,
    ) -> BatchSummary:
        """Same as `AsyncASI1.batch`, but blocks."""
        return _batch()(
            self._engine,
            input,
            output,
            concurrency=concurrency,
            rate_limit=rate_limit,
            budget=budget,
            model=model,
            retry_failed=retry_failed,
            progress=progress,
        )

    def close(self) -> None:
        """Same as `AsyncASI1.aclose`, but blocks."""
        self._lazy.shut()  # needs no event loop: runs in the caller's thread
        if self._lazy.made is not None:
            close_on_loop(self._lazy.aclose)

    def __enter__(self) -> Self:
        self._engine.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()


@loader
def _chat() -> type[Chat]:
    from .chat import Chat  # noqa: PLC0415 - with the engine

    return Chat


@loader
def _images() -> type[Images]:
    from .images import Images  # noqa: PLC0415 - rarely used

    return Images


@loader
def _models() -> type[Models]:
    from .models import Models  # noqa: PLC0415 - rarely used

    return Models


@loader
def _conversation() -> tuple[type[Conversation], Callable[..., TurnTaking]]:
    from .._client.conversation.opening import open_conversation  # noqa: PLC0415
    from .conversation import Conversation  # noqa: PLC0415

    return Conversation, open_conversation


@loader
def _batch() -> Callable[..., BatchSummary]:
    from .batch_run import run_batch  # noqa: PLC0415 - rarely used

    return run_batch
