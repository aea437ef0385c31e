"""A whole batch, from start to end, as users of the async client see them."""

from __future__ import annotations

import json
import threading

import anyio
import pytest

import asi1

from asi1._client.batch.output_file import OutputFile

from ...support.talk import in_process, until
from .conftest import asked, request_line


IDS = [f"id-{n}" for n in range(20)]


async def test_batch_writes_an_answer_for_each_request(fake, fake_client, files):
    """
    Each request has one row with its answer, in the form of OpenAI's Batch API, and the
    summary counts answers and tokens.
    """
    files.ask(*IDS)

    summary = await fake_client.batch(files.input, files.output)

    assert {name: f"<{name}>" for name in IDS} == files.texts()
    assert (20, 20, 0, 0) == (
        summary.total,
        summary.done,
        summary.failed,
        summary.earlier,
    )
    counted = [row["response"]["body"]["usage"] for row in files.rows()]
    assert sum(usage["prompt_tokens"] for usage in counted) == summary.prompt_tokens
    assert {"asi1-mini"} == {request.json["model"] for request in fake.requests}
    assert all("stream" not in request.json for request in fake.requests)


async def test_second_run_of_a_batch_sends_only_new_changed_or_failed_requests(
    fake, fake_client, files
):
    """
    A second run sends new and changed requests, and with *retry_failed* the failed
    ones; in the end there is one row for each custom id.
    """
    fake.fail(400, message="no")
    files.ask("a", "b", "c")
    first = await fake_client.batch(files.input, files.output, concurrency=1)
    files.ask("a", request_line("b", "B"), "c", "d")

    second = await fake_client.batch(files.input, files.output)
    assert ["B", "a", "b", "c", "d"] == asked(fake)
    assert {"a": 400, "b": "<B>", "c": "<c>", "d": "<d>"} == files.texts()
    third = await fake_client.batch(files.input, files.output, retry_failed=True)

    assert ["B", "a", "a", "b", "c", "d"] == asked(fake)
    assert {"a": "<a>", "b": "<B>", "c": "<c>", "d": "<d>"} == files.texts()
    assert ["a", "b", "c", "d"] == sorted(row["custom_id"] for row in files.rows())
    assert ({"BadRequestError": 1}, 1) == (first.errors, first.failed)
    assert (3, 1, 2, 1) == (second.done, second.failed, second.earlier, second.changed)
    assert (4, 0, 3, {}) == (third.done, third.failed, third.earlier, third.errors)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"status": 401}, asi1.AuthenticationError),
        ({"status": 402}, asi1.PaymentRequiredError),
        ({"status": 429, "code": "insufficient_quota"}, asi1.QuotaExceededError),
    ],
)
async def test_error_of_the_account_ends_the_batch_and_fails_no_request(
    failure, kind, fake, fake_client, files
):
    """
    If the key is wrong or the quota used up, the batch ends with the error; requests
    without an answer have no row, so that the next run sends them.
    """
    files.ask(*IDS)
    for _ in range(5):
        fake.reply("early")
    fake.fail(**failure, message="no", times=None)

    with pytest.raises(kind):
        await fake_client.batch(files.input, files.output, concurrency=2)

    early = files.texts()
    assert {"early"} == set(early.values())
    assert 5 == len(early)
    assert len(fake.requests) <= 7


async def test_hostile_answers_become_rows_of_valid_json(fake, fake_client, files):
    """
    Answers with lone surrogates, NaN, control characters, long numbers and deep nesting
    become rows of valid JSON, as answers or as failures.
    """
    deep, deeper = ("[" * levels + "]" * levels for levels in (190, 900))
    content = '{"choices":[{"message":{"content":"?"}}]'
    bodies = [
        content.replace("?", "a\\ud800\\u001b[2J\u2028\u009b") + "}",
        content + ',"x":NaN}',
        content + f',"x":{2**90}}}',
        content + f',"x":{deep}}}',
        content + f',"x":{deeper}}}',
        "{" * 9,
    ]
    for body in bodies:
        fake.reply_json(body.encode())
    files.ask(*"abcdef")

    await fake_client.batch(files.input, files.output, concurrency=1)
    again = await fake_client.batch(files.input, files.output)

    failed = "APIResponseError"
    assert {
        "a": "a\ufffd\x1b[2J\u2028\x9b",
        "b": failed,
        "c": "?",
        "d": "?",
        "e": failed,
        "f": failed,
    } == files.texts()
    assert 6 == len(fake.requests)
    assert (3, 3) == (again.done, again.failed)
    written = files.output.read_text()
    assert not any(char in written for char in "\x1b\u2028\x9b")


