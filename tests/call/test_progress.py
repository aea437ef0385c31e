"""The progress of a `map`: functions that it calls, and progress bars of other
libraries.
"""

from __future__ import annotations

import threading

import pytest

import asi1


PROMPTS = ["a", "b", "c"]


class Bar:
    """A progress bar like that of tqdm. It has `update`, and can also be called."""

    def __init__(self):
        self.shown = 0

    def update(self, number):
        self.shown += number

    def __call__(self, number):
        raise AssertionError


class Rich:
    """An object with those methods of ``rich.progress.Progress`` that asi1 uses."""

    def __init__(self):
        self.tasks = {}

    def add_task(self, description, total):
        self.tasks[description] = [total, 0]
        return description

    def advance(self, task, number):
        self.tasks[task][1] += number

    def update(self, task):
        raise AssertionError


def test_blocking_map_reports_its_progress_in_the_readers_thread(fake, blocking_client):
    """
    ``progress`` is called with 1 for each answer or returned error that is read, in the
    thread of the reader.
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


def test_progress_function_that_raises_is_reported_once_and_fails_no_call(
    fake, blocking_client
):
    """
    If ``progress`` raises, a `RuntimeWarning` says so, and ``progress`` is not called
    again. All answers are yielded.
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


def test_progress_bar_of_endless_prompts_has_no_total():
    """
    A progress bar of rich gets the number of prompts as its total, or None if the
    prompts have no length.
    """
    rich = Rich()
    asi1.AsyncASI1("k").chat.completions.map(iter(PROMPTS), progress=rich)

    assert {"prompts": [None, 0]} == rich.tasks


@pytest.mark.parametrize("way", ["map", "batch"])
@pytest.mark.parametrize("wrong", ["function", "object", "method", "hidden"])
async def test_async_progress_function_is_refused_or_reported(
    way, wrong, fake_client, tmp_path
):
    """
    An ``async`` function as ``progress`` of a `map` or a batch is refused, since
    nothing would await it. A function without ``async`` that returns a coroutine is
    reported at its first call, once, and fails no call.
    """

    async def show(_):
        raise AssertionError

    def shows(number):
        return show(number)

    class Shows:
        async def __call__(self, _):
            raise AssertionError

    class Bar:
        async def update(self, _):
            raise AssertionError

    hidden = wrong == "hidden"
    progress = {
        "function": show,
        "object": Shows(),
        "method": Bar(),
        "hidden": shows,
    }[wrong]

    async def run():
        if way == "map":
            made = fake_client.chat.completions.map(PROMPTS, progress=progress)
            assert 3 == len([answer async for answer in made])
        else:
            await fake_client.batch([], tmp_path / "out", progress=progress)

    if hidden:
        with pytest.warns(RuntimeWarning, match="progress returned a coroutine"):
            await run()
    else:
        with pytest.raises(asi1.ArgumentError, match="progress: must be a plain"):
            await run()
