"""Decides how a batch is resumed: which requests are sent, and which rows are kept."""

from __future__ import annotations

from enum import IntEnum

from attrs import evolve, frozen

from .rows import OutputRow


__all__ = ["Entry", "State"]


class State(IntEnum):
    """What the output file contains for a request."""

    NEW = 0
    FAILED = 1
    ANSWERED = 2


@frozen
class Entry:
    """
    One request of the input, and its row in the output.

    Attributes:
        digest: The hash of the request.
        state: Whether the output has an answer to the request, or only its failure.
        at: Where the request's row begins in the output file; -1 if there is none.
        changed: Whether the output has a row of this custom id with another request.
    """

    digest: str
    state: State = State.NEW
    at: int = -1
    changed: bool = False

    def found(self, row: OutputRow, at: int) -> Entry:
        """Return the entry, updated by a *row* with its custom id at offset *at*."""
        if row.digest != self.digest:
            return evolve(self, changed=True)
        state = State.ANSWERED if row.answered else State.FAILED
        if state < self.state:  # a failure does not replace an answer
            return self
        return evolve(self, state=state, at=at)

    def keeps(self, row: OutputRow, at: int) -> bool:
        """
        Whether the *row* at offset *at*, of the entry's custom id, stays in the output.

        One row of the request itself stays: its newest answer, else its newest failure.
        Rows of another request with this custom id stay until this request has a row;
        those with an answer stay until this request has an answer.
        """
        if at == self.at or self.state is State.NEW:
            return True
        return self.state is State.FAILED and row.answered

    def is_due(self, *, retry_failed: bool) -> bool:
        """Whether the request is to be sent."""
        return self.state is State.NEW or (retry_failed and self.state is State.FAILED)
