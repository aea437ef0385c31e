"""Many threads share one blocking client."""

from __future__ import annotations

import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

import asi1

from ..support.talk import wait_for


THREADS = 32
CALLS = 20


def question(request):
    return request.json["messages"][0]["content"]


def create(client, text):
    return client.chat.completions.create(messages=text).text


def read(client, text):
    with client.chat.completions.stream(messages=text) as stream:
        return "".join(stream.text_stream)


@pytest.mark.system
@pytest.mark.timeout(900)  # seconds; on a busy machine 640 calls take long
@pytest.mark.parametrize("ask", [create, read])
def test_many_threads_get_their_own_answers_in_order(fake, ask):
    """
    Each of many threads gets the answers to its own questions, in the order of the
    questions. Afterwards all threads that the calls started have ended.
    """
    fake.reply(question, chunk_words=1, times=None)
    asked = [[f"{n} asks {call}" for call in range(CALLS)] for n in range(THREADS)]

    with asi1.ASI1("sk-test", fake.base_url) as client:

        def work(texts):
            return [ask(client, text) for text in texts]

        # The first call of a process may start AnyIO's worker thread, which stays for
        # a while and does not belong to the client.
        ask(client, "warm up")
        before = set(threading.enumerate())

        with ThreadPoolExecutor(THREADS) as threads:
            got = list(threads.map(work, asked))

    assert asked == got
    assert 1 + THREADS * CALLS == len(fake.requests)
    assert [] == [thread.name for thread in set(threading.enumerate()) - before]
    wait_for(lambda: fake.open_connections == 0)


def test_closing_the_client_ends_the_calls_of_all_threads(fake):
    """
    When one thread closes the client, the calls of all other threads raise an error
    whose message says that the client was closed.
    """
    fake.fault("stall", times=None)
    client = asi1.ASI1("sk-test", fake.base_url)

    def work(ask):
        with pytest.raises(asi1.ASI1Error, match="closed"):
            ask(client, "Hi")
        return "ended"

    with ThreadPoolExecutor(8) as threads:
        ends = threads.map(work, [create, read] * 4)
        wait_for(lambda: len(fake.requests) == 8)
        client.close()

        assert ["ended"] * 8 == list(ends)
    wait_for(lambda: fake.open_connections == 0)


def test_stream_may_be_read_by_one_thread_after_another(fake):
    """
    A stream that one thread opened may be read and closed by other threads, one at a
    time.
    """
    fake.reply("one two three four", chunk_words=2)

    with (
        asi1.ASI1("sk-test", fake.base_url) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        make = client.chat.completions.create
        stream = threads.submit(make, messages="Hi", stream=True).result()
        pieces = stream.text_stream
        got = [threads.submit(next, pieces, "").result() for _ in range(3)]
        threads.submit(stream.close).result()

        with pytest.raises(asi1.StreamClosedError):
            next(pieces)

    assert ["one two", " three four", ""] == got
