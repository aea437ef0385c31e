"""Cancels the work on a request when the browser disconnects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


__all__ = ["cancel_when_left"]


async def cancel_when_left(
    work: Callable[[], Awaitable[None]], left: Callable[[], Awaitable[None]]
) -> None:
    """
    Await *work*; cancel it if *left* returns, which means that the browser
    disconnected.

    Raises:
        Exception: Any error of *work*, not wrapped in an exception group.
    """
    failed: Exception | None = None

    async def watch() -> None:
        await left()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - raised below, outside of the group
            failed = error
        group.cancel_scope.cancel()
    if failed is not None:
        raise failed
