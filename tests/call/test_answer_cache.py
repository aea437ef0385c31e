"""The client's cache: the calls that it answers, and the answers that it stores."""

import asyncio
import warnings

import anyio
import attrs
import pytest

import asi1

from asi1 import ASI1, APIError, Hooks, RateLimit, SQLiteCache
from asi1.testing import FakeASI1

from ..support.talk import DONE, SSE, Event, chunk, in_process


class Store(dict):
    """A user-provided cache, in memory."""

    async def get(self, key):
        return dict.get(self, key)

    async def set(self, key, value):
        self[key] = value


@pytest.fixture
def fake(fake):
    """Return a fake server whose answers are "answer 1", "answer 2" and so on."""
    fake.reply(lambda _: f"answer {len(fake.requests)}", times=None)
    return fake


def weather(city: str) -> str:
    """Return the weather in *city*."""
    return f"It rains in {city}."


async def create(client, **options):
    return await client.chat.completions.create(messages="Hi", **options)


async def stream(client, **options):
    async with client.chat.completions.stream(messages="Hi", **options) as chunks:
        return await chunks.get_final_completion()


async def create_stream(client, **options):
    chunks = await client.chat.completions.create(messages="Hi", stream=True, **options)
    async with chunks:
        assert "".join([each.text async for each in chunks])
        return await chunks.get_final_completion()


async def mapped(client, **options):
    async with client.chat.completions.map(["Hi"], **options) as answers:
        return await anext(answers)


async def turn(client, **options):
    return await client.conversation().ask("Hi", **options)


# Faults of the fake server: its answer is broken, truncated or empty, or it is complete
# but in another format than the API's.
BROKEN = [
    *("after_done_reset", "array_200", "bad_json_chunk", "bad_length", "blank_200"),
    *("choice_error", "clean_eof_finish_no_done", "clean_eof_no_done", "cut_utf8"),
    *("dialect_message_in_stream", "dialect_one_choice_unfinished", "done_early"),
    *("dialect_tool_arguments_twice", "empty_choices", "eof_mid_event", "error_event"),
    *("error_after_finish", "finish_length", "finish_then_stall", "gzip_cut"),
    *("gzip_stream", "half_characters", "json_error_200", "json_for_stream"),
    *("finish_without_content", "rate_limit_200", "reset_mid_body", "sse_for_json"),
    *("stall_mid_body", "tool_args_truncated", "truncated_no_length", "text_500"),
    *("unknown_finish_reason", "lone_surrogate", "key_echo_401", "no_content_204"),
]
WAYS = [create, stream, create_stream, mapped, turn]


@pytest.mark.system
@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("first", WAYS)
async def test_repeated_request_is_answered_from_the_cache(fake, first, again):
    """
    A repeated request is not sent, whatever method asks for the answer, with or without
    streaming. `ResponseInfo.cached` tells which answer is from the cache.
    """
    async with in_process(fake, cache=Store()) as client:
        one, two = await first(client), await again(client)

    assert ["answer 1", "answer 1"] == [one.text, two.text]
    assert [False, True] == [one.response.cached, two.response.cached]
    assert [1, 0] == [len(each.response.attempts) for each in (one, two)]
    assert one.usage == two.usage
    assert one.response.request_id == two.response.request_id
    assert two.response.elapsed >= 0
    assert 1 == len(fake.requests)


async def test_answer_from_the_cache_costs_nothing(fake):
    """
    The cost of an answer from the cache is 0, and `AsyncASI1.spent` does not count the
    answer.
    """
    async with in_process(fake, cache=Store()) as client:
        one, two = await create(client), await create(client)

    assert one.cost > 0 == two.cost
    assert (1, one.cost) == (client.spent.requests, client.spent.usd)


