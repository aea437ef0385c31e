"""Begins a conversation, or continues a saved one: checks the arguments for both."""

from __future__ import annotations

import uuid

from collections.abc import Mapping
from typing import Any

import attrs

from ..._call.engine import Engine
from ..._models.errors import ArgumentError
from ..._models.messages import Messages
from ..._protocol.context.history import History, stored
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.saved_conversation import from_json
from ..._settings.config import read_model
from ..._settings.option_checks import (
    as_argument,
    check_own_keys,
    checked_defaults,
)
from ..._settings.validators import wrong
from .turn_taking import TurnTaking


__all__ = ["open_conversation"]


def open_conversation(  # noqa: PLR0913 - as the method
    engine: Engine,
    *,
    system: str | None,
    messages: Messages | None,
    context: ContextPolicy | None,
    saved: str | bytes | None,
    model: str | None,
    keep_reasoning: bool | None,
    session: bool,
    options: Mapping[str, Any],
) -> TurnTaking:
    """
    Begin a conversation, or continue a saved one.

    Raises:
        ArgumentError: An argument is invalid.
        ClientClosedError: The client is closed.
    """
    engine.check_open()
    if not isinstance(keep_reasoning, bool | None):
        raise wrong("keep_reasoning", "must be True, False or None", keep_reasoning)
    if not isinstance(session, bool):
        raise wrong("session", "must be True or False", session)
    history = _first_history(system, messages, saved).with_reasoning(keep_reasoning)
    given = checked_defaults(options)
    chosen = {**history.options, **given}
    check_own_keys(chosen, "turn")
    if model is not None:
        history = attrs.evolve(history, model=as_argument("model", read_model, model))
    own = history.session and "session_id" not in given
    history = attrs.evolve(history, options=chosen, session=own)
    if session and chosen.get("session_id") is None:
        history = history.with_session(str(uuid.uuid4()))
    if context is not None and not isinstance(context, ContextPolicy):
        raise wrong("context", "must be a ContextPolicy", context)
    turns = TurnTaking(engine, history, context)
    turns.limit(None, history.options)  # raises if the model's context size is unknown
    return turns


def _first_history(
    system: str | None, messages: Messages | None, saved: str | bytes | None
) -> History:
    history = History() if saved is None else from_json(saved)
    given = {"system": system, "messages": messages}
    for name, value in given.items():
        if value is not None and history.messages:
            raise ArgumentError(
                f"{name}: cannot be given together with a saved conversation",
                argument=name,
            )
    if not isinstance(system, str | None):
        raise wrong("system", "must be a str", system)
    first = () if system is None else stored([{"role": "system", "content": system}])
    if messages is not None and messages not in ([], ()):
        first += stored(messages)
    return attrs.evolve(history, messages=(*history.messages, *first))
