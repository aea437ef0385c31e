"""
The connections of one process to Redis, for a `RedisLimiter`.

redis-py's blocking client is called in worker threads: so it works on asyncio and trio,
its connections outlive event loops, and a release is sent even if its loop has ended.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
import weakref

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from attrs import Factory, define, field

from .. import ConfigurationError
from .._install import install_hint
from .._log import logger
from ._redis_script import KEYS, SCRIPT, Reply, arguments


try:
    import redis

    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as _missing:
    raise ImportError(
        f"asi1.integrations.redis needs redis: {install_hint('redis')}"
    ) from _missing


__all__ = ["Link", "Permit", "RedisAwayError", "checked_pool", "place_of"]

# Matches errors of a Redis server that is the right one, but cannot answer now.
_PASSING = re.compile(
    r"READ_?ONLY|BUSY|LOADING|OOM|OutOfMemory|MISCONF|MASTER_?DOWN|CLUSTER_?DOWN"
    r"|TRY_?AGAIN|NOREPLICAS|max number of clients",
    re.IGNORECASE,
)
# Maximum number of ended attempts that are stored while Redis cannot be reached.
_MOST_ENDED = 100_000
# With "go_on": seconds without requests after the first error, and after many errors.
_FIRST_REST, _LONGEST_REST = 1.0, 30.0


class RedisAwayError(Exception):
    """Redis cannot be reached, or cannot answer, at the moment."""


def place_of(url: str) -> str:
    """Return *url* without user, password and query, for reprs and messages."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "..."
    user = "***@" if "@" in parts.netloc else ""
    query = "?***" if parts.query else ""
    where = f"{host}:{port}" if port else host
    return f"{parts.scheme}://{user}{where}{parts.path}{query}"


def checked_pool(url: str, timeout: float) -> redis.ConnectionPool:
    """
    Return a pool for *url*, which makes no connection yet.

    Raises:
        ConfigurationError: *url* is not the URL of a Redis server.
    """
    try:
        return redis.ConnectionPool.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
    except (ValueError, TypeError, AttributeError):
        # redis-py's message may quote the URL, which contains the password.
        raise ConfigurationError(
            "url: must be the URL of a Redis server, such as redis://127.0.0.1:6379/0,"
            " rediss://... or unix://..."
        ) from None


@define(eq=False)
class Permit:
    """
    Redis's permission to send one attempt, which a call asks for.

    Attributes:
        tokens: The estimated tokens.
        task: The id of the task that asked for the permit.
        cancelled: Whether the caller no longer waits for the permit.
    """

    tokens: int
    task: int
    id: str = Factory(lambda: uuid.uuid4().hex)
    cancelled: bool = False