async def test_stream_from_the_cache_has_the_chunks_of_the_original_stream(fake):
    """
    A stream that the cache answers has the same chunks as the stream that filled the
    cache, and a single chunk if a call without streaming filled it.
    `ResponseInfo.cached` is true from its first chunk on.
    """
    async with in_process(fake, cache=Store()) as client:
        read = []
        await client.chat.completions.create(messages="No stream")
        for prompt in ("Hi", "Hi", "No stream"):
            async with client.chat.completions.stream(messages=prompt) as chunks:
                first = await anext(chunks)
                cached = chunks.response.cached
                read.append((cached, [first, *[each async for each in chunks]]))

    (fresh, one), (kept, two), (also, single) = read
    assert (False, True, True) == (fresh, kept, also)
    assert [each.text for each in one] == [each.text for each in two]
    assert one == two
    assert ["answer 1"] == [each.text for each in single]


@pytest.mark.virtual_time
async def test_stream_that_is_closed_early_is_not_cached():
    """
    A stream that its reader closes before the end is not added to the cache.
    """
    fake, store = FakeASI1(), Store()
    fake.play(SSE, Event(chunk("Hel")), asi1.testing.Pause(60), Event(chunk("lo")))

    async with (
        in_process(fake, cache=store) as client,
        client.chat.completions.stream(messages="Hi") as chunks,
    ):
        await anext(chunks)

    assert {} == store


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("method", [create, stream])
@pytest.mark.parametrize("fault", BROKEN)
async def test_fault_leaves_no_broken_answer_in_the_cache(method, fault):
    """
    Whatever a server does wrong, a repeated call gets either an error, or the answer of
    the first call.
    """
    fake = FakeASI1(seed=1)
    fake.fault(fault, times=None)

    async with in_process(fake, cache=Store(), max_retries=0, timeout=30) as client:
        try:
            first = await method(client)
        except APIError:
            first = None
        sent = len(fake.requests)
        try:
            again = await method(client)
        except APIError:
            again = None

    assert again is not None or first is None or sent < len(fake.requests)
    if again is not None and again.response.cached:
        assert (first.text, first.choices) == (again.text, again.choices)
        assert again.finish_reason in {"stop", "tool_calls"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"cache": False}, id="off"),
        pytest.param({"session_id": "s1"}, id="session"),
        pytest.param({"extra_headers": {"x-session-id": "s1"}}, id="session-header"),
    ],
)
@pytest.mark.parametrize("method", WAYS)
async def test_call_with_cache_false_or_a_session_id_does_not_use_the_cache(
    fake, method, options
):
    """
    ``cache=False`` switches the cache off for one call. A call with a session id does
    not use the cache, since the server's memory of the session may change the answer.
    """
    store = Store()
    async with in_process(fake, cache=store) as client:
        answers = [await method(client, **options) for _ in range(2)]
        assert {} == store
        await create(client)
        answers.append(await method(client, **options))

    assert [False] * 3 == [answer.response.cached for answer in answers]
    assert 4 == len(fake.requests)


async def test_run_with_tools_is_answered_from_the_cache(fake):
    """
    Every round of a run with tools is answered from the cache, if the tools return the
    same results as before.
    """
    for _ in range(2):
        fake.reply("", tool_calls=[{"name": "weather", "arguments": {"city": "Oslo"}}])
        fake.reply("Take an umbrella.")
    async with in_process(fake, cache=Store()) as client:
        texts = []
        for _ in range(2):
            run = client.chat.completions.run_tools(messages="Rain?", tools=[weather])
            async with run:
                texts.append((await run.until_done()).answer.text)

    assert ["Take an umbrella."] * 2 == texts
    assert 2 == len(fake.requests)


@attrs.frozen
class Otter:
    """The type of a parsed answer."""

    name: str


