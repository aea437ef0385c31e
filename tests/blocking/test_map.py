"""`map` of the blocking client: many prompts in one call."""

from __future__ import annotations

import itertools
import threading

import pytest

import asi1


def question(request):
    return request.json["messages"][-1]["content"]


class Prompts:
    """An endless iterator of prompts; `taken` is the number of prompts yielded."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.taken += 1
        return f"prompt {self.taken}"


def test_blocking_map_yields_answers_in_the_order_of_the_prompts(fake, blocking_client):
    """
    Iterating the blocking `map` yields the answers in the order of their prompts,
    though the answer to a later prompt may arrive first.
    """
    for delay in (0.1, 0, 0.05) * 8:
        fake.reply(question, delay=delay)
    prompts = [str(number) for number in range(24)]

    answers = blocking_client.chat.completions.map(prompts, concurrency=5)

    assert prompts == [answer.text for answer in answers]
    assert [] == list(answers)


def test_blocking_map_runs_the_prompts_generator_in_the_readers_thread(
    fake, blocking_client
):
    """
    A generator of prompts runs in the thread that reads the answers, so the generator
    may use the blocking client itself.
    """
    fake.reply(question, times=None)
    threads = set()

    def prompts():
        for word in ("a", "b", "c"):
            threads.add(threading.get_ident())
            yield blocking_client.chat.completions.create(messages=word).text * 2

    answers = [a.text for a in blocking_client.chat.completions.map(prompts())]

    assert ["aa", "bb", "cc"] == answers
    assert {threading.get_ident()} == threads


@pytest.mark.parametrize("way", ["break", "close", "with", "error"])
def test_leaving_a_blocking_map_early_cancels_its_running_calls(
    fake, blocking_client, way
):
    """
    If the reader of a blocking `map` stops early, by ``break``, `close`, the end of a
    ``with`` block or an error, the calls of the `map` that are still running are
    cancelled.
    """
    fake.reply(question, times=6)  # the first `next` takes 6 prompts
    fake.fault("stall_before_headers", times=None)
    answers = blocking_client.chat.completions.map(Prompts(), concurrency=3)

    for _ in range(2):
        next(answers)
    if way == "with":
        with answers:
            next(answers)
    elif way == "error":
        with pytest.raises(ZeroDivisionError), answers:
            for _ in answers:
                raise ZeroDivisionError
    if way == "close":
        answers.close()
    if way == "break":
        del answers
    else:
        with pytest.raises(asi1.StreamClosedError):
            next(answers)
        answers.close()

    for _ in range(1000):
        if not blocking_client._engine.tasks:
            break
        threading.Event().wait(0.005)
    assert not blocking_client._engine.tasks


def test_interrupt_in_the_prompts_iterator_closes_a_blocking_map(fake, blocking_client):
    """
    A KeyboardInterrupt raised in the iterator of prompts reaches the reader of the
    answers, and closes the iterator of answers.
    """
    fake.reply(question, times=None)

    def prompts():
        yield from map(str, range(9))
        raise KeyboardInterrupt

    answers = blocking_client.chat.completions.map(prompts(), concurrency=2)
    with pytest.raises(KeyboardInterrupt):
        for number in itertools.count():
            assert str(number) == next(answers).text

    with pytest.raises(asi1.StreamClosedError):
        next(answers)
