"""
One rate limit for many processes and machines, which share their counts in Redis.

    limit = RateLimit(requests_per_minute=60)
    limiter = RedisLimiter("redis://127.0.0.1:6379/0", limit)
    client = AsyncASI1(rate_limit=limiter)
"""

from __future__ import annotations

import os
import random
import time

from functools import partial
from typing import Any, Literal
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from attrs import define, field

from .. import ConfigurationError, LimitOutcome, RateLimit
from .._fork_lock import no_fork
from .._settings.validators import shown
from .._transport.event_loop import Flag, call_soon, loop_token
from ._redis_link import Link, Permit, RedisAwayError, checked_pool, place_of
from ._redis_script import MICRO, Reply


__all__ = ["RedisLimiter"]

# Seconds between requests to Redis, growing from the first to the second value: `_POLL`
# while other calls have to end first, `_PAUSE` while Redis cannot be reached.
_FIRST_POLL, _LONGEST_POLL = 0.02, 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
# A waiting call asks Redis again after `_SOON` seconds if other calls may have given
# tokens back, and after `_LOOK` seconds in any case. If the first call in the queue
# does not ask in time, Redis keeps its place for `_GRACE` seconds.
_SOON, _LOOK, _GRACE = 1.0, 5.0, 1.0


@define(eq=False)
class _LoopState:
    """
    The calls of one event loop.

    Attributes:
        in_order: Held by the first call in the queue, the only one that asks Redis.
        threads: Limits the worker threads that wait for a slow Redis.
        permits: What Redis has allowed to run: the permits, by the ids of their tasks.
        ended: Wakes the first call in the queue when an attempt of this loop has ended.
    """

    in_order: anyio.Lock = field(factory=anyio.Lock)
    threads: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(4))
    permits: dict[int, list[Permit]] = field(factory=dict)
    ended: Flag = field(factory=Flag)

    def take_out(self, task: int, tokens: int) -> Permit | None:
        """Remove and return *task*'s permit, otherwise any for *tokens* tokens."""
        others = (each for each, held in self.permits.items() if each != task)
        for owner in (task, *others):
            for permit in self.permits.get(owner, ()):
                if owner == task or permit.tokens == tokens:
                    self.permits[owner].remove(permit)
                    if not self.permits[owner]:
                        del self.permits[owner]
                    return permit
        return None


@define(eq=False)
class _Process:
    """The connections and the event loops of one process."""

    link: Link
    pid: int = field(factory=os.getpid)
    loops: WeakKeyDictionary[Any, _LoopState] = field(factory=WeakKeyDictionary)

    def loop(self) -> _LoopState:
        """Return the state of the running event loop."""
        return self.loops.setdefault(loop_token(), _LoopState())