async def test_cached_answer_that_does_not_fit_the_type_is_requested_again(fake):
    """
    If a cached answer cannot be converted to the type passed to `parse`, `parse` asks
    the model again, and caches the new answer. Otherwise the same call would fail for
    ever.
    """
    async with in_process(fake, cache=Store()) as client:
        ask = client.chat.completions.parse
        fake.reply('{"name": 5}')
        with pytest.raises(asi1.OutputInvalidError):
            await ask(messages="Who?", response_format=Otter)
        fake.reply('{"name": "Lutra"}')
        answers = [await ask(messages="Who?", response_format=Otter) for _ in "ab"]
        turned = await client.conversation().parse("Who?", response_format=Otter)

    assert ["Lutra"] * 3 == [each.parsed.name for each in (*answers, turned)]
    assert [False, True, True] == [each.response.cached for each in (*answers, turned)]
    assert 2 == len(fake.requests)


@pytest.mark.parametrize(
    ("image", "sent"), [(b"\x89PNG\r\n\x1a\n", 1), ("https://a.b", 2)]
)
async def test_images_are_cached_unless_they_are_urls(fake, image, sent):
    """
    An image whose data the server sent is cached. An image that the server sent as a
    URL is not, since such URLs expire.
    """
    fake = FakeASI1()
    fake.image(image, times=2)
    async with in_process(fake, cache=Store()) as client:
        one, two = [await client.images.generate("an otter") for _ in range(2)]

    assert one.images == two.images
    assert (False, sent == 1) == (one.response.cached, two.response.cached)
    assert sent == len(fake.requests)


async def test_request_method_of_a_client_never_uses_the_cache(fake):
    """
    The client's method `request` never uses the cache, even if the request is sent to
    the path of chat calls.
    """
    body = {"model": "asi1-mini", "messages": [{"role": "user", "content": "Hi"}]}
    async with in_process(fake, cache=Store()) as client:
        await create(client)
        for _ in range(2):
            reply = await client.request("POST", "/chat/completions", json=body)
            assert not reply.response.cached

    assert 3 == len(fake.requests)


@pytest.mark.parametrize("ask", [create, stream])
async def test_answer_from_the_cache_uses_no_rate_limit_and_calls_hooks(fake, ask):
    """
    A call that the cache answers neither waits for a rate limit nor counts towards one.
    The client's hooks are called for the call's start, chunks and end, but for no
    attempt.
    """
    seen = []

    def noting(name):
        return lambda call: seen.append((name, call))

    names = ("on_start", "on_wait", "on_chunk", "on_end")
    async with in_process(
        fake,
        cache=Store(),
        rate_limit=RateLimit(requests_per_day=1),
        hooks=Hooks(**{name: noting(name) for name in names}),
    ) as client:
        for _ in range(3):
            await ask(client)

    told = ["on_start", "on_chunk", "on_end"] if ask is stream else [*names[::3]]
    assert told == [name for name, call in seen if call is seen[-1][1]]
    ended = [call for name, call in seen if name == "on_end"]
    assert [False, True, True] == [call.response.cached for call in ended]
    assert [1, 0, 0] == [len(call.attempts) for call in ended]
    told = [(call.usage, call.chunks, call.error) for call in ended]
    assert [told[0]] * 3 == told
    assert told[0][0] is not None
    assert "on_wait" not in {name for name, _ in seen}


async def test_child_client_shares_the_cache(fake):
    """
    A child client made by `with_options` uses the cache of its parent. A request for
    another model is not answered with a cached answer.
    """
    async with in_process(fake, cache=Store()) as client:
        await create(client)
        same = await create(client.with_options(api_key="sk-another-key"))
        other = await create(client.with_options(model="asi1-fast"))

    assert (True, False) == (same.response.cached, other.response.cached)


async def test_answer_that_contains_the_api_key_is_not_cached():
    """
    An answer in which the server echoes the API key is not cached, since a cache's file
    must not contain the key.
    """
    fake, store = FakeASI1(), Store()
    fake.reply("Your key is sk-0123456789.", times=None)
    async with asi1.AsyncASI1(
        "sk-0123456789", fake.base_url, transport=fake.transport, cache=store
    ) as client:
        answer = await create(client)

    assert "sk-0123456789" in answer.text
    assert {} == store


