"""`asi1.batch` and `ASI1.batch`: a batch from blocking code."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

import asi1

from asi1._client.batch.output_file import OutputFile

from ..support.talk import wait_for


IDS = [f"id-{n}" for n in range(12)]


@pytest.fixture
def lines():
    """Return the requests of a batch."""
    return [
        {
            "custom_id": name,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"messages": [{"role": "user", "content": name}]},
        }
        for name in IDS
    ]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.jsonl"


def ids(output):
    return [json.loads(row)["custom_id"] for row in output.read_text().splitlines()]


def test_batch_without_a_client_makes_and_closes_a_client(
    fake, lines, output, monkeypatch
):
    """
    `asi1.batch` without a client makes a client with the settings of the environment,
    and closes its connections at the end.
    """
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-batch")
    monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)

    summary = asi1.batch(lines, output, model="asi1", concurrency=3)

    assert sorted(IDS) == sorted(ids(output))
    assert (12, 0) == (summary.done, summary.failed)
    assert {"asi1"} == {request.json["model"] for request in fake.requests}
    assert 3 >= len({request.connection for request in fake.requests})
    wait_for(lambda: fake.open_connections == 0)


def test_batch_does_not_close_the_client_passed_to_it(
    fake, blocking_client, lines, output
):
    """
    `asi1.batch` with a client does the same as the client's own `batch`; afterwards the
    client can still be used.
    """
    first = asi1.batch(lines, output, client=blocking_client)
    second = blocking_client.batch(lines, output)

    assert (12, 0, 12) == (first.done, first.earlier, second.earlier)
    assert 12 == len(fake.requests)
    assert blocking_client.chat.completions.create(messages="Hi").text


def test_blocking_batch_refuses_an_async_client(lines, output):
    """
    `asi1.batch` refuses an async client, whose `batch` must be awaited. The error says
    so.
    """
    client = asi1.AsyncASI1("sk-test")

    with pytest.raises(asi1.ArgumentError, match="use await client"):
        asi1.batch(lines, output, client=client)


@pytest.mark.skipif(os.name == "nt", reason="needs the signals of Unix")
def test_interrupted_batch_writes_received_answers_and_closes_its_output(
    fake, blocking_client, lines, output
):
    """
    Ctrl-C in a batch cancels the running calls, and raises KeyboardInterrupt once the
    received answers are written. Another batch can use the output file at once.
    """

    class SlowLimiter:
        async def acquire(self, tokens):
            pass

        def release(self, outcome):
            if outcome.used is None:  # the call was cancelled
                time.sleep(0.05)

    for _ in range(3):
        fake.reply("early")
    fake.fault("stall_before_headers", times=None)

    def interrupt():
        wait_for(lambda: output.exists() and output.read_bytes().count(b"\n") == 3)
        wait_for(lambda: len(fake.requests) == 11)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        blocking_client.batch(lines, output, rate_limit=SlowLimiter())
    with OutputFile(output):  # raises if the file is still locked
        pass
    thread.join()

    assert 3 == len(ids(output))
    fake.clear()
    assert 3 == blocking_client.batch(lines, output).earlier
    assert sorted(IDS) == sorted(ids(output))
