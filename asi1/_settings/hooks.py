"""User-provided functions that a client calls to report retries and ended calls."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from .._models.base_types import public
from .._models.errors import APIError
from .._models.response import Attempt, ResponseInfo


__all__ = ["Hooks"]


@public
@frozen(kw_only=True)
class Hooks:
    """
    Functions that a client calls to report retries and ended calls. They run on the
    client's event loop and must not block; their exceptions are logged and ignored.

    Attributes:
        on_retry: Called before the wait for another attempt, with the failed attempt;
            this contains the ``cause`` of its failure, and the ``wait`` in seconds.
        on_end: Called after a call, with the call's response metadata, and its error or
            None; for a stream, once it was read from the network to its end.
    """

    on_retry: Callable[[Attempt], object] | None = None
    on_end: Callable[[ResponseInfo, APIError | None], object] | None = None