async def test_cancelled_batch_writes_received_answers_and_can_be_continued(
    fake, fake_client, files
):
    """
    A cancelled batch cancels its running calls, writes the answers that have arrived,
    and frees the output; the next run sends the rest.
    """
    files.ask(*IDS)
    for _ in range(5):
        fake.reply("early")
    fake.fault("stall_before_headers", times=None)

    async with anyio.create_task_group() as group:
        group.start_soon(fake_client.batch, files.input, files.output)
        await until(lambda: len(fake.requests) == 13)
        await until(lambda: files.output.read_bytes().count(b"\n") == 5)
        group.cancel_scope.cancel()

    assert 5 == len(files.rows())
    fake.clear()
    summary = await fake_client.batch(files.input, files.output)
    assert (20, 5, 15) == (summary.done, summary.earlier, len(fake.requests))


async def test_cancelled_batch_does_not_wait_for_a_silent_pipe(fake_client, files):
    """
    A batch whose input is a pipe that sends nothing can be cancelled.
    """
    begun, ended = anyio.Event(), threading.Event()

    def silent():
        anyio.from_thread.run_sync(begun.set)
        ended.wait()
        yield "\n"

    async with anyio.create_task_group() as group:
        group.start_soon(fake_client.batch, silent(), files.output)
        await begun.wait()
        group.cancel_scope.cancel()
    ended.set()

    assert not files.output.exists()


async def test_progress_is_called_after_each_write_or_updated_like_tqdm(
    fake_client, files
):
    """
    *progress* is called with the summary at the start and after each write. An object
    with ``update(n)`` gets the number of new rows instead, and a progress display of
    rich gets a task.
    """

    class RichProgress:
        def add_task(self, name, *, total):
            return 7

        def update(self, task, *, total, completed):
            self.shown = task, total, completed

    class Bar:
        def __init__(self):
            self.seen = []

        def update(self, n):
            self.seen.append(n)

    bar, rich, seen = Bar(), RichProgress(), []
    files.ask(*IDS)
    summary = await fake_client.batch(files.input, files.output, progress=seen.append)
    files.ask(*IDS, "more", "most")
    await fake_client.batch(files.input, files.output, progress=bar)
    await fake_client.batch(files.input, files.output, progress=rich)

    counts = [each.done for each in seen]
    assert (0, 20) == (counts[0], counts[-1])
    assert sorted(counts) == counts
    assert all(each.running <= 8 for each in seen)
    assert 20 == summary.done
    assert 2 == sum(bar.seen)
    assert (7, 22, 22) == rich.shown


async def test_error_of_progress_is_reported_and_the_batch_goes_on(fake_client, files):
    """
    If *progress* raises, a `RuntimeWarning` says so, and *progress* is not called
    again. The batch still writes every answer.
    """
    files.ask(*IDS)
    told = []

    def breaks(summary):
        told.append(summary.done)
        if summary.done:
            raise RuntimeError("no terminal")

    with pytest.warns(RuntimeWarning, match="progress raised RuntimeError"):
        summary = await fake_client.batch(files.input, files.output, progress=breaks)

    assert 20 == summary.done == len(files.rows())
    assert 2 == len(told)


async def test_failed_write_ends_the_batch_with_the_systems_error(
    fake_client, files, tmp_path
):
    """
    If the output cannot be written, the error of the operating system is raised, with
    the file's name, and not in an exception group.
    """
    files.ask(*IDS)

    def move(summary):
        if files.output.exists() and summary.done:
            files.output.rename(tmp_path / "moved")

    with pytest.raises(OSError, match="was moved or deleted") as caught:
        await fake_client.batch(files.input, files.output, progress=move)

    assert caught.value.filename.endswith("out.jsonl")
    with OutputFile(tmp_path / "moved"):
        pass


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"concurrency": 0}, "concurrency: "),
        ({"concurrency": "8"}, "concurrency: "),
        ({"model": ""}, "model: "),
        ({"retry_failed": "no"}, "retry_failed: "),
        ({"progress": 7}, "progress: "),
        ({"rate_limit": 7}, "rate_limit: "),
        ({"budget": 7}, "budget: "),
        ({"input": 7}, "input: "),
    ],
)
async def test_wrong_arguments_are_refused_before_files_are_opened(
    arguments, told, fake, fake_client, files
):
    """
    A wrong argument raises an error that names the argument; the output is not created.
    """
    files.ask(*IDS)
    given = {"input": files.input, "output": files.output, **arguments}

    with pytest.raises(asi1.ConfigurationError, match=f"^{told}"):
        await fake_client.batch(**given)

    assert not files.output.exists()
    assert [] == fake.requests


