"""Work that is done for somebody, and stops when they go away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


__all__ = ["while_there"]


async def while_there(
    work: Callable[[], Awaitable[None]], left: Callable[[], Awaitable[None]]
) -> None:
    """
    Await *work*, and cancel it when *left* returns.

    Raises:
        Exception: What *work* raises, as it is.
    """
    failed: Exception | None = None

    async def watch() -> None:
        await left()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - raised below, out of the group
            failed = error
        group.cancel_scope.cancel()
    if failed is not None:
        raise failed
