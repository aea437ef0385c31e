"""`ConcurrentCalls`: how many prompts it reads, and how calls end that never began."""

from __future__ import annotations

import anyio
import pytest

import asi1

from ..support.talk import until


pytestmark = pytest.mark.virtual_time


class Prompts:
    """An iterator of *count* prompts; `asked` counts the calls of `__next__`."""

    def __init__(self, count):
        self.left = count
        self.asked = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.asked += 1
        if not self.left:
            raise StopIteration
        self.left -= 1
        return "Hi"


async def test_waiting_prompts_count_towards_the_limit_of_unread_answers(
    fake_client,
):
    """
    Prompts whose calls have not begun count towards the limit of unread answers, so a
    second `take` takes no more prompts.
    """
    prompts = Prompts(100)
    calls = fake_client.chat.completions.map(prompts, concurrency=3)._calls

    calls.take()
    calls.take()

    assert 3 == prompts.asked


async def test_exhausted_iterator_is_not_asked_for_another_prompt(fake, fake_client):
    """
    An iterator of prompts that has raised StopIteration is not asked for a prompt
    again.
    """
    fake.reply("Hello.", times=None)
    prompts = Prompts(5)

    answers = [a async for a in fake_client.chat.completions.map(prompts)]

    assert 5 == len(answers)
    assert 6 == prompts.asked


async def test_closed_client_sends_no_further_prompt_of_its_map(fake, fake_client):
    """
    If the client is closed between two reads of a `map`, no further call begins, and
    the next read raises `ClientClosedError`.
    """
    fake.reply("Hello.", times=None)
    answers = fake_client.chat.completions.map(["a", "b"], concurrency=1)
    assert "Hello." == (await anext(answers)).text

    fake_client._engine.closed = True

    with pytest.raises(asi1.ClientClosedError, match=r"^the client is closed$"):
        await anext(answers)
    assert 1 == len(fake.requests)


async def test_call_cancelled_before_its_task_ran_ends_with_an_error(fake_client):
    """
    A call whose task is cancelled before the task ran has `ClientClosedError` as its
    outcome, so that the reader of the answers does not wait forever.
    """
    answers = fake_client.chat.completions.map(["a"])
    answers._calls.take()
    answers._calls._begin()
    (call,) = answers._calls._window

    call.task.stop()
    with anyio.fail_after(60), pytest.raises(asi1.ClientClosedError):
        await anext(answers)


async def test_reader_that_waits_when_the_answers_are_closed_gets_stream_closed_error(
    fake, fake_client
):
    """
    If the iterator of answers is closed while a reader waits for an answer, the reader
    gets `StreamClosedError` with the message "the answers were closed". Each later
    reader gets the same error.
    """
    fake.fault("stall_before_headers", times=None)
    answers = fake_client.chat.completions.map(["a"])

    async def close():
        await until(lambda: fake.requests)
        await answers.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        for _ in range(2):
            with pytest.raises(
                asi1.StreamClosedError, match=r"^the answers were closed$"
            ):
                await anext(answers)


async def test_read_after_the_answers_were_closed_raises_stream_closed_error(
    fake_client,
):
    """
    If the iterator of answers was closed before the first read, a reader gets
    `StreamClosedError` with the message "the answers were closed".
    """
    answers = fake_client.chat.completions.map(["a"])
    await answers.aclose()

    with pytest.raises(asi1.StreamClosedError, match=r"^the answers were closed$"):
        await anext(answers)
