"""
Writes the rows of many tasks in groups, so that one sync of the disk serves them all.

While a group is written, the rows that arrive form the next group. A task goes on when
its row is on the disk, so that no more rows wait than there are tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from anyio import to_thread
from attrs import define, field

from ..._models.completion import ChatCompletion
from ..._models.errors import ASI1Error


__all__ = ["Finished", "GroupWriter"]


@define(eq=False)
class Finished:
    """A finished request: its row, and the answer or error that the row contains."""

    row: bytes
    outcome: ChatCompletion | ASI1Error


@define(eq=False)
class _Group:
    """Rows that are written together."""

    rows: list[Finished] = field(factory=list)
    written: bool = False


@define(eq=False)
class GroupWriter:
    """
    Writes rows in groups.

    Attributes:
        append: Writes rows to the disk; called in a worker thread.
        written: Called with each group, once it is on the disk.
    """

    append: Callable[[Sequence[bytes]], None]
    written: Callable[[Sequence[Finished]], None]
    _next: _Group = field(factory=_Group, init=False)
    _turn: anyio.Lock = field(factory=anyio.Lock, init=False)

    async def write(self, finished: Finished) -> None:
        """
        Write the row of *finished*, and return when it is on the disk.

        If this task is cancelled, the next call of `flush` writes the row, unless it is
        on the disk already.

        Raises:
            OSError: The row cannot be written.
        """
        group = self._next
        group.rows.append(finished)
        async with self._turn:
            if group is self._next:  # otherwise another task tried to write it
                await self.flush()
            elif not group.written:
                raise OSError("the rows before this one could not be written")

    async def flush(self) -> None:
        """Write the rows that no task has begun to write; no cancellation stops it."""
        group, self._next = self._next, _Group()
        if not group.rows:
            return
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self.append, [each.row for each in group.rows])
        group.written = True
        self.written(group.rows)
