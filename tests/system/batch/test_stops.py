"""Batches of 1,000 requests that are stopped again and again: kills, Ctrl-C, disks."""

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


if sys.platform == "win32":
    pytest.skip("needs forks and the signals of Unix", allow_module_level=True)

TOTAL = 1000
STOPS = 20
CONCURRENCY = 8

# A program that runs its command line once for each line of its standard input, in a
# forked child, since a new Python would take longer than the run. The line is the most
# bytes of a file that the child may write, or 0. The program prints the child's process
# id, then its exit code. Python ignores SIGXFSZ, so that writing fails with EFBIG.
RUNS = """
import os, resource, signal, sys
import asi1.cli._main, asi1._blocking.batch, asi1._transport.transport, sqlite3, httpx
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
    """Counts the requests of a fake server by their custom ids."""

    def __init__(self, fake):
        self.seen = Counter()
        self._lock = threading.Condition()
        fake.reply(self.answer, times=None)

    def answer(self, request):
        name = request.json["messages"][0]["content"]
        with self._lock:
            self.seen[name] += 1
            self._lock.notify_all()
        return f"Answer to {name}. " * 3

    def wait_for(self, total):
        """Wait until the server has received *total* requests."""
        with self._lock:
            assert self._lock.wait_for(lambda: self.seen.total() >= total, 60)


@pytest.fixture
def server(fake, monkeypatch):
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-batch")
    monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)
    return Server(fake)


@pytest.fixture
def files(tmp_path):
    """Return the paths of an input with 1,000 requests, and of an output."""
    source = tmp_path / "in.jsonl"
    lines = [
        {
            "custom_id": f"id-{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"messages": [{"role": "user", "content": f"id-{n}"}]},
        }
        for n in range(TOTAL)
    ]
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return source, tmp_path / "out.jsonl"


@pytest.fixture
def batches(files, tmp_path):
    """Return a process that begins a batch for each line that is written to it."""
    words = ["batch", *map(str, files[:1]), "-o", str(files[1]), "--concurrency"]
    with (
        (tmp_path / "stderr").open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", RUNS, *words, str(CONCURRENCY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            bufsize=1,
        ) as process,
    ):
        yield process
        process.stdin.close()


def begin(batches, most_bytes=0):
    """Begin a batch, and return its process id."""
    batches.stdin.write(f"{most_bytes}\n")
    return int(batches.stdout.readline())


def exit_code(batches):
    """Wait for the end of the batch, and return its exit code."""
    return int(batches.stdout.readline())


def finished(output):
    """Return the custom ids of the whole rows of an output file."""
    lines = output.read_bytes().splitlines(keepends=True) if output.exists() else []
    return [json.loads(line)["custom_id"] for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_batch_stopped_at_20_random_moments_answers_each_request_once(
    stop, server, files, batches, tmp_path
):
    """
    A batch of 1,000 requests that is killed, or interrupted, at 20 random moments and
    begun again ends with one row for each custom id and no torn line. A request that
    has a row is never sent again: only those in flight are.
    """
    chance = random.Random(7)
    _, output = files
    repeated = []
    for _ in range(STOPS):
        known, before = set(finished(output)), server.seen.copy()
        process = begin(batches)
        server.wait_for(before.total() + chance.randrange(1, 45))
        time.sleep(chance.random() / 100)
        os.kill(process, stop)
        assert exit_code(batches) == (-stop if stop == signal.SIGKILL else 130)
        repeated += known & set(server.seen - before)

    begin(batches)
    assert 0 == exit_code(batches)

    assert [] == repeated
    assert {f"id-{n}": 1 for n in range(TOTAL)} == Counter(finished(output))
    assert output.read_bytes().endswith(b"}\n")
    assert server.seen.total() <= TOTAL + STOPS * CONCURRENCY
    told = (tmp_path / "stderr").read_text()
    goes_on = "asi1: interrupted; running requests were cancelled; to go on, run"
    assert (STOPS if stop == signal.SIGINT else 0) == told.count(goes_on)


def test_batch_on_a_full_disk_keeps_whole_rows_and_goes_on(
    server, files, batches, tmp_path
):
    """
    A batch whose disk is full ends with exit code 1 and one line that names the file;
    its output has whole rows only. With more room, the batch goes on, and sends nothing
    again that has a row.
    """
    _, output = files
    repeated = []
    sizes = [50_000 + 1000 * n for n in range(1, STOPS + 1)]
    for size in sizes:
        known, before = set(finished(output)), server.seen.copy()
        begin(batches, size)
        assert 1 == exit_code(batches)
        repeated += known & set(server.seen - before)
        assert output.read_bytes().endswith(b"}\n")
        assert output.stat().st_size <= size

    begin(batches)
    assert 0 == exit_code(batches)

    assert [] == repeated
    assert {f"id-{n}": 1 for n in range(TOTAL)} == Counter(finished(output))
    told = (tmp_path / "stderr").read_text().splitlines()
    reports = [line for line in told if line.startswith("asi1: ")]
    assert {
        f"asi1: {output}: File too large; to go on, run the same command again"
    } == (set(reports))
    assert STOPS == len(reports)


def test_second_batch_on_the_same_output_is_refused(fake, files, batches, monkeypatch):
    """
    While a batch writes to an output, another process, or another batch of the same
    process, is refused that output. Its lock ends with the process, even if killed.
    """
    fake.fault("stall_before_headers", times=None)
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-batch")
    source, output = files
    batches.stdin.close()
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
    assert (TOTAL, 0) == (done.done, done.earlier)
