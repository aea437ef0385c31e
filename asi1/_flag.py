"""Floor 4. An event that costs next to nothing until somebody waits for it."""

from __future__ import annotations

import asyncio

import anyio

from attrs import define, field


__all__ = ["Flag"]


@define(eq=False)
class Flag:
    """
    As `anyio.Event`, but made without asking which event loop runs; to be set on the
    loop on which it is waited for. Waiting for what is set already is no checkpoint.

    On asyncio a wait is one future, which costs a fraction of anyio's own.
    """

    _set: bool = field(default=False, init=False)
    _futures: list[asyncio.Future[None]] = field(factory=list, init=False)
    _event: anyio.Event | None = field(default=None, init=False)

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it for good, and wake who waits."""
        self._set = True
        for future in self._futures:
            if not future.done():
                future.set_result(None)
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is set."""
        if self._set:
            return
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no loop of asyncio's runs here
            task = None
        if task is None:
            self._event = self._event or anyio.Event()
            await self._event.wait()
            return
        future = task.get_loop().create_future()
        self._futures.append(future)
        try:
            await future
        finally:
            self._futures.remove(future)