@define(unsafe_hash=True, init=False, repr=False)
class RedisLimiter:
    """
    A rate limit that processes and machines share through a Redis server.

    Pass it as ``rate_limit=``. It counts in true sliding windows by the clock of the
    Redis server; calls of one event loop are served in order, and processes about in
    order. It can be pickled; each process opens its own connections when it needs them.

    If Redis forgets counts that a process knew of (it was restarted without its data),
    no call is permitted for a minute.

    Attributes:
        url: The URL of the Redis server, such as ``redis://:password@host:6379/0``.
        limit: The rate limit. ``max_concurrency`` counts the calls of all processes.
        key: The name of the limit: limiters with the same key share their counts. The
            limiter's keys in Redis begin with this name in braces: ``{asi1}:minute``,
            ``{asi1}:state``.
        on_failure: While Redis cannot be reached: "wait" makes calls wait for it;
            "go_on" sends them without a limit. Either way, one line is logged.
        timeout: Seconds without an answer after which Redis counts as not reachable.
        lease: Seconds after which a killed process's calls no longer count for
            ``max_concurrency``.
    """

    url: str
    limit: RateLimit
    key: str
    on_failure: Literal["wait", "go_on"]
    timeout: float
    lease: float
    # The length of a "minute" in seconds; shorter in tests.
    _minute: float
    _process: _Process | None = field(eq=False)

    def __init__(
        self,
        url: str,
        limit: RateLimit,
        *,
        key: str = "asi1",
        on_failure: Literal["wait", "go_on"] = "wait",
        timeout: float = 5.0,
        lease: float = 60.0,
    ) -> None:
        """
        Create a limiter, without connecting to Redis.

        Raises:
            ConfigurationError: An argument is wrong. Also raised by the first call if
                the Redis server refuses the password, or is not a Redis server.
        """
        self.url, self.limit, self.key = url, limit, key
        self.on_failure, self.timeout, self.lease = on_failure, timeout, lease
        self._minute = 60.0
        self._process = None
        self._check()

    def _check(self) -> None:
        key: object = self.key
        if not isinstance(self.url, str):
            raise ConfigurationError(f"url: must be a str, not {shown(self.url)}")
        if not isinstance(self.limit, RateLimit):
            raise ConfigurationError(
                f"limit: must be a RateLimit, not {shown(self.limit)}"
            )
        if not isinstance(key, str) or not key or set(key) & set("{}"):
            raise ConfigurationError(
                f"key: must be a str without braces, not {shown(self.key)}"
            )
        if self.on_failure not in ("wait", "go_on"):
            raise ConfigurationError(
                f"on_failure: must be 'wait' or 'go_on', not {shown(self.on_failure)}"
            )
        for name in ("timeout", "lease"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 < value < 86_400:
                raise ConfigurationError(
                    f"{name}: must be a number of seconds above 0 and below a day,"
                    f" not {shown(value)}"
                )
        checked_pool(self.url, self.timeout)

    def __repr__(self) -> str:
        return (
            f"RedisLimiter({place_of(self.url)!r}, {self.limit!r}, key={self.key!r},"
            f" on_failure={self.on_failure!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        names = ("url", "limit", "key", "on_failure", "timeout", "lease", "_minute")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._process = None

    async def acquire(self, tokens: int) -> None:
        """
        Wait until the limit permits an attempt that uses about *tokens* tokens.

        Raises:
            ConfigurationError: The Redis server refuses the limiter at its first use.
        """
        here = self._here()
        loop, link = here.loop(), here.link
        permit = Permit(tokens, anyio.get_current_task().id)
        async with loop.in_order:
            try:
                await self._wait(loop, link, permit)
            except BaseException:
                permit.cancelled = True
                link.end(permit.id, undo=True)
                raise
        loop.permits.setdefault(permit.task, []).append(permit)

    def release(self, outcome: LimitOutcome) -> None:
        """Replace the estimate by the used tokens; after a 429, all processes pause."""
        here = self._here()
        loop, link = here.loop(), here.link
        task = anyio.get_current_task().id
        permit = loop.take_out(task, outcome.estimated)
        if permit is None:
            return
        told: dict[str, Any] = {}
        if outcome.used is not None:
            told.update(used=outcome.used, tokens=permit.tokens)
        if outcome.refused:
            asked = int((outcome.retry_after or 0.0) * MICRO)
            told.update(refused=True, pause=asked)
        future = link.end(permit.id, **told)
        if future is not None:
            wake = partial(call_soon, loop_token(), loop.ended.set)
            future.add_done_callback(lambda _: wake())

    async def _wait(self, loop: _LoopState, link: Link, permit: Permit) -> None:
        number, poll = None, _FIRST_POLL
        while True:
            loop.ended = Flag()
            reply = await self._ask(loop, link, permit, number)
            if reply is None or reply.granted:
                return
            number, seconds = reply.number, reply.wait
            if reply.unknown:
                seconds, poll = poll, min(2 * poll, _LONGEST_POLL)
            with anyio.move_on_after(seconds):
                await loop.ended.wait()

    async def _ask(
        self, loop: _LoopState, link: Link, permit: Permit, number: int | None
    ) -> Reply | None:
        """Return Redis's reply; None if the call goes on without a reply."""
        pause, goes_on = _FIRST_PAUSE, self.on_failure == "go_on"
        while True:
            if goes_on and time.monotonic() < link.rests_until:
                return None
            ask = partial(link.ask, permit, number)
            try:
                return await anyio.to_thread.run_sync(
                    ask, abandon_on_cancel=True, limiter=loop.threads
                )
            except RedisAwayError as error:
                then = "calls go on without a limit" if goes_on else "calls wait for it"
                link.went_away(error, then)
                if goes_on:
                    return None
            await anyio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _here(self) -> _Process:
        process = self._process
        if process is None or process.pid != os.getpid():
            with no_fork, no_fork.alone:
                return self._make()
        return process

    def _make(self) -> _Process:
        """Return the `_Process` of this process; create it if no thread has done so."""
        process = self._process
        # A forked child needs threads and locks of its own.
        if process is None or process.pid != os.getpid():
            pool = checked_pool(self.url, self.timeout)
            link = Link(place_of(self.url), pool, self.key, self._settings())
            process = self._process = _Process(link)
        return process

    def _settings(self) -> dict[str, Any]:
        limit = self.limit
        settings = {
            "minute": int(self._minute * MICRO),
            "day": int(self._minute * 1440 * MICRO),
            "rpm": limit.requests_per_minute,
            "rpd": limit.requests_per_day,
            "tpm": limit.tokens_per_minute,
            "most": limit.max_concurrency,
            "lease": int(self.lease * MICRO),
            "soon": int(_SOON * MICRO),
            "look": int(_LOOK * MICRO),
            "grace": int(_GRACE * MICRO),
        }
        return {name: value for name, value in settings.items() if value is not None}
