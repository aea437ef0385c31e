"""A client that was used before a fork serves both processes."""

from __future__ import annotations

import os

from collections import defaultdict
from textwrap import dedent

import pytest

from .programs import run


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

# Python tells of forks beside threads, and the programs here mean it.
QUIET = ("-W", "ignore::DeprecationWarning")


def question(request):
    return request.json["messages"][0]["content"]


@pytest.fixture
def fake(fake):
    fake.reply(question, chunk_words=1, times=None)
    return fake


# Each of the processes ends itself if it hangs; the test knows only the first of them.
PATIENCE = """
import signal

signal.alarm(30)
os.register_at_fork(after_in_child=lambda: signal.alarm(30))
"""

# How a client is used: by `ask_all`, which ends its process if an answer is not to the
# question that was asked.
BLOCKING = """
from concurrent.futures import ThreadPoolExecutor

client = client_of()

def ask(token):
    if token.endswith("1"):
        return client.chat.completions.create(messages=token).text
    with client.chat.completions.stream(messages=token) as stream:
        return "".join(stream.text_stream)

def ask_all(who, count=250):
    tokens = [f"{who} asks {number}" for number in range(count)]
    with ThreadPoolExecutor(5) as threads:
        got = list(threads.map(ask, tokens))
    if got != tokens:
        os._exit(1)
"""
AWAITED = """
client = client_of(asi1.AsyncASI1)

async def ask(token):
    if token.endswith("1"):
        return (await client.chat.completions.create(messages=token)).text
    async with client.chat.completions.stream(messages=token) as stream:
        return "".join([piece async for piece in stream.text_stream])

async def main(who, count=250):
    tokens = [f"{who} asks {number}" for number in range(count)]
    got = []
    for n in range(0, count, 5):
        got += await asyncio.gather(*map(ask, tokens[n : n + 5]))
    if got != tokens:
        os._exit(1)

def ask_all(who, count=250):
    asyncio.run(main(who, count))
"""

# How a process forks. The parent ends as its child does.
WAIT = """
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
IDLE = """
ask_all("first", 5)
pid = os.fork()
ask_all("parent" if pid else "child")
"""
BUSY = """
thread = threading.Thread(target=ask_all, args=("thread",))
thread.start()
time.sleep(0.1)
pid = os.fork()
ask_all("parent" if pid else "child")
if pid:
    thread.join()
"""
IN_ITS_LOOP = """
async def fork():
    await main("first", 5)
    pid = os.fork()
    if pid:
        await main("parent")
    else:
        ask_all("child")
        os._exit(0)
    return pid

pid = asyncio.run(fork())
"""


@pytest.mark.parametrize(
    ("use", "fork"),
    [
        pytest.param(BLOCKING, IDLE, id="blocking"),
        pytest.param(BLOCKING, BUSY, id="blocking-and-busy"),
        pytest.param(AWAITED, IDLE, id="awaited"),
        pytest.param(AWAITED, IN_ITS_LOOP, id="awaited-in-its-loop"),
    ],
)
def test_each_process_gets_its_own_answers(fake, use, fork):
    """
    After a fork, hundreds of calls and streams of parent and child at the same time
    get the answers to their own questions, on connections that no other process uses.
    """
    assert (0, "", "") == run(fake, PATIENCE + use + fork + WAIT, *QUIET)

    asked = defaultdict(set)
    for request in fake.requests:
        asked[question(request)].add(request.connection)
    used = defaultdict(set)
    for token, connections in asked.items():
        used[token.split()[0]] |= connections
    assert 500 <= len(asked) == len(fake.requests)
    assert not used["child"] & (used["first"] | used["parent"] | used["thread"])


@pytest.mark.parametrize("end", ["stream.close()", "list(stream)", "client.close()"])
def test_a_stream_of_the_parent_is_none_of_the_childs(fake, end):
    """
    A stream that was begun before a fork goes on in the parent; in the child it has
    ended, and keeps nobody waiting.
    """
    fake.clear()
    fake.reply("one two three", chunk_words=1, chunk_delay=0.1)
    script = f"""
    client = client_of()
    stream = client.chat.completions.stream(messages="Hi")
    got = [next(stream).text]
    pid = os.fork()
    if not pid:
        try:
            {end}
        except asi1.StreamClosedError:
            pass
        sys.exit()
    status = os.waitpid(pid, 0)[1]
    got += [chunk.text for chunk in stream]
    sys.stdout.write("".join(got))
    sys.exit(os.waitstatus_to_exitcode(status))
    """

    assert (0, "one two three", "") == run(fake, PATIENCE + dedent(script), *QUIET)


def test_a_child_that_drops_what_it_inherited_does_no_harm(fake):
    """
    A child that forgets the client, or closes it, leaves the parent's connections and
    calls alone.
    """
    script = """
    client = client_of()
    client.chat.completions.create(messages="first")
    for end in ("forget", "close"):
        pid = os.fork()
        if not pid:
            if end == "close":
                client.close()
            kept.clear()
            del client
            sys.exit()
        status = os.waitpid(pid, 0)[1]
        assert os.waitstatus_to_exitcode(status) == 0
        client.chat.completions.create(messages=end)
    """

    assert (0, "", "") == run(fake, PATIENCE + dedent(script), *QUIET, "-X", "dev")
    assert {1} == {request.connection for request in fake.requests}
