"""The objects that all calls of one client share."""

from __future__ import annotations

import threading

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from attrs import define, field, frozen

from .._fork_lock import run_apart_once
from .._models.errors import APIConnectionError, APIError
from .._models.response import Usage, plausible
from .._models.status_errors import APIStatusError
from .._settings.config import ClientConfig
from .._settings.retry import RetryBudget
from .._transport.transport import Transport
from .reply_reader import ReplyReader


# Most clients have no hooks, rate limit, cache or budget, and never import these
# modules.
if TYPE_CHECKING:
    from .._models.spent import Spent
    from .answer_cache import AnswerCache, CachedCall, CallAttempts, Send
    from .asked_key import AskedKey
    from .attempts import Requests
    from .budget_queue import BudgetQueue
    from .budgets import Budgets, Reservation
    from .hook_caller import HookCaller
    from .rate_limiter import LocalLimiter
    from .rate_permit import UserLimiter


__all__ = ["Bill", "Resources", "Tally"]

# The most rows of a `Tally`: a server may name a different model in each answer.
_MOST_ROWS = 1024


@define(eq=False, repr=False)
class Tally:
    """
    Counts what the requests of a client and of its child clients have used.

    It counts tokens by model; `spent` multiplies them by the prices. Each thread has
    its own rows, and so needs no lock: no two threads change the same row.
    """

    _rows: dict[tuple[Any, ...], tuple[int, int, int, int]] = field(
        factory=dict, init=False
    )

    def add(self, usage: Usage | None, *kind: Any) -> None:
        """
        Count one request that has used *usage*.

        *kind* contains the first fields of a row: the price that the user has set for
        the model, the names of the answering and of the requested model, and whether
        the usage is known.
        """
        key = (threading.get_ident(), *kind)
        if key not in self._rows and len(self._rows) >= _MOST_ROWS:
            key = (threading.get_ident(), None, (), kind[-1])
        requests, prompt, cached, answer = self._rows.get(key, (0, 0, 0, 0))
        if usage is not None:
            prompt += usage.prompt_tokens
            cached += usage.cached_tokens
            answer += usage.completion_tokens
        self._rows[key] = (requests + 1, prompt, cached, answer)

    def spent(self) -> Spent:
        """Return the sum of all rows, with the cost in US dollars."""
        rows = list(self._rows.items())
        return _spent_in()((*kind, *counts) for (_, *kind), counts in rows)


@define(eq=False, repr=False)
class Bill:
    """
    What one attempt has used, counted once, when it ends.

    Attributes:
        tally: Counts what the attempt has used.
        reader: Reads the attempt's reply, which may report the usage.
        reserved: What the client's budgets have reserved for the attempt; None without
            budgets.
    """

    tally: Tally
    reader: ReplyReader[Any]
    reserved: Reservation | None
    _open: bool = field(default=True, init=False)

    def cancel_unanswered(self) -> None:
        """
        Count nothing if no reply has come: the user-provided transport or limiter has
        refused the request, as a cassette does that has no recording of the request.
        """
        if self.reader.info.status is None:
            self.settle(sent=False)

    def settle(self, error: APIError | None = None, *, sent: bool = True) -> None:
        """
        Count the attempt, unless it is counted already.

        Args:
            error: Why the attempt failed; None if it succeeded or was cancelled.
            sent: False if the request was certainly not sent.
        """
        if not self._open:
            return
        self._open = False
        reader, reserved = self.reader, self.reserved
        if not sent or (isinstance(error, APIConnectionError) and not error.sent):
            if reserved is not None:
                reserved.cancel()
            return
        usage = plausible(reader.usage)
        # A server does not bill a request that it refuses, nor a GET, which asks no
        # model.
        free = isinstance(error, APIStatusError) or reader.request.method == "GET"
        rates, names = reader.rates, (reader.model, reader.request.model)
        self.tally.add(usage, rates, names, usage is not None or free)
        if reserved is not None:
            reserved.end(usage, reader, free=free)


@frozen(eq=False, repr=False)
class Resources:
    """
    The objects that all calls of a client share; a child client has another *config*.

    Attributes:
        config: The client's settings.
        transport: Sends requests.
        retry_budget: Limits the retries of all calls together.
        limiter: Delays calls to keep a rate limit; None for no rate limit.
        hooks: Calls the user's hooks; None without hooks.
        cache: Answers calls from the user's cache; None without a cache.
        tally: Counts what the requests have used.
        budgets: The budgets into which each request must fit; None without budgets.
        queue: The queue in which the calls of a `map` or a batch wait for the budgets;
            None if a call that does not fit is refused at once.
    """

    config: ClientConfig
    transport: Transport
    retry_budget: RetryBudget = field(factory=RetryBudget)
    limiter: LocalLimiter | UserLimiter | None = None
    hooks: HookCaller | None = None
    cache: AnswerCache | None = None
    tally: Tally = field(factory=Tally)
    budgets: Budgets | None = None
    queue: BudgetQueue | None = None

    def cached(self, call: CachedCall, attempts: CallAttempts, send: Send) -> Send:
        """
        Return a function that answers a request of *call* from the cache, or else by
        *send*.
        """
        if self.cache is None:
            return send
        return partial(self.cache.answer, call, attempts, send)

    def asked_key(self, requests: Requests, *, streams: bool) -> AskedKey | None:
        """
        Return an `AskedKey`, which gets the API key of a call; None if the key is
        fixed.
        """
        key = self.config.api_key
        if key.provider is None:
            return None
        return _asked_key()(key, requests, streams=streams)

    def renewing_cache(self) -> Resources:
        """Return these resources with a cache that stores answers and reads none."""
        cache = None if self.cache is None else self.cache.renewing()
        return attrs.evolve(self, cache=cache)

    async def bill(self, reader: ReplyReader[Any], *, sent: bool) -> Bill:
        """
        Reserve budget for a new attempt, and return the `Bill` that counts it.

        *reader* reads the attempt's reply; *sent*, which the error's text depends on,
        is whether the call has sent a request before.

        With a queue, wait until the attempt fits into the budgets.

        Raises:
            BudgetExceededError: The attempt could exceed a budget.
            ConfigurationError: A budget is in dollars, and the price is not known.
        """
        reserved, request = None, reader.request
        if self.queue is not None:
            reserve, timer = self.queue.reserve, reader.timer
            reserved = await reserve(self.config, request, timer, sent=sent)
        elif self.budgets is not None:
            reserved = self.budgets.reserve(self.config, request, sent=sent)
        return Bill(self.tally, reader, reserved)


@run_apart_once
def _asked_key() -> Callable[..., AskedKey]:
    from .asked_key import AskedKey  # noqa: PLC0415 - most keys are fixed

    return AskedKey


@run_apart_once
def _spent_in() -> Callable[[Iterable[tuple[Any, ...]]], Spent]:
    from .._models.spent import spent_in  # noqa: PLC0415 - most programs do not ask

    return spent_in
