"""`map` of the async client: concurrent calls for many prompts."""

from __future__ import annotations

import asyncio
import gc

import anyio
import pytest

import asi1

from asi1._call.task import CallTask
from asi1._transport.event_loop import loop_token
from asi1.testing import FakeASI1

from ..support.talk import in_process, until


pytestmark = pytest.mark.virtual_time


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


async def test_answers_come_in_the_order_of_the_prompts(fake, fake_client):
    """
    Answers are yielded in the order of the prompts, though the answer to a later prompt
    may arrive first.
    """
    for delay in (0.15, 0, 0.05) * 8:
        fake.reply(question, delay=delay)
    prompts = [str(number) for number in range(24)]

    answers = [answer async for answer in fake_client.chat.completions.map(prompts)]

    assert prompts == [answer.text for answer in answers]
    assert {200} == {answer.response.status for answer in answers}
    assert len(prompts) == len(fake.requests)


async def test_prompt_may_be_a_str_or_messages_and_is_sent_with_the_options(
    fake, fake_client
):
    """
    A prompt of a `map` is a str or a list of messages, as in `create`, and the options
    of the `map` are sent with each prompt.
    """
    fake.reply(question, times=None)
    prompts = ["a", [asi1.SystemMessage("Be brief."), {"role": "user", "content": "b"}]]

    made = fake_client.chat.completions.map(prompts, model="big", temperature=0)

    assert ["a", "b"] == [answer.text async for answer in made]
    bodies = sorted((r.json for r in fake.requests), key=lambda b: len(b["messages"]))
    assert [1, 2] == [len(body["messages"]) for body in bodies]
    assert {("big", 0)} == {(body["model"], body["temperature"]) for body in bodies}
    assert {False} == {body.get("stream", False) for body in bodies}


async def test_number_of_calls_under_way_is_the_given_concurrency(fake, fake_client):
    """
    While the iterable of a `map` has further prompts, exactly *concurrency* calls are
    under way.
    """
    release = [anyio.Event() for _ in range(2)]
    fake.fault("stall_before_headers", times=None)

    async def read():
        async with fake_client.chat.completions.map(
            Prompts(), concurrency=3
        ) as answers:
            release[0].set()
            await anext(answers)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await release[0].wait()
        await until(lambda: len(fake.requests) == 3)
        await anyio.sleep(0.05)

        assert 3 == len(fake.requests)
        group.cancel_scope.cancel()
    await until(lambda: fake.open_connections == 0)


async def test_map_takes_and_sends_at_most_concurrency_prompts_ahead(fake, fake_client):
    """
    An endless iterable of prompts is read at most *concurrency* prompts ahead of the
    answers, and is not read at all before the reader asks for the first answer. Nothing
    is sent while no answer is being read, however long that takes.
    """
    fake.reply(question, times=None)
    prompts = Prompts()

    async with fake_client.chat.completions.map(prompts, concurrency=2) as answers:
        assert 0 == prompts.taken
        for number in range(1, 8):
            assert f"prompt {number}" == (await anext(answers)).text
            await anyio.sleep(60)
            assert number + 1 == prompts.taken == len(fake.requests)


async def test_slow_answer_delays_no_other_answer_of_an_unordered_map(
    fake, fake_client
):
    """
    With ``ordered=False`` answers are yielded as they come, and while the answer to one
    prompt is slow, all other prompts are sent and answered.
    """
    fake.reply(question, delay=3600)
    fake.reply(question, times=None)
    prompts = [f"prompt {number}" for number in range(1, 21)]

    made = fake_client.chat.completions.map(
        prompts, concurrency=3, ordered=False, timeout=None
    )
    got = [answer.text async for answer in made]

    assert sorted(prompts) == sorted(got)
    assert question(fake.requests[0]) == got[-1]


async def test_error_of_a_call_is_raised_in_place_of_its_answer(fake, fake_client):
    """
    The error of a call is raised where its answer would be yielded, and the calls of
    later prompts are cancelled. Each further read raises the same error, with a
    traceback that does not grow.
    """
    for delay in (0.1, 0.1):
        fake.reply(question, delay=delay)
    fake.fail(401)
    fake.fault("stall_before_headers", times=None)
    got = []

    answers = fake_client.chat.completions.map(Prompts(), concurrency=1)
    with pytest.raises(asi1.AuthenticationError) as first:
        async for answer in answers:
            got.append(answer.text)  # noqa: PERF401 - the loop raises
    lengths = set()
    for _ in range(3):
        with pytest.raises(asi1.AuthenticationError) as again:
            await anext(answers)
        lengths.add(len(again.traceback))

    assert ["prompt 1", "prompt 2"] == got
    assert first.value is again.value
    assert 1 == len(lengths)
    await until(lambda: not fake_client._engine.tasks)


