"""A client that was used before a fork works in both processes."""

from __future__ import annotations

import os
import threading

from collections import defaultdict
from textwrap import dedent

import pytest

from asi1 import _fork_lock as fork_lock

from .programs import FORK_QUIETLY, run


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def question(request):
    return request.json["messages"][0]["content"]


@pytest.fixture
def fake(fake):
    fake.reply(question, chunk_words=1, times=None)
    return fake


# The test can kill the parent process, but not the child that the parent forked, so
# SIGALRM ends each process that hangs.
ALARM = """
import signal

signal.alarm(240)
os.register_at_fork(after_in_child=lambda: signal.alarm(240))
"""

# Each script below that uses a client defines a function `ask_all`, which makes calls,
# and ends its process with exit code 1 if a call gets the answer to another question.
BLOCKING = """
from concurrent.futures import ThreadPoolExecutor

client = client_of()

def ask(token):
    if token.endswith("1"):
        return client.chat.completions.create(messages=token).text
    with client.chat.completions.stream(messages=token) as stream:
        return "".join(stream.text_stream)

def ask_all(name, count=250):
    tokens = [f"{name} asks {number}" for number in range(count)]
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

async def main(name, count=250):
    tokens = [f"{name} asks {number}" for number in range(count)]
    got = []
    for n in range(0, count, 5):
        got += await asyncio.gather(*map(ask, tokens[n : n + 5]))
    if got != tokens:
        os._exit(1)

def ask_all(name, count=250):
    asyncio.run(main(name, count))
"""

# A script ends with one of these parts after `pid = os.fork()`. With `WAIT`, the parent
# waits for its child, and exits with the child's exit code.
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
        pytest.param(BLOCKING, BUSY, id="blocking-during-calls"),
        pytest.param(AWAITED, IDLE, id="awaited"),
        pytest.param(AWAITED, IN_ITS_LOOP, id="awaited-inside-the-loop"),
    ],
)
def test_parent_and_child_of_a_fork_get_their_own_answers(fake, use, fork):
    """
    After a fork, parent and child make hundreds of calls and streams at once. Each
    process gets the answers to its own questions, and the child uses no connection of
    the parent.
    """
    assert (0, "", "") == run(fake, ALARM + use + fork + WAIT, *FORK_QUIETLY)

    asked = defaultdict(set)
    for request in fake.requests:
        asked[question(request)].add(request.connection)
    used = defaultdict(set)
    for token, connections in asked.items():
        used[token.split()[0]] |= connections
    assert 500 <= len(asked) == len(fake.requests)
    assert not used["child"] & (used["first"] | used["parent"] | used["thread"])


@pytest.mark.parametrize("end", ["stream.close()", "list(stream)", "client.close()"])
def test_stream_begun_before_a_fork_continues_in_the_parent_only(fake, end):
    """
    A stream that was begun before a fork continues in the parent. In the child it is
    closed, and neither reading it, nor closing it or the client, hangs.
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

    assert (0, "one two three", "") == run(fake, ALARM + dedent(script), *FORK_QUIETLY)


def test_forked_child_that_drops_its_client_does_not_disturb_the_parent(fake):
    """
    After a forked child drops or closes its copy of the client, the parent's client
    still answers calls, on the same connection.
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

    assert (0, "", "") == run(fake, ALARM + dedent(script), *FORK_QUIETLY, "-X", "dev")
    assert {1} == {request.connection for request in fake.requests}


# A thread makes the process's first call. When the thread begins import number NUMBER,
# it sleeps for a moment, and the main thread forks.
FIRST_CALL = """
count = 0

def hook(event, args):
    global count
    if event == "import" and threading.current_thread() is not threading.main_thread():
        count += 1
        if count == NUMBER:
            reached.set()
            time.sleep(0.1)

reached = threading.Event()
asi1.ASI1, asi1.AsyncASI1
sys.addaudithook(hook)
thread = threading.Thread(target=ask_all, args=("thread", 1))
thread.start()
assert reached.wait(60)
pid = os.fork()
ask_all("parent" if pid else "child", 5)
if pid:
    thread.join()
"""


@pytest.mark.parametrize("use", [BLOCKING, AWAITED], ids=["blocking", "awaited"])
@pytest.mark.parametrize("number", [1, 20, 40, 60])
def test_fork_during_the_imports_of_the_first_call_causes_no_deadlock(
    fake, use, number
):
    """
    If one thread forks while another thread's call imports modules, the fork waits for
    the import, and both processes get their answers.
    """
    script = ALARM + f"NUMBER = {number}" + use + FIRST_CALL + WAIT

    assert (0, "", "") == run(fake, script, *FORK_QUIETLY)