def test_blocking_client_and_async_client_share_a_cache_file(fake, tmp_path):
    """
    A blocking client gets its answers from the cache file that an async client filled.
    """
    path = tmp_path / "answers.sqlite3"

    async def fill():
        cache = SQLiteCache(path)
        async with in_process(fake, cache=cache) as client:
            await create(client)
        cache.close()

    anyio.run(fill)
    cache = SQLiteCache(path)
    with ASI1("another-key", fake.base_url, cache=cache) as client:
        answer = client.chat.completions.create(messages="Hi")
        text = client.chat.completions.stream(messages="Hi").get_final_completion().text
    cache.close()

    assert ("answer 1", True, "answer 1") == (answer.text, answer.response.cached, text)
    assert 1 == len(fake.requests)


class Broken(Store):
    """A cache with a method that fails."""

    def __init__(self, method, error):
        super().__init__()
        setattr(self, method, self.fail)
        self.error = error

    async def fail(self, *_):
        if isinstance(self.error, BaseException):
            raise self.error
        return self.error


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("method", [create, stream])
@pytest.mark.parametrize(
    ("name", "error", "problem"),
    [
        ("get", OSError("disk"), "get raised OSError: disk"),
        ("set", OSError("full"), "set raised OSError: full"),
        ("get", asi1.APITimeoutError("mine"), "get raised APITimeoutError: mine"),
        ("get", asyncio.CancelledError(), "get raised CancelledError"),
        ("set", StopAsyncIteration(), "set raised StopAsyncIteration: "),
        ("get", "text", "get returned str, not bytes"),
    ],
)
async def test_broken_cache_is_reported_once_and_calls_go_on(
    caplog, method, name, error, problem
):
    """
    No call fails if the cache raises an error, or returns anything but bytes. The first
    problem is logged and issued as a `RuntimeWarning`.
    """
    fake = FakeASI1()
    async with in_process(fake, cache=Broken(name, error)) as client:
        with pytest.warns(
            RuntimeWarning, match="fails, and calls go on without"
        ) as seen:
            answers = [await method(client) for _ in range(3)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await method(client)

    assert all(answer.text for answer in answers)
    assert 1 == len(seen) == len(caplog.records)
    assert problem in caplog.text


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", ["get", "set"])
async def test_cache_that_hangs_delays_one_call_and_is_then_not_used(name):
    """
    A method of the cache that never returns is cancelled after 5 seconds, and the
    client does not use the cache for the next minute.
    """
    fake, store, used = FakeASI1(), Store(), []

    async def hang(*_):
        used.append(anyio.current_time())
        await anyio.sleep_forever()

    setattr(store, name, hang)
    async with in_process(fake, cache=store) as client:
        began = anyio.current_time()
        with pytest.warns(RuntimeWarning, match="took more than 5 s"):
            await create(client)
        assert pytest.approx(5) == anyio.current_time() - began
        for _ in range(3):
            await create(client)

    assert 1 == len(used)
    assert 4 == len(fake.requests)


@pytest.mark.virtual_time
@pytest.mark.parametrize("method", [create, stream, turn])
async def test_total_timeout_limits_the_wait_for_a_cache(method, recwarn):
    """
    The total timeout of a call includes its wait for a cache that hangs: the call
    raises a timeout error. The cache is not reported as broken, and later calls use it.
    """
    fake, store = FakeASI1(), Store()
    fake.reply("Hello", times=None)
    hang = store.get = lambda _: anyio.sleep_forever()
    async with in_process(fake, cache=store) as client:
        began = anyio.current_time()
        with pytest.raises(asi1.APITimeoutError, match="took longer than 1 s"):
            await method(client, timeout=1)
        assert pytest.approx(1) == anyio.current_time() - began

        store.get, store.set = Store().get, lambda *_: hang(None)
        began = anyio.current_time()
        assert "Hello" == (await method(client, timeout=1)).text
        assert pytest.approx(1) == anyio.current_time() - began

        store.set = Store.set.__get__(store)
        assert "Hello" == (await method(client, timeout=1)).text
    assert [1, 0] == [len(store), len(recwarn)]


@pytest.mark.virtual_time
async def test_wait_for_a_budget_does_not_shorten_the_timeout_of_the_cache():
    """
    The total timeout of a call in a `map` does not include its wait for the budget that
    other calls have reserved; after such a wait, a slow cache still has time to store
    the answer.
    """
    fake, store = FakeASI1(), Store()
    fake.reply("Hello", delay=1, times=None)
    at_once = store.set

    async def set_later(key, value):
        await anyio.sleep(0.1)
        await at_once(key, value)

    store.set = set_later
    limits = {"budget": asi1.Budget(tokens=1500), "max_tokens": 1000, "timeout": 1.5}
    async with (
        in_process(fake, cache=store) as client,
        client.chat.completions.map(["a", "b"], **limits) as answers,
    ):
        assert ["Hello"] * 2 == [answer.text async for answer in answers]

    assert 2 == len(store)


@pytest.mark.virtual_time
@pytest.mark.parametrize("data", [b"", b"garbage", b'{"asi1": 1}\n{}'])
async def test_damaged_cache_entry_is_replaced_by_the_servers_answer(data):
    """
    An entry that was not written by this version of asi1, or was damaged, is ignored
    and replaced by the server's answer.
    """
    fake, store = FakeASI1(), Store()
    async with in_process(fake, cache=store) as client:
        await create(client)
        (key,) = store
        store[key] = data
        answers = [await create(client), await create(client)]

    assert [False, True] == [answer.response.cached for answer in answers]


@pytest.mark.virtual_time
async def test_cached_answer_larger_than_max_event_bytes_is_requested_again():
    """
    A cached answer larger than the client's ``max_event_bytes`` is not read, since
    reading it would fail; the request is sent again.
    """
    fake, store = FakeASI1(), Store()
    end = Event(chunk("x" * 5000, finish="stop"))
    fake.play(SSE, Event(chunk("a")), end, DONE)
    async with in_process(fake, cache=store) as client:
        await stream(client)
    async with in_process(fake, cache=store, max_event_bytes=4000) as client:
        answer = await stream(client)

    assert (False, 2) == (answer.response.cached, len(fake.requests))


@pytest.mark.virtual_time
async def test_call_can_be_cancelled_while_it_reads_the_cache():
    """
    A call that is cancelled while the cache is being read ends at once, and reports no
    broken cache.
    """
    fake, store = FakeASI1(), Store()

    async def slow(_):
        await anyio.sleep(3)

    store.get = slow
    async with in_process(fake, cache=store) as client:
        with anyio.move_on_after(1) as scope:
            await create(client)

        assert scope.cancelled_caught
        assert pytest.approx(1) == anyio.current_time() - (scope.deadline - 1)

    assert [] == fake.requests


@pytest.mark.virtual_time
async def test_answer_is_cached_even_if_the_client_is_closed_at_once():
    """
    A client that is closed as soon as a stream was read stores the answer in the cache
    first.
    """
    fake, store = FakeASI1(), Store()
    slow = store.set

    async def set_slowly(key, value):
        await anyio.sleep(1)
        await slow(key, value)

    store.set = set_slowly
    async with in_process(fake, cache=store) as client:
        chunks = client.chat.completions.stream(messages="Hi")
        assert "".join([each.text async for each in chunks])

    assert 1 == len(store)


@pytest.mark.virtual_time
async def test_cached_stream_waits_for_a_slow_reader():
    """
    The timeouts of a call do not include the time that the reader of a cached stream
    takes.
    """
    fake = FakeASI1()
    words = [Event(chunk(f"{n} ")) for n in range(100)]
    fake.play(SSE, *words, Event(chunk("", finish="stop")), DONE)
    async with in_process(fake, cache=Store(), timeout=60) as client:
        whole = await stream(client)
        async with client.chat.completions.stream(messages="Hi") as chunks:
            read = ""
            async for each in chunks:
                read += each.text
                await anyio.sleep(1)

        assert chunks.response.cached
    assert whole.text == read
