"""Floor 4. An event that costs next to nothing until somebody waits for it."""

from __future__ import annotations

import anyio

from attrs import define, field


__all__ = ["Flag"]


@define(eq=False)
class Flag:
    """What `anyio.Event` is, made without asking which event loop runs."""

    _set: bool = field(default=False, init=False)
    _event: anyio.Event | None = field(default=None, init=False)

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it for good, and wake who waits."""
        self._set = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is set."""
        if self._set:
            return
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
