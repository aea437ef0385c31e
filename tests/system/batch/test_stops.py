"""A batch that is stopped again and again: by kills, by Ctrl-C, by full disks."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

from collections import Counter

import pytest

import asi1

from ...support.talk import wait_for


if sys.platform == "win32":
    pytest.skip("needs forks and the signals of Unix", allow_module_level=True)

STOPS = 20
CONCURRENCY = 8
GO_ON = "to go on, run the same command again"

# A program that runs its command line once for each line of its standard input, in a
# forked child, since a new Python would take longer than the run; so the program first
# imports what a run needs. Each line is the maximum size, in bytes, of a file that the
# child writes; 0 for no limit. The program prints the child's process id, then its exit
# code. Python ignores SIGXFSZ, so that writing fails with EFBIG.
RUNS = """
import os, resource, signal, sys
import anyio._backends._asyncio, certifi, h11, httpcore, sqlite3, trio
import asi1.cli._main, asi1._blocking.batch, asi1._transport.transport
import asi1._transport.asyncio_socket, asi1._transport.connect
import asi1._transport.http_pool
signal.signal(signal.SIGINT, signal.default_int_handler)
for line in sys.stdin:
    child = os.fork()
    if not child:
        if int(line):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(line), int(line)))
        sys.argv = ["asi1", *sys.argv[1:]]
        code = 99
        try:
            code = asi1.cli.main()
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Server:
    """
    Counts the requests of a fake server by their custom ids.

    Attributes:
        held: Set when the server has stopped at the request that `hold_after` chose.
        go_on: Set by the test to let the server answer again.
    """

    def __init__(self, fake):
        self.seen = Counter()
        self.held = threading.Event()
        self.go_on = threading.Event()
        self._left = 0
        self._lock = threading.Lock()
        fake.reply(self.answer, times=None)

    def hold_after(self, requests):
        """Answer nothing any more once *requests* more requests have arrived."""
        with self._lock:
            self.held.clear()
            self.go_on.clear()
            self._left = requests

    def answer(self, request):
        name = request.json["messages"][0]["content"]
        with self._lock:
            self.seen[name] += 1
            self._left -= 1
            holds = self._left == 0
        if holds:
            self.held.set()
            self.go_on.wait()
        return f"Answer to {name}. " * 3


@pytest.fixture
def server(fake, monkeypatch):
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-batch")
    monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)
    server = Server(fake)
    yield server
    server.go_on.set()  # else the server could not be stopped


@pytest.fixture
def total():
    """Return the number of requests in the input."""
    return 250


@pytest.fixture
def files(tmp_path, total):
    """Return the paths of an input and of an output."""
    source = tmp_path / "in.jsonl"
    lines = [
        {
            "custom_id": f"id-{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"messages": [{"role": "user", "content": f"id-{n}"}]},
        }
        for n in range(total)
    ]
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return source, tmp_path / "out.jsonl"


class Batches:
    """Begins batches in processes of their own, one after the other."""

    def __init__(self, process, errors):
        self._process = process
        self._errors = errors
        self._begun = 0

    def begin(self, most_bytes=0):
        """Begin a batch; return its process id when it is about to send requests."""
        self._process.stdin.write(f"{most_bytes}\n")
        process = int(self._process.stdout.readline())
        self._begun += 1
        wait_for(lambda: self._errors.read_text().count(" to send") == self._begun)
        return process

    def exit_code(self):
        """Wait for the end of the batch, and return its exit code."""
        return int(self._process.stdout.readline())

    def reports(self):
        """Return the lines in which the batches said how they ended."""
        lines = self._errors.read_text().splitlines()
        return [line for line in lines if line.startswith("asi1: ")]


@pytest.fixture
def batches(files, tmp_path):
    """Return an object that begins batches with the input and the output."""
    errors = tmp_path / "stderr"
    words = ["batch", *map(str, files[:1]), "-o", str(files[1]), "--concurrency"]
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", RUNS, *words, str(CONCURRENCY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            bufsize=1,
        ) as process,
    ):
        yield Batches(process, errors)
        process.kill()


def finished(output):
    """Return the custom ids of the whole rows of an output file."""
    lines = output.read_bytes().splitlines(keepends=True) if output.exists() else []
    return [json.loads(line)["custom_id"] for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize(
    ("stop", "total"), [(signal.SIGKILL, 1000), (signal.SIGINT, 250)]
)
def test_batch_stopped_and_begun_again_20_times_answers_each_request_once(
    stop, total, server, files, batches
):
    """
    A batch is killed or interrupted 20 times, at random moments, and begun again each
    time. In the end its output has one row for each custom id, and no incomplete line.
    A request that has a row is never sent again; a request that was in flight may be.
    """
    chance = random.Random(7)
    _, output = files
    repeated = []
    # The server holds its answers back, so that no batch ends before it is stopped.
    for _ in range(STOPS):
        known, before = set(finished(output)), server.seen.copy()
        server.hold_after(chance.randrange(1, total // STOPS))
        process = batches.begin()
        server.held.wait()
        time.sleep(chance.random() / 100)
        os.kill(process, stop)
        assert batches.exit_code() == (-stop if stop == signal.SIGKILL else 130)
        server.go_on.set()
        repeated += known & set(server.seen - before)

    batches.begin()
    assert 0 == batches.exit_code()

    assert [] == repeated
    assert {f"id-{n}": 1 for n in range(total)} == Counter(finished(output))
    assert output.read_bytes().endswith(b"}\n")
    assert server.seen.total() <= total + STOPS * CONCURRENCY
    told = f"asi1: interrupted; running requests were cancelled; {GO_ON}"
    assert ([told] * STOPS if stop == signal.SIGINT else []) == batches.reports()


def test_batch_on_a_full_disk_keeps_whole_rows_and_goes_on(
    total, server, files, batches
):
    """
    A batch whose disk is full ends with exit code 1 and one line that names the file;
    its output has whole rows only. With more room, the batch goes on, and sends no
    request again that has a row.
    """
    _, output = files
    repeated = []
    sizes = [5000 * n - 300 * (n % 3) for n in range(1, 11)]
    for size in sizes:
        known, before = set(finished(output)), server.seen.copy()
        batches.begin(size)
        assert 1 == batches.exit_code()
        repeated += known & set(server.seen - before)
        assert output.read_bytes().endswith(b"}\n")
        assert output.stat().st_size <= size

    batches.begin()
    assert 0 == batches.exit_code()

    assert [] == repeated
    assert {f"id-{n}": 1 for n in range(total)} == Counter(finished(output))
    told = f"asi1: {output}: File too large; {GO_ON}"
    assert [told] * len(sizes) == batches.reports()


def test_second_batch_on_the_same_output_is_refused(total, fake, files, monkeypatch):
    """
    While a batch writes to an output, another process, or another batch of the same
    process, is refused that output. The lock on the output ends with its process, even
    if the process is killed.
    """
    fake.fault("stall_before_headers", times=None)
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-batch")
    source, output = files
    command = [sys.executable, "-m", "asi1", "batch", source, "-o", output]
    with subprocess.Popen(
        [*command, "--base-url", fake.base_url], stderr=subprocess.DEVNULL
    ) as first:
        while not fake.requests:
            time.sleep(0.01)
        with pytest.raises(asi1.ArgumentError, match="another batch is writing to"):
            asi1.batch(source, output)
        sent = len(fake.requests)
        first.kill()
    fake.clear()

    done = asi1.batch(
        source, output, client=asi1.ASI1("k", fake.base_url), concurrency=64
    )

    assert sent <= CONCURRENCY
    assert (total, 0) == (done.done, done.earlier)
