"""The Lua script of `RedisLimiter`, on a real Redis server with a virtual clock."""

import heapq

import pytest

from ..support.redis_server import RedisServer, most_in_a_window


redis = pytest.importorskip("redis")
from asi1.integrations._redis_script import (  # noqa: E402 - needs redis
    KEYS,
    MICRO,
    SCRIPT,
    Reply,
    arguments,
)


# The script, with a clock that the test sets.
VIRTUAL = SCRIPT.replace("call('TIME')", "{ARGV[2], ARGV[3]}")


class Script:
    """The Lua script, run with fixed settings and at a given time."""

    def __init__(self, server, **settings):
        self.redis = redis.Redis.from_url(server.url)
        self.script = self.redis.register_script(VIRTUAL)
        seconds = {"minute": 60, "day": 86_400, "lease": 60, "soon": 1, "look": 5}
        self.settings = {"fresh": "epoch", "grace": MICRO, **settings}
        self.settings |= {name: each * MICRO for name, each in seconds.items()}
        self.redis.flushall()

    def run(self, now, ask=None, ended=()):
        values = {**self.settings, "renewed": [], "ended": list(ended), "ask": ask}
        seconds, micro = divmod(round(now * MICRO), MICRO)
        return Reply.of(self.script(KEYS, [arguments(**values), seconds, micro]))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.mark.system
@pytest.mark.parametrize("limit", [{"rpm": 60}, {"tpm": 6000}], ids=["rpm", "tpm"])
def test_four_processes_together_reach_the_limit_and_keep_it(limit, server):
    """
    Four processes that always have calls waiting share one limit. In each minute by the
    script's clock they get at most the limit and at least 95 % of it, and each process
    gets a fair part. After one process was killed while it waited, the same holds for
    the other three.
    """
    script = Script(server, **limit)
    due = [(1000.0 + number / 1000, number, 0, None) for number in range(4)]
    got = {number: [] for number in range(4)}
    while due[0][0] < 1600:
        now, process, count, place = heapq.heappop(due)
        if process == 0 and now > 1300:
            continue  # the process was killed
        ask = {"id": f"{process}-{count}", "tokens": 100}
        reply = script.run(now, ask | ({"number": place} if place else {}))
        if reply.granted:
            got[process].append(now)
            heapq.heappush(due, (now + 0.05, process, count + 1, None))
        else:
            again = now + (reply.wait or 0.5) + 0.002
            heapq.heappush(due, (again, process, count, reply.number))

    assert VIRTUAL != SCRIPT
    every = sorted(at for times in got.values() for at in times)
    assert most_in_a_window([(at, 1) for at in every], 59.999) <= 60
    for begin in range(1000, 1600, 60):
        assert 57 <= sum(begin <= at < begin + 60 for at in every)
    first = [sum(at < 1300 for at in times) for times in got.values()]
    later = [sum(at >= 1300 for at in got[process]) for process in (1, 2, 3)]
    assert max(first) <= 1.2 * min(first)
    assert max(later) <= 1.2 * min(later)


@pytest.mark.parametrize(
    ("ends", "used", "wait"),
    [
        pytest.param(10, 5, 0, id="fewer"),
        pytest.param(10, 600, 50, id="more"),
        pytest.param(61, 400, 0, id="as-estimated-after-the-window"),
        pytest.param(61, 500, 0, id="more-after-the-window"),
        pytest.param(61, 501, 60, id="too-many-after-the-window"),
    ],
)
def test_used_tokens_count_though_the_estimate_has_expired(ends, used, wait, server):
    """
    The used tokens of a call take the place of its estimate. If the call took longer
    than the window, the tokens that it used beyond its estimate count from its end.
    """
    script = Script(server, tpm=1000)
    script.run(1000, {"id": "a", "tokens": 400})

    ended = {"id": "a", "tokens": 400, "used": used}
    reply = script.run(1000 + ends, {"id": "b", "tokens": 900}, [ended])

    # A call that waits for tokens asks the script again each second.
    assert (wait == 0, min(wait, 1)) == (reply.granted, round(reply.wait))
    if wait:
        early = script.run(999 + ends + wait, {"id": "b", "tokens": 900})
        late = script.run(1001 + ends + wait, {"id": "b", "tokens": 900})
        assert (False, True) == (early.granted, late.granted)


def test_refused_call_gives_its_tokens_back_and_delays_all_calls(server):
    """
    If a call is refused with a 429, its estimated tokens become free, and no call is
    permitted until the Retry-After of the 429 is over.
    """
    script = Script(server, tpm=100)
    script.run(1000, {"id": "a", "tokens": 90})
    refused = {"id": "a", "refused": True, "pause": 7 * MICRO}

    early = script.run(1001, {"id": "b", "tokens": 90}, [refused])
    late = script.run(1008, {"id": "b", "tokens": 90})

    assert (False, True) == (early.granted, late.granted)


def test_call_above_the_token_limit_is_permitted_in_an_empty_window(server):
    """
    A call of more tokens than the limit waits until no tokens are counted; calls that
    used no tokens do not delay it.
    """
    script = Script(server, tpm=100)
    script.run(1000, {"id": "a", "tokens": 90})
    unused = {"id": "a", "tokens": 90, "used": 0}

    first = script.run(1001, {"id": "b", "tokens": 101})
    second = script.run(1002, {"id": "b", "tokens": 101}, [unused])

    assert (False, True) == (first.granted, second.granted)