async def test_batch_takes_lines_and_dicts_in_place_of_a_path(fake_client, files):
    """
    The input may be lines or dicts, so that a program needs no file for them.
    """
    lines = [request_line("a"), json.loads(request_line("b"))]

    await fake_client.batch(lines, str(files.output), model="asi1")

    assert {"a": "<a>", "b": "<b>"} == files.texts()
    models = [row["response"]["body"]["model"] for row in files.rows()]
    assert ["asi1", "asi1"] == models


async def test_rate_limit_of_a_batch_replaces_the_rate_limit_of_the_client(fake, files):
    """
    A batch's own rate limit holds in place of the client's.
    """

    class Limiter:
        def __init__(self):
            self.taken = 0

        async def acquire(self, tokens):
            self.taken += 1

        def release(self, outcome):
            pass

    of_client, of_batch = Limiter(), Limiter()
    files.ask("a", "b")

    async with in_process(fake, rate_limit=of_client) as client:
        await client.batch(files.input, files.output, rate_limit=of_batch)

    assert (0, 2) == (of_client.taken, of_batch.taken)


async def test_batch_ends_when_no_request_fits_into_the_budget(
    fake, fake_client, files
):
    """
    A batch ends when its budget is used up, and never sends a request beyond the
    budget. The next run, with a new budget, sends further requests.
    """
    files.ask(*IDS)
    budget = asi1.Budget(requests=6)

    for sent in (6, 12):
        with pytest.raises(asi1.BudgetExceededError) as caught:
            await fake_client.batch(files.input, files.output, budget=budget)
        assert (sent, sent) == (len(fake.requests), len(files.rows()))
        assert (6, "requests") == (caught.value.spent.requests, caught.value.limit)

    summary = await fake_client.batch(
        files.input, files.output, budget=asi1.Budget(usd="0.1")
    )
    assert (20, 12) == (summary.done, summary.earlier)
    priced = asi1.PRICES["asi1-mini"]
    counted = [row["response"]["body"]["usage"] for row in files.rows()[12:]]
    usage = [asi1.Usage(**each) for each in counted]
    assert sum(map(priced.cost, usage)) == summary.cost


@pytest.mark.system
async def test_requests_wait_for_the_budget_that_other_requests_have_reserved(
    fake, fake_client, files
):
    """
    If a request does not fit into the budget only because running requests have
    reserved tokens, the request waits for the running ones. So the whole batch is sent,
    although its budget has room for the reservations of one request at a time.
    """
    files.ask(*IDS)
    for _ in IDS:
        usage = {"prompt_tokens": 20, "completion_tokens": 5}
        fake.reply("short", usage=usage, delay=0.01)

    summary = await fake_client.batch(
        files.input, files.output, budget=asi1.Budget(tokens=5000), concurrency=8
    )

    assert (20, 20 * 25) == (summary.done, summary.total_tokens)


async def test_budget_in_dollars_needs_a_known_price(fake, fake_client, files):
    """
    With a budget in dollars, a line whose model has no known price is refused before
    any request is sent, and the output is not created.
    """
    budget = asi1.Budget(usd=1)

    for line, options in (
        (request_line("a", model="nobody-knows"), {}),
        (request_line("a"), {"model": "nobody-knows"}),
    ):
        files.ask("first", line)
        with pytest.raises(asi1.ArgumentError, match="price of the model 'nobody"):
            await fake_client.batch(files.input, files.output, budget=budget, **options)

    assert ([], False) == (fake.requests, files.output.exists())


async def test_closed_client_refuses_and_ends_a_batch(fake, fake_client, files):
    """
    A batch of a closed client is refused. Closing the client ends its running batch,
    whose remaining requests stay unanswered.
    """
    files.ask(*IDS)
    fake.fault("stall_before_headers", times=None)

    async def close():
        await until(lambda: fake.requests)
        await fake_client.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        with pytest.raises(asi1.ClientClosedError):
            await fake_client.batch(files.input, files.output)
    with pytest.raises(asi1.ClientClosedError):
        await fake_client.batch(files.input, files.output)

    assert [] == files.rows()


async def test_batch_starts_no_more_tasks_than_requests(fake, fake_client, files):
    """
    A batch starts no more tasks than it has requests to send, however large
    *concurrency* is.
    """
    fake.reply("Yes.", times=None)
    files.ask(*IDS)

    summary = await fake_client.batch(files.input, files.output, concurrency=10**20)

    assert len(IDS) == summary.done
