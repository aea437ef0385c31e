"""Imports what a blocking client needs only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._client.loader import loader


if TYPE_CHECKING:
    from .._client.conversation.turn_taking import TurnTaking
    from .._protocol.batch.summary import BatchSummary
    from .chat import Chat
    from .conversation import Conversation
    from .images import Images
    from .models import Models


__all__ = ["load_batch", "load_chat", "load_conversation", "load_images", "load_models"]


@loader
def load_chat() -> type[Chat]:
    from .chat import Chat  # noqa: PLC0415 - with the engine

    return Chat


@loader
def load_images() -> type[Images]:
    from .images import Images  # noqa: PLC0415 - rarely used

    return Images


@loader
def load_models() -> type[Models]:
    from .models import Models  # noqa: PLC0415 - rarely used

    return Models


@loader
def load_conversation() -> tuple[type[Conversation], Callable[..., TurnTaking]]:
    from .._client.conversation.opening import open_conversation  # noqa: PLC0415
    from .conversation import Conversation  # noqa: PLC0415

    return Conversation, open_conversation


@loader
def load_batch() -> Callable[..., BatchSummary]:
    from .batch_run import run_batch  # noqa: PLC0415 - rarely used

    return run_batch
