"""`Item`: an event or a step of a tool run, on its way to the run's reader."""

from __future__ import annotations

from attrs import define, field

from .._protocol.tools.run_events import Event
from .._protocol.tools.steps import ToolStep


__all__ = ["Item"]


@define  # faster to make than a frozen object
class Item:
    """
    What a run does next: an event, or a step that is not an event, such as a text.

    Attributes:
        event: What happened; it becomes a step when it is recorded.
        step: The step, if there is no event.
        error: The exception that a tool raised.
        recorded: Whether the run's log has the event already.
    """

    event: Event | None = None
    step: ToolStep | None = None
    error: BaseException | None = field(default=None, eq=False)
    recorded: bool = False
