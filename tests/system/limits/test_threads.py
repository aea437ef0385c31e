"""The local rate limiter in four event loops at once, each in a thread of its own."""

import math
import os
import sys
import threading
import time

import anyio
import pytest

from asi1 import LimitOutcome, RateLimit
from asi1._call.rate_limiter import LocalLimiter
from asi1._settings.rate_window import Window

from ...support.redis_server import most_in_a_window


# The soak session of noxfile.py lets the loops run for 30 seconds.
SECONDS = float(os.environ.get("SOAK_SECONDS", "0"))
CALLS = math.inf if SECONDS else 30
# The length of a "minute" of this limiter, in seconds.
MINUTE = 0.25
LIMIT = RateLimit(requests_per_minute=40, tokens_per_minute=300, max_concurrency=6)


class SlowWindow(Window):
    """
    A window that lets other threads run between its check and its count of a permit.
    """

    def take(self, now, amount):
        time.sleep(1e-4)
        return super().take(now, amount)


@pytest.fixture
def limiter():
    limiter = LocalLimiter(LIMIT)
    limiter._windows = tuple(
        SlowWindow(most, MINUTE)
        for most in (LIMIT.requests_per_minute, None, LIMIT.tokens_per_minute)
    )
    return limiter


@pytest.fixture
def hurry():
    """Make Python switch between threads after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Log:
    """Records when calls of all threads may start, and how many run at once at most."""

    def __init__(self, limiter):
        self.limiter = limiter
        self.permits = []
        self.most_running = 0

    async def call(self, number):
        tokens = 5 + number % 11
        permit = await self.limiter.acquire(tokens)
        self.most_running = max(self.most_running, len(self.limiter._running))
        used = None
        try:
            await anyio.sleep(0.001 * (number % 3))
            used = None if number % 5 == 0 else tokens - number % 4
        finally:
            self.permits.append((permit.entry.at, used or tokens))
            outcome = LimitOutcome(estimated=tokens, used=used)
            self.limiter.release(permit, outcome)

    async def caller(self, until):
        number = 0
        while number < CALLS and time.monotonic() < until:
            number += 1
            if number % 7:
                await self.call(number)
            else:
                with anyio.move_on_after(0.002):
                    await self.call(number)

    async def run(self, until):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.caller, until)


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.usefixtures("hurry")
def test_four_event_loops_in_threads_stay_within_one_limit(limiter):
    """
    Twelve tasks on four event loops in threads share one limiter. By the limiter's
    clock, no window has more requests or tokens than the limit allows, and no more
    calls run at once than the limit allows. All calls end, and none is left in the
    queue.
    """
    log = Log(limiter)
    until = time.monotonic() + SECONDS if SECONDS else math.inf
    threads = [
        threading.Thread(target=anyio.run, args=(log.run, until), kwargs={"backend": b})
        for b in ["asyncio", "trio"] * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # An entry that is as old as the window no longer counts.
    window = MINUTE - 1e-9
    requests = [(at, 1) for at, _ in log.permits]
    assert most_in_a_window(requests, window) <= LIMIT.requests_per_minute
    assert most_in_a_window(log.permits, window) <= LIMIT.tokens_per_minute
    assert log.most_running <= LIMIT.max_concurrency
    assert (0, 0) == (len(limiter._queue), len(limiter._running))
    # Every seventh call of the twelve tasks may have been cancelled in the queue.
    assert len(log.permits) >= (0 if SECONDS else 12 * (CALLS - CALLS // 7))
