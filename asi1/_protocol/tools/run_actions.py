"""What a tool run can do next, as frozen attrs classes."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from ..._models.completion import ToolCall
from .tool_calls import Runnable


__all__ = ["Action", "Ask", "Pause", "Refuse", "RunTools", "Stop"]


@frozen
class Ask:
    """Send the messages to the model."""


@frozen
class RunTools:
    """Run these calls at the same time."""

    calls: tuple[Runnable, ...]


@frozen
class Refuse:
    """Answer each of these calls with an error in these words, without running it."""

    calls: tuple[tuple[ToolCall, str], ...]


@frozen
class Pause:
    """Record that the run waits for decisions about the calls with these ids."""

    ids: tuple[str, ...]


@frozen
class Stop:
    """Do nothing: the run is over, or waits for the user's decisions."""


Action: TypeAlias = Ask | RunTools | Refuse | Pause | Stop
