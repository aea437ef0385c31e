"""The progress of a `map`: functions, and the bars of other libraries."""

from __future__ import annotations

import threading

import pytest

from asi1._call.progress import progress_of


PROMPTS = ["a", "b", "c"]


class Bar:
    """A bar like that of tqdm, which is also callable."""

    def __init__(self):
        self.shown = 0

    def update(self, number):
        self.shown += number

    def __call__(self, number):
        raise AssertionError


class Rich:
    """Has the methods of ``rich.progress.Progress`` that are used."""

    def __init__(self):
        self.tasks = {}

    def add_task(self, description, total):
        self.tasks[description] = [total, 0]
        return description

    def advance(self, task, number):
        self.tasks[task][1] += number

    def update(self, task):
        raise AssertionError


def test_blocking_map_shows_each_answer_in_the_readers_thread(fake, blocking_client):
    """
    ``progress`` is called with 1 for each answer that is read, errors that are returned
    included, in the thread of the reader.
    """
    fake.fail(500)
    fake.reply("Hi", times=None)
    threads, bar, rich = [], Bar(), Rich()
    for progress in (lambda n: threads.append((n, threading.get_ident())), bar, rich):
        made = blocking_client.chat.completions.map(
            PROMPTS, progress=progress, return_exceptions=True
        )
        assert 3 == len(list(made))

    assert [(1, threading.get_ident())] * 3 == threads
    assert 3 == bar.shown
    assert {"prompts": [3, 3]} == rich.tasks


def test_broken_progress_is_reported_once_and_fails_no_call(fake, blocking_client):
    """
    If ``progress`` raises, a `RuntimeWarning` says so, and it is not called again; all
    answers are yielded.
    """
    fake.reply("Hi", times=None)
    calls = []

    def progress(number):
        calls.append(number)
        raise ZeroDivisionError

    made = blocking_client.chat.completions.map(PROMPTS, progress=progress)
    with pytest.warns(RuntimeWarning, match="progress raised ZeroDivisionError"):
        assert 3 == len(list(made))

    assert [1] == calls


def test_total_of_endless_prompts_is_unknown():
    """
    A bar of rich is told the number of prompts, or None if they have no length.
    """
    rich = Rich()
    progress_of(rich, iter(PROMPTS))

    assert {"prompts": [None, 0]} == rich.tasks