async def test_return_exceptions_yields_errors_in_place_of_answers(fake, fake_client):
    """
    With ``return_exceptions`` an error is yielded in place of the answer to its prompt,
    even if the prompt cannot be sent. All other prompts are answered.
    """
    fake.reply("one")
    fake.fail(500)
    fake.reply("four")
    prompts = ["1", "2", 3, "4"]

    made = fake_client.chat.completions.map(
        prompts, concurrency=1, return_exceptions=True
    )
    one, two, three, four = [answer async for answer in made]

    assert ("one", "four") == (one.text, four.text)
    assert asi1.InternalServerError is type(two)
    assert asi1.ArgumentError is type(three)
    assert "messages" == three.argument
    assert [None, None] == [two.__traceback__, three.__traceback__]


@pytest.mark.parametrize("keep", [True, False])
async def test_error_of_the_prompt_iterator_is_raised_after_earlier_answers(
    fake, fake_client, keep
):
    """
    An error raised by the iterator of prompts is raised after the answers to the
    earlier prompts, and is never yielded as if it were the error of a call.
    """
    fake.reply(question, times=None)

    def prompts():
        yield "a"
        yield "b"
        raise asi1.ASI1Error("no more")

    answers = fake_client.chat.completions.map(prompts(), return_exceptions=keep)

    assert ["a", "b"] == [(await anext(answers)).text for _ in range(2)]
    for _ in range(2):
        with pytest.raises(asi1.ASI1Error, match="no more"):
            await anext(answers)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"prompts": "one text"}, "prompts"),
        ({"prompts": {"role": "user"}}, "prompts"),
        ({"prompts": 7}, "prompts"),
        ({"prompts": [], "concurrency": 0}, "concurrency"),
        ({"prompts": [], "concurrency": True}, "concurrency"),
        ({"prompts": [], "temprature": 0}, "temprature"),
    ],
)
def test_wrong_argument_to_map_is_refused_at_once(blocking_client, arguments, argument):
    """
    A wrong argument raises an `ArgumentError` that names the argument, before `map`
    reads any prompt.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        blocking_client.chat.completions.map(**arguments)

    assert argument == caught.value.argument


async def test_map_without_prompts_yields_no_answers(fake_client):
    """
    A `map` of an empty iterable of prompts yields no answers.
    """
    assert [] == [a async for a in fake_client.chat.completions.map([])]


async def test_map_of_a_closed_client_raises_client_closed_error(fake, fake_client):
    """
    If the client of a `map` was closed before the first answer was read, no request is
    sent. Reading this `map`, or another `map` of the client, raises
    `ClientClosedError`.
    """
    made = fake_client.chat.completions.map(["a", "b"])
    await fake_client.aclose()

    with pytest.raises(asi1.ClientClosedError):
        await anext(made)
    with pytest.raises(asi1.ClientClosedError):
        fake_client.chat.completions.map([])

    assert [] == fake.requests


WAYS = ["break", "close", "cancel", "client"]


@pytest.mark.system
@pytest.mark.parametrize("way", WAYS)
async def test_leaving_a_map_early_cancels_all_its_calls(fake, fake_client, way):
    """
    However the reader of a `map` stops early, no call or task of that `map` goes on.
    """
    fake.reply(question, times=4)
    fake.fault("stall_before_headers", times=None)
    answers = fake_client.chat.completions.map(Prompts(), concurrency=4)

    async for answer in answers:
        if answer.text == "prompt 4":
            break
    await until(lambda: len(fake.requests) == 7)
    if way == "close":
        await answers.aclose()
    elif way == "cancel":
        with anyio.move_on_after(0.02):
            async with answers:
                await anext(answers)
    elif way == "client":
        await fake_client.aclose()
    if way == "break":
        del answers
        gc.collect()
    else:
        error = asi1.ClientClosedError if way == "client" else asi1.StreamClosedError
        with pytest.raises(error):
            for _ in range(5):  # a closed map still yields answers that had arrived
                await anext(answers)

    await until(lambda: not fake_client._engine.tasks)
    await until(lambda: "open" not in {r.outcome for r in fake.requests})


async def test_closing_the_client_wakes_a_waiting_reader_of_a_map(fake, fake_client):
    """
    A reader that waits for an answer of a `map` gets `ClientClosedError` when the
    client is closed, even with ``return_exceptions``.
    """
    fake.fault("stall_before_headers", times=None)
    made = fake_client.chat.completions.map(
        Prompts(), concurrency=2, return_exceptions=True
    )

    async def close():
        await until(lambda: len(fake.requests) == 2)
        await fake_client.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        with pytest.raises(asi1.ClientClosedError):
            await anext(made)


async def test_map_that_is_being_closed_begins_no_further_call(
    fake, fake_client, monkeypatch
):
    """
    A `map` that is being closed begins no further call, even if the call under way ends
    before the `map` can cancel it.
    """
    fake.reply(question, delay=0.2, times=None)
    answers = fake_client.chat.completions.map(Prompts(), concurrency=1)
    with anyio.move_on_after(0.01):
        await anext(answers)
    await until(lambda: fake.requests)

    with monkeypatch.context() as patch:
        patch.setattr(CallTask, "stop", lambda _: None)
        await answers.aclose()
        await anyio.sleep(0.1)

    assert ["sent"] == [request.outcome for request in fake.requests]


async def test_cancelled_read_of_a_map_loses_no_answer(fake, fake_client):
    """
    If reads of a `map` are cancelled again and again, the reader still gets every
    answer.
    """
    fake.reply(question, delay=0.05, times=None)
    got = []

    async with fake_client.chat.completions.map(
        map(str, range(12)), concurrency=3
    ) as answers:
        while len(got) < 12:
            with anyio.move_on_after(0.005):
                got.append((await anext(answers)).text)

    assert [str(number) for number in range(12)] == got
    assert 12 == len(fake.requests)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_reader_cancelled_by_asyncio_cancels_the_calls_of_its_map(
    fake, fake_client
):
    """
    ``Task.cancel()`` of a task that reads a `map` cancels the calls without a garbage
    collection, though the raised error still refers to the reader's frames.
    """
    fake.fault("stall_before_headers", times=None)

    async def read():
        async for _ in fake_client.chat.completions.map(Prompts(), concurrency=2):
            pass

    gc.disable()
    try:
        task = asyncio.create_task(read())
        await until(lambda: len(fake.requests) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as kept:
            await task

        await until(lambda: not fake_client._engine.tasks)
        assert kept.value
    finally:
        gc.enable()


async def test_second_reader_of_a_map_is_refused(fake, fake_client):
    """
    A second task that reads a `map` at the same time gets `StreamBusyError`; the first
    task goes on reading.
    """
    fake.reply("late", delay=0.2)
    answers = fake_client.chat.completions.map(["a"])
    first = []

    async def read():
        first.append((await anext(answers)).text)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await until(lambda: fake.requests)
        with pytest.raises(asi1.StreamBusyError):
            await anext(answers)

    assert ["late"] == first


async def test_timeout_of_a_call_does_not_count_its_wait_in_the_map():
    """
    The timeout of a call begins when the call is sent: the time that the call waits
    because *concurrency* other calls are under way does not count.
    """
    fake = FakeASI1()
    fake.reply(question, delay=6, times=None)

    async with in_process(fake, timeout=10) as client:
        made = client.chat.completions.map(list("abcdef"), concurrency=2)
        got = [answer.text async for answer in made]

    assert list("abcdef") == got


async def test_ended_call_of_a_map_lets_exactly_one_other_call_begin(fake, fake_client):
    """
    With a *concurrency* of 2, eight calls of one second each take four seconds: each
    call that ends lets exactly one other begin.
    """
    fake.reply(question, delay=1, times=None)
    began = anyio.current_time()

    made = fake_client.chat.completions.map(map(str, range(8)), concurrency=2)
    got = [answer.text async for answer in made]

    assert [str(number) for number in range(8)] == got
    assert pytest.approx(4, abs=0.1) == anyio.current_time() - began


async def test_map_that_another_process_has_begun_has_no_answers(fake, fake_client):
    """
    A `map` whose calls were begun by another process, as before a fork, raises
    `StreamClosedError` instead of waiting for answers that cannot come.
    """
    fake.fault("stall_before_headers", times=None)
    answers = fake_client.chat.completions.map(["a"])
    with anyio.move_on_after(0.01):
        await anext(answers)
    (call,) = answers._calls._window
    begun, call.task = call.task, CallTask(loop_token(), pid=0)

    with pytest.raises(asi1.StreamClosedError, match="begun in another process"):
        await anext(answers)
    begun.stop()
