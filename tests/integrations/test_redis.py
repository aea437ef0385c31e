"""`RedisLimiter`: one rate limit for many processes, on a real Redis server."""

from __future__ import annotations

import logging
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

from contextlib import contextmanager

import anyio
import anyio.lowlevel
import pytest

from asi1 import (
    ASI1,
    AsyncASI1,
    ConfigurationError,
    LimitOutcome,
    RateLimit,
)

from ..support.redis_server import RedisServer, Watched, most_in_a_window


redis = pytest.importorskip("redis")
from asi1.integrations.redis import RedisLimiter  # noqa: E402 - needs redis


# The length of a "minute" in these tests, in seconds.
MINUTE = 0.5
PERMIT = re.compile(r"redis permit at (\d+\.\d+): (\d+)")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a running Redis server for the tests of this module."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path):
    """Return a running Redis server that the test may kill."""
    server = RedisServer(tmp_path).start()
    yield server
    if server.process is not None:
        server.go_on()
    server.kill()


@pytest.fixture
def make(server, request):
    """Return a function that makes limiters whose counts no other test shares."""

    def make(limit, minute=MINUTE, url=server.url, **options):
        limiter = RedisLimiter(url, limit, key=request.node.nodeid, **options)
        limiter._minute = minute
        return limiter

    return make


def copy(limiter):
    """Return the limiter as another process would get it."""
    return pickle.loads(pickle.dumps(limiter))


def permits_in(text):
    return [(float(at), int(tokens)) for at, tokens in PERMIT.findall(text)]


@contextmanager
def recorded(caplog, level=logging.DEBUG):
    with caplog.at_level(level, "asi1"):
        yield


def outcome(estimated=1, **values):
    return LimitOutcome(estimated=estimated, **values)


