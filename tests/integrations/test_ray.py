"""`asi1.integrations.ray.Chat`: batches of rows in and out, without Ray and with it."""

from __future__ import annotations

import os
import pickle
import signal
import threading

import pytest

from asi1 import ASI1, ArgumentError, RateLimit
from asi1.integrations.ray import Chat

from ..support.redis_server import RedisServer, Watched, most_in_a_window


ANSWER = {
    "text",
    "thoughts",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cost",
    "attempts",
    "error",
    "error_type",
}


@pytest.fixture
def config(fake):
    """Return the configuration of clients that call the fake server."""
    return {"api_key": "sk-test", "base_url": fake.base_url, "max_retries": 0}


def echo(request):
    return f"<{request.json['messages'][-1]['content']}>"


def test_each_row_gets_the_columns_of_its_answer_or_error(fake, config):
    """
    Each row keeps its columns and gets the columns of its answer; the rows keep their
    order. A row's messages are sent before its prompt, and its options reach the
    server. A row that fails gets the message and the type of its error, and raises
    nothing.
    """
    fake.reply(echo, times=None)
    batch = {
        "id": [1, 2, 3, 4],
        "prompt": ["a", "b", None, float("nan")],
        "messages": [None, [{"role": "user", "content": "m", "name": None}]]
        + [None] * 2,
        "options": [{"temperature": 0.5, "stop": None}, None, float("nan"), None],
    }

    result = Chat(config, concurrency=1)(batch)

    assert {*batch, *ANSWER} == set(result)
    assert [1, 2, 3, 4] == result["id"]
    assert ["<a>", "<m>", "", ""] == result["text"]
    assert ["", "", "ArgumentError", "ArgumentError"] == result["error_type"]
    assert ["stop", "stop", "", ""] == result["finish_reason"]
    assert [1, 1, 0, 0] == result["attempts"]
    assert [True] * 4 == [
        bool(tokens) == (text != "")
        for tokens, text in zip(result["total_tokens"], result["text"], strict=True)
    ]
    assert 0.5 == fake.requests[0].json["temperature"]


def test_output_used_as_input_sends_only_its_failed_rows_again(fake, config):
    """
    If an output is used as input, rows with a text and without an error are kept, and
    all other rows are requested again. Rows whose key is in *done* are left out.
    """
    fake.reply(echo)
    fake.fail(500)
    chat = Chat(config, concurrency=1, done={"z"})
    first = chat({"id": ["x", "y", "z"], "prompt": ["a", "b", "c"]})
    fake.reply(echo, times=None)

    second = chat(first)

    assert ["x", "y"] == first["id"] == second["id"]
    assert ["", "InternalServerError"] == first["error_type"]
    assert (["<a>", "<b>"], ["", ""]) == (second["text"], second["error"])
    assert ["a", "b", "b"] == [r.json["messages"][0]["content"] for r in fake.requests]
    assert 0 < second["cost"][0] < 0.01


@pytest.mark.parametrize("kind", ["numpy", "pandas", "pyarrow"])
def test_returned_batch_has_the_type_of_the_given_batch(kind, fake, config):
    """
    For a batch of numpy arrays, a DataFrame or an Arrow table, a batch of the same type
    is returned. Its columns have the same types whether rows failed or not, and even if
    there are no rows.
    """
    library = pytest.importorskip(kind)
    fake.reply(echo)
    fake.fail(500)
    columns = {"id": [1, 2], "prompt": ["a", "b"]}
    batch, empty = {
        "numpy": lambda: (
            {name: library.array(values) for name, values in columns.items()},
            {name: library.array(values)[:0] for name, values in columns.items()},
        ),
        "pandas": lambda: (library.DataFrame(columns), library.DataFrame(columns)[:0]),
        "pyarrow": lambda: (library.table(columns), library.table(columns).slice(2)),
    }[kind]()
    chat = Chat(config, concurrency=1)

    result, nothing = chat(batch), chat(empty)

    assert type(batch) is type(result) is type(nothing)
    text = result["text"]
    assert ["<a>", ""] == (text.to_pylist() if kind == "pyarrow" else list(text))
    assert 0 == len(nothing["text"])


def test_each_pickled_copy_of_a_chat_makes_one_client(fake, config):
    """
    A `Chat` that has answered a batch can be pickled, and its copy makes a client of
    its own.
    """
    fake.reply(echo, times=None)
    chat = Chat(config, limiter=RateLimit(max_concurrency=4))
    chat({"prompt": ["a"]})
    client = chat._client
    chat({"prompt": ["b"]})
    again = pickle.loads(pickle.dumps(chat))

    assert client is chat._client
    assert ["<c>"] == again({"prompt": ["c"]})["text"]
    assert client is not again._client