def test_child_forked_while_a_thread_imports_a_module_can_make_calls(fake):
    """
    If a process forks while one of its threads imports a module that calls need, the
    child imports the module again. The import lock that the child inherited does not
    block it.
    """
    # cattrs is written in Python: nothing could release the lock of an extension
    # module, such as orjson, that a thread was initialising.
    script = """
    class Slow:
        def find_spec(self, name, path=None, target=None):
            if name == "cattrs" and threading.current_thread() is thread:
                begun.set()
                time.sleep(1)

    begun = threading.Event()
    thread = threading.Thread(target=lambda: __import__("cattrs"))
    sys.meta_path.insert(0, Slow())
    client = client_of()
    thread.start()
    assert begun.wait(60)
    pid = os.fork()
    client.chat.completions.create(messages="Hi")
    """

    assert (0, "", "") == run(fake, ALARM + dedent(script) + WAIT, *FORK_QUIETLY)


LIMIT = 20  # seconds after which a thread counts as blocked


class Inside(threading.Thread):
    """A thread that is inside ``with no_fork`` until `released` is set."""

    def __init__(self, no_fork):
        super().__init__(daemon=True)
        self.no_fork = no_fork
        self.entered, self.released = threading.Event(), threading.Event()
        self.start()

    def run(self):
        with self.no_fork, self.no_fork:
            self.entered.set()
            self.released.wait(LIMIT)


def test_fork_waits_for_all_threads_in_a_no_fork_block():
    """A fork waits until the last of several threads has left its ``with no_fork``
    block.
    """
    no_fork, forked = type(fork_lock.no_fork)(), threading.Event()

    def fork():
        no_fork.before_fork()
        forked.set()
        no_fork.after_fork()

    workers = [Inside(no_fork), Inside(no_fork)]
    assert all(worker.entered.wait(LIMIT) for worker in workers)
    forking = threading.Thread(target=fork, daemon=True)
    forking.start()
    for worker in workers:
        assert not forked.wait(0.05)
        worker.released.set()
        worker.join(LIMIT)
    forking.join(LIMIT)

    assert forked.is_set()


def test_thread_enters_a_no_fork_block_only_after_a_fork_has_ended():
    """No thread enters a ``with no_fork`` block while another thread forks."""
    no_fork = type(fork_lock.no_fork)()

    no_fork.before_fork()
    no_fork.before_fork()  # as two hooks of one fork do
    worker = Inside(no_fork)
    assert not worker.entered.wait(0.05)
    no_fork.after_fork()

    assert worker.entered.wait(LIMIT)
    worker.released.set()


def test_import_that_registers_fork_hooks_waits_for_a_fork():
    """
    `wait_for_forks` returns when the fork of another thread has ended. It is called
    before the import of a module that registers fork hooks: if such hooks were
    registered during a fork, only those after the fork would run.
    """
    no_fork, waited = type(fork_lock.no_fork)(), threading.Event()

    def wait():
        no_fork.wait_for_forks()
        waited.set()

    no_fork.before_fork()
    threading.Thread(target=wait, daemon=True).start()
    assert not waited.wait(0.05)
    no_fork.after_fork()

    assert waited.wait(LIMIT)


def test_fork_in_a_no_fork_block_waits_for_other_threads_only():
    """A thread that forks inside its ``with no_fork`` block waits for other threads
    only. A later fork waits until this thread has left its block.
    """
    no_fork, forked = type(fork_lock.no_fork)(), threading.Event()
    other = Inside(no_fork)
    assert other.entered.wait(LIMIT)

    def work():
        with no_fork:
            no_fork.before_fork()
            forked.set()
            no_fork.after_fork()
            released.wait(LIMIT)

    released = threading.Event()
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert not forked.wait(0.05)
    other.released.set()
    assert forked.wait(LIMIT)
    waiting = threading.Thread(target=no_fork.before_fork, daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    released.set()
    waiting.join(LIMIT)

    assert not waiting.is_alive()


def test_fork_and_no_fork_block_wait_for_each_other_for_a_limited_time(monkeypatch):
    """A fork waits for a ``with no_fork`` block, and such a block for a fork, for a
    limited time only. Then both go on.
    """
    monkeypatch.setattr(fork_lock, "_TIMEOUT", 0.01)
    no_fork = type(fork_lock.no_fork)()
    worker = Inside(no_fork)
    assert worker.entered.wait(LIMIT)

    no_fork.before_fork()
    no_fork.after_fork()
    worker.released.set()
    worker.join(LIMIT)
    no_fork.before_fork()
    late = Inside(no_fork)
    assert late.entered.wait(LIMIT)
    late.released.set()
    late.join(LIMIT)
    no_fork.after_fork()

    assert not no_fork.entered