WRONG = {
    "scheme": ({"url": "http://:hunter22@host"}, "url: must be the URL of a Redis"),
    "port": ({"url": "redis://:hunter22@host:x"}, "url: must be the URL of a Redis"),
    "no url": ({"url": ""}, "url: must be the URL of a Redis"),
    "type": ({"url": None}, "url: must be a str, not None"),
    "limit": ({"limit": 60}, "limit: must be a RateLimit, not 60"),
    "key": ({"key": "{x}"}, "key: must be a str without braces"),
    "failure": ({"on_failure": "stop"}, "on_failure: must be 'wait' or 'go_on'"),
    "timeout": ({"timeout": 0}, "timeout: must be a number of seconds above 0"),
    "lease": ({"lease": float("nan")}, "lease: must be a number of seconds above 0"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
def test_wrong_argument_raises_a_configuration_error_without_the_password(
    wrong, message
):
    """
    A wrong argument is refused when the limiter is made, by a message without the
    password of the URL.
    """
    values = {"url": "redis://127.0.0.1", "limit": RateLimit(), **wrong}

    with pytest.raises(ConfigurationError) as caught:
        RedisLimiter(values.pop("url"), values.pop("limit"), **values)

    assert message in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["redis://me:hunter22@host:7/1", "rediss://host/?password=hunter22&ssl_ca_certs=x"],
)
def test_pickled_limiter_equals_its_copy_and_its_repr_hides_the_password(url):
    """
    A limiter can be pickled without a connection, and equals its copy. The limiter's
    ``repr`` does not show the password.
    """
    limiter = RedisLimiter(url, RateLimit(requests_per_minute=3), key="k")

    assert (limiter, hash(limiter)) == (copy(limiter), hash(copy(limiter)))
    assert "hunter22" not in repr(limiter)
    assert "host" in repr(limiter)


@pytest.mark.parametrize("what", ["password", "database"])
async def test_wrong_redis_password_or_database_raises_a_configuration_error(
    what, own_server
):
    """
    A wrong password and a database that does not exist raise a `ConfigurationError` at
    the first call, without the password.
    """
    client = redis.Redis(port=own_server.port)
    client.config_set("requirepass", "right" if what == "password" else "")
    client.close()
    url = {
        "password": own_server.url.replace("//", "//:hunter22@"),
        "database": own_server.url + "99",
    }[what]
    limiter = RedisLimiter(url, RateLimit(requests_per_minute=3))

    with pytest.raises(ConfigurationError, match="refuses the rate limiter") as caught:
        await limiter.acquire(1)

    assert "hunter22" not in str(caught.value)


LIMITS = {
    "requests": RateLimit(requests_per_minute=20),
    "day": RateLimit(requests_per_day=50),
    "tokens": RateLimit(tokens_per_minute=200),
    "all": RateLimit(requests_per_minute=20, tokens_per_minute=200, max_concurrency=3),
}


@pytest.mark.system
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
async def test_calls_permitted_in_any_window_are_within_the_limit(limit, make, caplog):
    """
    In each window by Redis's clock, two limiters together permit no more requests and
    no more tokens than the limit, and each limiter permits calls in order of arrival.
    """
    limiter = make(limit, minute=MINUTE / 1440 if limit.requests_per_day else MINUTE)
    both = (limiter, copy(limiter))
    served, running, most_running = ([], []), set(), 0

    async def call(which, number):
        nonlocal most_running
        await both[which].acquire(10)
        served[which].append(number)
        running.add((which, number))
        most_running = max(most_running, len(running))
        await anyio.sleep(0.005)
        running.remove((which, number))
        both[which].release(outcome(10))

    with recorded(caplog):
        async with anyio.create_task_group() as group:
            for number in range(25):
                for which in (0, 1):
                    group.start_soon(call, which, number)
                    await anyio.lowlevel.checkpoint()

    permits = permits_in(caplog.text)
    requests = [(at, 1) for at, _ in permits]
    assert 50 == len(permits)
    assert most_in_a_window(requests, MINUTE) <= (
        limit.requests_per_minute or limit.requests_per_day or 50
    )
    assert most_in_a_window(permits, MINUTE) <= (limit.tokens_per_minute or 500)
    assert most_running <= (limit.max_concurrency or 50)
    assert [list(range(25))] * 2 == [sorted(each) for each in served]


async def test_overlapping_calls_give_back_the_tokens_that_they_did_not_use(make):
    """
    Calls overlap, and do not end in the order in which they began. Each call gives back
    the tokens that it did not use, or takes more if it used more than its estimate.
    Once all calls have ended, only the used tokens count.
    """
    limiter = make(RateLimit(tokens_per_minute=1000), minute=600)
    begun, end = anyio.Event(), anyio.Event()

    async def first():
        await limiter.acquire(400)
        begun.set()
        await end.wait()
        limiter.release(outcome(400, used=10))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await begun.wait()
            await limiter.acquire(400)
            limiter.release(outcome(400, used=490))
            end.set()
        await copy(limiter).acquire(500)
    client = redis.Redis.from_url(limiter.url)
    total = client.hget(f"{{{limiter.key}}}:state", "total")
    client.close()

    assert 1000 == int(total)


@pytest.mark.system
async def test_call_estimated_above_the_limit_is_permitted_in_an_empty_window(make):
    """
    A call whose estimated tokens exceed the limit does not wait for ever: it is
    permitted once no other call is in the window.
    """
    limiter = make(RateLimit(tokens_per_minute=100), minute=0.2)

    with anyio.fail_after(60):
        await limiter.acquire(10)
        await limiter.acquire(5000)
        await limiter.acquire(10)


@pytest.mark.system
async def test_retry_after_of_one_process_delays_all_processes(make, caplog):
    """
    After a 429 with a Retry-After in one process, no process gets a permit before that
    time by Redis's clock.
    """
    limiter = make(RateLimit(requests_per_minute=1000))
    other = copy(limiter)

    with recorded(caplog):
        await limiter.acquire(1)
        limiter.release(outcome(refused=True, retry_after=0.5))
        # Wait until Redis has the outcome.
        limiter._process.link._writer.submit(int).result()
        await other.acquire(1)

    (first, _), (second, _) = permits_in(caplog.text)
    assert 0.5 <= second - first


async def test_cancelled_waiter_takes_no_permit_and_leaves_the_queue(make):
    """
    A call that is cancelled while it waits takes no permit, and the next call of
    another process does not wait for the cancelled call.
    """
    limiter = make(RateLimit(max_concurrency=1), minute=600)
    await limiter.acquire(1)
    with anyio.move_on_after(0.1):
        await limiter.acquire(1)
    limiter.release(outcome())

    with anyio.fail_after(60):
        await copy(limiter).acquire(1)

    client = redis.Redis.from_url(limiter.url)
    left = client.zcard(f"{{{limiter.key}}}:minute")
    client.close()
    assert 2 == left


@pytest.mark.system
async def test_lease_of_a_running_call_is_renewed_and_a_lost_lease_expires(make):
    """
    A call that runs for longer than the lease keeps its place in ``max_concurrency``;
    if its process no longer renews the lease, another call gets the place.
    """
    limiter = make(RateLimit(max_concurrency=1), lease=1.5)
    await limiter.acquire(1)
    began = time.monotonic()
    other, got = copy(limiter), []

    async def wait():
        await other.acquire(1)
        got.append(time.monotonic() - began)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(2.0)
            early = list(got)
            limiter._process.link._held.clear()  # as if the process were killed

    assert ([], 1) == (early, len(got))


AWAY = ["never", "killed", "read only", "frozen", "password"]


@contextmanager
def away(server, how):
    """Make the Redis server unusable inside the ``with`` block."""
    client = redis.Redis(port=server.port)
    if how in ("never", "killed"):
        server.kill()
    elif how == "frozen":
        server.pause()
    elif how == "read only":
        client.replicaof("127.0.0.1", "1")
    else:
        client.config_set("requirepass", "new")
        client.client_kill_filter(skipme=True, _type="normal")
    yield
    if how in ("never", "killed"):
        server.start()
    elif how == "frozen":
        server.go_on()
    elif how == "read only":
        client.replicaof("NO", "ONE")
    else:
        client.config_set("requirepass", "")
    client.close()


@pytest.mark.system
@pytest.mark.parametrize("how", AWAY)
async def test_calls_wait_for_redis_or_go_on_without_it(how, own_server, caplog):
    """
    While Redis cannot be used, calls with ``on_failure="go_on"`` are sent, and calls
    with "wait" wait until Redis can be used again. Each limiter logs one line about the
    failure, and one line about the end of the failure.
    """
    limit, options = RateLimit(requests_per_minute=10_000), {"timeout": 1.0}
    goer = RedisLimiter(own_server.url, limit, on_failure="go_on", **options)
    waiter = RedisLimiter(own_server.url, limit, **options)
    waiter._minute = goer._minute = 0.05
    got = []

    async def wait():
        await waiter.acquire(1)
        waiter.release(outcome(used=1))
        got.append("waited")

    if how != "never":
        await goer.acquire(1)
        await waiter.acquire(1)
    with recorded(caplog, logging.WARNING), anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            with away(own_server, how):
                for _ in range(3):
                    await goer.acquire(1)
                    goer.release(outcome(used=1))
                group.start_soon(wait)
                while len(caplog.records) < 2:  # noqa: ASYNC110 - a log has no event
                    await anyio.sleep(0.02)
                waited = list(got)
    lines = [record.getMessage() for record in caplog.records]

    assert ([], ["waited"]) == (waited, got)
    assert 1 == sum("calls go on without a limit" in line for line in lines)
    assert 1 == sum("calls wait for it" in line for line in lines)
    assert 1 <= sum("is back" in line for line in lines) <= 2


@pytest.mark.system
def test_event_loops_in_threads_share_the_limit(make, caplog):
    """
    One limiter is used from four event loops in threads. The limiter serves each loop,
    and in any window permits at most the limit, but not much less.
    """
    limiter = make(RateLimit(requests_per_minute=20))

    async def calls():
        for _ in range(12):
            await limiter.acquire(1)
            limiter.release(outcome(used=1))

    with recorded(caplog):
        loops = ["asyncio", "trio"] * 2
        threads = [
            threading.Thread(target=lambda b=b: anyio.run(calls, backend=b))
            for b in loops
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    permits = sorted(permits_in(caplog.text))
    assert 48 == len(permits)
    assert most_in_a_window([(at, 1) for at, _ in permits], MINUTE) <= 20
    # Two windows must pass; if ten or more pass, the limiter has allowed too few calls.
    assert permits[-1][0] - permits[0][0] < 10 * MINUTE


@pytest.mark.system
@pytest.mark.parametrize("blocking", [False, True])
async def test_clients_use_the_limiter_and_report_usage_and_429s(blocking, fake, make):
    """
    `AsyncASI1` and `ASI1` ask the limiter before each attempt; usage and Retry-After
    of the replies reach Redis.
    """
    fake.fail(429, retry_after=0.1)
    fake.reply("Hello")
    limiter = make(RateLimit(requests_per_minute=1000, tokens_per_minute=10**6))

    def block():
        with ASI1("sk-test", fake.base_url, rate_limit=limiter) as client:
            return client.chat.completions.create(messages="Hi")

    if blocking:
        answer = await anyio.to_thread.run_sync(block)
    else:
        async with AsyncASI1("sk-test", fake.base_url, rate_limit=limiter) as client:
            answer = await client.chat.completions.create(messages="Hi")
    limiter._process.link._writer.submit(int).result()
    client = redis.Redis.from_url(limiter.url)
    amounts = client.hvals(f"{{{limiter.key}}}:amounts")
    paused = client.hget(f"{{{limiter.key}}}:state", "pause")
    client.close()

    assert "Hello" == answer.text
    assert answer.usage.total_tokens in [int(each) for each in amounts]
    assert paused is not None


WORKER = """
import logging, os, sys
from asi1 import ASI1, ASI1Error, RateLimit
from asi1.integrations.redis import RedisLimiter

class Line(logging.Handler):
    def emit(self, record):
        say("L", record.getMessage())

def say(*words):
    os.write(1, " ".join(words).encode() + b"\\n")  # one step, unlike print

logging.getLogger("asi1").addHandler(Line())
logging.getLogger("asi1").setLevel("DEBUG")
url, base_url, minute, rate, name, count = sys.argv[1:]
limiter = RedisLimiter(url, RateLimit(requests_per_minute=int(rate)), timeout=2.0)
limiter._minute = float(minute)
rows = [f"{name}-{number}" for number in range(int(count))]
with ASI1("sk-test", base_url, rate_limit=limiter, max_retries=6) as client:
    answers = client.chat.completions.map(rows, concurrency=8, return_exceptions=True)
    for row, answer in zip(rows, answers):
        failed = type(answer).__name__ if isinstance(answer, ASI1Error) else ""
        say("R", row, failed or answer.text)
"""


@pytest.mark.system
def test_four_processes_keep_one_limit_though_a_process_and_redis_are_killed(
    own_server, fake
):
    """
    Four processes with one limit never exceed this limit in any window by Redis's
    clock, though one process and Redis are killed, and Redis comes back empty. Each row
    of the surviving processes becomes an answer or an error of asi1.
    """
    minute, rate, count = 2.0, 60, 45
    fake.reply(lambda request: request.json["messages"][-1]["content"], times=None)
    with Watched(own_server) as watched:
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, own_server.url, fake.base_url]
                + [str(each) for each in (minute, rate, name, count)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in "abcd"
        ]
        while len(fake.requests) < 40 and workers[0].poll() is None:
            time.sleep(0.02)
        workers[0].send_signal(signal.SIGKILL)
        while len(fake.requests) < 80 and workers[1].poll() is None:
            time.sleep(0.02)
        own_server.kill()
        own_server.start()
        outputs = [worker.communicate(timeout=240)[0] for worker in workers]

    permits = [each for output in outputs for each in permits_in(output)]
    assert most_in_a_window([(at, 1) for at, _ in permits], minute) <= rate
    # Redis also counts the permits that the killed process got and did not log.
    told = [(at, 1) for at in watched.permits.values()]
    assert most_in_a_window(told, minute - 1e-5) <= rate
    assert len(told) >= 2 * count
    for name, output in zip("bcd", outputs[1:], strict=True):
        rows = [line[2:] for line in output.splitlines() if line.startswith("R ")]
        assert [f"{name}-{n} {name}-{n}" for n in range(count)] == rows
    assert [-signal.SIGKILL, 0, 0, 0] == [worker.returncode for worker in workers]
