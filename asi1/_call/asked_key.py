"""Gets the API key of each attempt from the user's function, and again after a 401."""

from __future__ import annotations

import inspect
import math

from typing import Any

import anyio

from attrs import define, field

from .._models.status_errors import APIStatusError
from .._protocol.request import Request
from .._settings.rotating_key import RotatingKey
from .._settings.secret import Secret
from .attempts import Attempts, Requests
from .reply_reader import ReplyReader
from .timer import Timer
from .tool_thread import run_in_thread


__all__ = ["AskedKey"]

_UNAUTHORIZED = 401


@define(eq=False)
class AskedKey:
    """
    The API key of one call of a client that was given a function instead of a key.

    An `AskedKey` is also the `Requests` of its call: after a 401 it calls the function
    once more, and if the key has changed, it provides the same request again.

    Attributes:
        key: The client's key.
        requests: Provides the requests of the call.
        streams: Whether the caller reads the reply chunk by chunk.
    """

    key: RotatingKey
    requests: Requests
    streams: bool
    _ends: float = field(default=math.inf, init=False)
    _request: Request | None = field(default=None, init=False)
    _sent: Secret | None = field(default=None, init=False)
    _new: Secret | None = field(default=None, init=False)
    _renewed: bool = field(default=False, init=False)

    async def ask(
        self, reader: ReplyReader[Any], timer: Timer, attempts: Attempts
    ) -> None:
        """
        Get the API key for the next attempt, and give it to *reader*, which reads the
        attempt's reply.

        Raises:
            ConfigurationError: The function returned no valid key.
            Exception: The function raised it.
        """
        timer.arm("total")
        attempts.asking = True
        key: Any = reader.key
        new, self._new = self._new, None
        reader.key = await _ask(key) if new is None else key.issued(new.reveal())
        self._sent = reader.key

    async def first(self, began: float) -> Request:
        """Return the first request of the call."""
        self._request = await self.requests.first(began)
        total = self._request.timeouts.total_for(stream=self.streams)
        self._ends = math.inf if total is None else began + total
        return self._request

    async def after(self, refusal: APIStatusError) -> Request | None:
        """Return the request to send after *refusal*; None if the call must fail."""
        if refusal.status_code == _UNAUTHORIZED and not self._renewed:
            self._renewed = True
            # If the total timeout passes here, the call fails with *refusal*.
            with anyio.move_on_after(self._ends - anyio.current_time()):
                self._new = await _ask(self.key)
            sent = self._sent
            if self._new is not None and sent is not None:
                if self._new.reveal() != sent.reveal():
                    return self._request
                self._new = None
        self._request = await self.requests.after(refusal)
        return self._request


async def _ask(key: RotatingKey) -> RotatingKey:
    """
    Call the user's function, and return the API key that it returns.

    A function that is not async runs in a worker thread, since it may block.
    """
    provider: Any = key.provider
    call = getattr(provider, "__call__", None)  # noqa: B004 - of an object
    if inspect.iscoroutinefunction(provider) or inspect.iscoroutinefunction(call):
        value = await provider()
    else:
        value = await run_in_thread(provider)
        if inspect.isawaitable(value):  # e.g. the coroutine of ``lambda: fetch_key()``
            value = await value
    return key.issued(value)
