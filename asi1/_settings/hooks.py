"""What a user may watch: callables that are told, and change nothing."""

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
    Callables that are told what a client does. They are called on its event loop and
    must not wait; what one of them raises is logged and goes no further.

    Attributes:
        on_retry: Before the wait for another try, with the try that failed: its cause,
            and the ``wait`` in seconds.
        on_end: After a call, with its account, and its error if it failed; of a stream,
            once it was read from the network to its end.
    """

    on_retry: Callable[[Attempt], object] | None = None
    on_end: Callable[[ResponseInfo, APIError | None], object] | None = None