WRONG = {
    "config": ({"config": 5}, "config: must be a dict of ASI1's arguments.*not 5"),
    "limits": ({"config": {"rate_limit": 1}, "limiter": 2}, "limiter: config already"),
    "concurrency": ({"concurrency": 0}, "concurrency: must be.*not 0"),
    "key": ({"key": 5}, "key: must be a str, not 5"),
    "done": ({"done": "id"}, "done: must be a collection of keys, not 'id'"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_argument_of_chat_is_an_argument_error(arguments, message):
    """
    A wrong argument raises an `ArgumentError` when the `Chat` is made. Like every
    `ArgumentError`, this error is a `TypeError` and a `ValueError`.
    """
    with pytest.raises(ArgumentError, match=message) as caught:
        Chat(**arguments)

    assert message.startswith(caught.value.argument)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda c: Chat(ASI1(**c)), ArgumentError, "a client of its own, not"),
        (lambda c: Chat({"modle": "x"})({"prompt": ["a"]}), TypeError, "modle"),
        (lambda c: Chat(c)({"promt": ["a"]}), ArgumentError, "batch: has no column"),
    ],
)
def test_wrong_configuration_or_batch_raises_an_error(make, kind, message, config):
    """
    A client object in place of its configuration, an unknown argument, and a batch
    without prompts raise an error, since no single row is at fault.
    """
    with pytest.raises(kind, match=message):
        make(config)


@pytest.mark.system
@pytest.mark.timeout(1800)  # Ray alone may need minutes to start its workers
def test_two_ray_workers_keep_one_limit_though_a_worker_is_killed(
    fake, config, tmp_path
):
    """
    Two workers of Ray with one limit in Redis handle 2,000 rows. Each row becomes an
    answer, or a rate limit or timeout error, though the server answers some requests
    with 429, and a worker and Redis are killed meanwhile. In no window by the clock of
    Redis are more requests permitted than the limit.
    """
    ray = pytest.importorskip("ray")
    data = pytest.importorskip("ray.data")
    pytest.importorskip("redis")
    from asi1.integrations.redis import RedisLimiter

    class Noted(Chat):
        """A `Chat` that creates a file named after the id of its process."""

        def __call__(self, batch):
            (tmp_path / f"{os.getpid()}.pid").touch()
            return super().__call__(batch)

    def kill():
        while len(fake.requests) < 500 and not over.wait(0.02):
            pass
        worker, *_ = tmp_path.glob("*.pid")
        os.kill(int(worker.stem), signal.SIGKILL)
        while len(fake.requests) < 1000 and not over.wait(0.02):
            pass
        server.kill()
        server.start()

    server = RedisServer(tmp_path).start()
    for _ in range(40):
        fake.fail(429, retry_after=0.1)
        fake.reply(echo, times=60)
    fake.reply(echo, times=None)
    limiter = RedisLimiter(server.url, RateLimit(requests_per_minute=400), timeout=10.0)
    limiter._minute = 1.0
    over, killer = threading.Event(), threading.Thread(target=kill)
    ray.init(num_cpus=3, include_dashboard=False, logging_level="error")
    try:
        with Watched(server) as watched:
            killer.start()
            rows = [{"id": n, "prompt": f"row {n}"} for n in range(2000)]
            answered = data.from_items(rows, override_num_blocks=8).map_batches(
                Noted,
                fn_constructor_args=({**config, "max_retries": 8},),
                fn_constructor_kwargs={"limiter": limiter},
                concurrency=2,
                batch_size=250,
            )
            result = sorted(answered.take_all(), key=lambda row: row["id"])
    finally:
        over.set()
        killer.join()
        ray.shutdown()
        server.kill()

    assert list(range(2000)) == [row["id"] for row in result]
    failed = [
        row["error_type"] for row in result if row["text"] != f"<row {row['id']}>"
    ]
    assert {"RateLimitError", "APITimeoutError"} >= set(failed)
    assert 2000 <= len(fake.requests)
    # `watched` may miss the requests that Redis allowed just before it was killed: at
    # most one for each call that ran, 16 in each of the two workers.
    assert len(fake.requests) <= len(watched.permits) + 2 * 16
    times = [(at, 1) for at in watched.permits.values()]
    assert most_in_a_window(times, limiter._minute - 1e-5) <= 400