@define(eq=False)
class Link:
    """
    Asks Redis whether attempts may be sent, and tells it how they ended; methods block.

    Attributes:
        place: The URL without secrets.
        pool: The connections.
        key: The common prefix of this limiter's keys in Redis.
        settings: The arguments that all runs of the script share.
        rests_until: The time before which Redis is not asked, after an error.
    """

    place: str
    pool: redis.ConnectionPool
    key: str
    settings: Mapping[str, Any]
    rests_until: float = field(default=0.0, init=False)
    _rest: float = field(default=_FIRST_REST, init=False)
    _away: bool = field(default=False, init=False)
    _reached: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _ended: deque[tuple[float, dict[str, Any]]] = field(init=False)
    _held: set[str] = field(factory=set, init=False)
    _renewing: bool = field(default=False, init=False)
    # The epoch and the serial of the newest `Reply`, and when this reply came.
    _known: tuple[str, int, float] = field(default=("", 0, 0.0), init=False)
    _writer: ThreadPoolExecutor = field(init=False)
    _script: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ended = deque(maxlen=_MOST_ENDED)
        self._writer = ThreadPoolExecutor(1, "asi1-redis")
        client = redis.Redis(connection_pool=self.pool)
        self._script = client.register_script(SCRIPT)
        # redis-py (8.1) leaves the sockets of a garbage-collected pool open.
        weakref.finalize(self, self.pool.disconnect)

    def ask(self, permit: Permit, number: int | None) -> Reply:
        """
        Ask for *permit*; *number* is its place in the queue, if it has one already.

        Raises:
            RedisAwayError: Redis cannot be asked at the moment.
            ConfigurationError: The server refuses the password, or is not Redis.
        """
        ask = {"id": permit.id, "tokens": permit.tokens}
        reply = self._run({**ask, "number": number} if number else ask)
        if reply.granted:
            logger.debug("redis permit at %.6f: %d", reply.now, permit.tokens)
            if not permit.cancelled:
                self._hold(permit.id)
        if permit.cancelled:  # the caller was cancelled while Redis answered
            self.end(permit.id, undo=True)
        return reply

    def end(self, permit_id: str, **outcome: Any) -> Future[None] | None:
        """
        Tell Redis in the background how the attempt of a permit ended.

        Return the future of this work, which Python waits for at its exit; None if
        Python is exiting already.
        """
        with self._lock:
            self._held.discard(permit_id)
        self._ended.append((time.monotonic(), {"id": permit_id, **outcome}))
        try:
            return self._writer.submit(self._flush)
        except RuntimeError:  # Python is exiting, and starts no thread
            self._flush()
            return None

    def _flush(self) -> None:
        if self._ended:
            try:
                self._run(None)
            except (RedisAwayError, ConfigurationError):
                return  # the outcomes are sent with the next request to Redis

    def _hold(self, permit_id: str) -> None:
        if self.settings.get("most") is None:
            return
        with self._lock:
            self._held.add(permit_id)
            if self._renewing:
                return
            self._renewing = True
        threading.Thread(
            target=self._renew, name="asi1-redis-leases", daemon=True
        ).start()

    def _renew(self) -> None:
        while True:
            time.sleep(self.settings["lease"] / 3 / 1e6)
            with self._lock:
                if not self._held:
                    self._renewing = False
                    return
            try:
                self._run(None)
            except (RedisAwayError, ConfigurationError):
                continue

    def _run(self, ask: dict[str, Any] | None) -> Reply:
        ended = self._take_ended()
        try:
            reply = Reply.of(self._call(self._argument(ask, ended)))
        except (redis.RedisError, OSError, ValueError, TypeError) as error:
            self._ended.extendleft(reversed(ended))
            raise self._explained(error) from None
        self._reached = True
        self._came_back()
        with self._lock:
            self._known = max(
                (reply.epoch, reply.serial, time.monotonic()),
                self._known,
                key=lambda known: (known[0] == reply.epoch, known[1]),
            )
        return reply

    def _call(self, argument: str) -> list[Any]:
        keys = [f"{{{self.key}}}:{name}" for name in KEYS]
        try:
            return self._script(keys, [argument])  # type: ignore[no-any-return]
        except redis.AuthenticationError:
            raise
        except redis.ConnectionError:
            # Redis may have closed an idle connection. Sending a request twice is
            # harmless, since each permit has an id.
            return self._script(keys, [argument])  # type: ignore[no-any-return]

    def _take_ended(self) -> list[tuple[float, dict[str, Any]]]:
        ended: list[tuple[float, dict[str, Any]]] = []
        while self._ended and len(ended) < 1000:
            try:
                ended.append(self._ended.popleft())
            except IndexError:  # another thread took the last outcome
                break
        return ended

    def _argument(
        self, ask: dict[str, Any] | None, ended: list[tuple[float, dict[str, Any]]]
    ) -> str:
        now = time.monotonic()
        with self._lock:
            (epoch, serial, seen), held = self._known, list(self._held)
        fresh = now - seen < self.settings["minute"] / 1e6
        outcomes = []
        for at, outcome in ended:
            left = outcome.get("pause", 0) - (now - at) * 1e6
            outcomes.append({**outcome, "pause": max(0, int(left))})
        return arguments(
            **self.settings,
            fresh=uuid.uuid4().hex,
            epoch=epoch if epoch and fresh else None,
            serial=serial,
            ended=outcomes,
            renewed=held,
            ask=ask,
        )

    def _explained(self, error: Exception) -> RedisAwayError | ConfigurationError:
        said = f"{type(error).__name__} {error}"
        refused = isinstance(error, redis.AuthenticationError) or not isinstance(
            error, redis.ConnectionError | redis.TimeoutError | OSError
        )
        if refused and not self._reached and not _PASSING.search(said):
            return ConfigurationError(
                f"the Redis server at {self.place} refuses the rate limiter:"
                f" {type(error).__name__}; check the URL, the password, and that no"
                f" other program uses the key {self.key!r}"
            )
        return RedisAwayError(type(error).__name__)

    def went_away(self, error: RedisAwayError, then: str) -> None:
        """Log once that Redis cannot be reached; do not ask it again for some time."""
        with self._lock:
            first, self._away = not self._away, True
            self.rests_until = time.monotonic() + self._rest
            self._rest = min(2 * self._rest, _LONGEST_REST)
        if first:
            logger.warning("Redis at %s is away (%s): %s", self.place, error, then)

    def _came_back(self) -> None:
        if self._away:
            with self._lock:
                back, self._away = self._away, False
                self.rests_until, self._rest = 0.0, _FIRST_REST
            if back:
                logger.warning("Redis at %s is back", self.place)
