"""When the hooks of calls and of runs with tools are called, and what they get."""

from __future__ import annotations

import gc
import json
import socket

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest

import asi1

from asi1 import AsyncASI1, Hooks, RateLimit, RetryPolicy, Timeouts
from asi1._call.rate_limiter import LocalLimiter
from asi1.testing import FakeASI1

from ..support.scripted_model import ScriptedModel, call


QUICK = RetryPolicy(wait_first=0)
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
NAMES = ["on_start", "on_wait", "on_retry", "on_chunk", "on_end"]
both_forms = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class Seen(list):
    """The names of the hooks that were called, each with its `Call`."""

    def hooks(self, **options):
        """Return hooks that add each call of a hook to this list."""
        noting = {
            name: lambda call, name=name: self.append((name, call)) for name in NAMES
        }
        return Hooks(**noting, **options)

    def names(self):
        """Return the names, without repetitions of `on_chunk`."""
        names = [name for name, _ in self]
        pairs = zip(names, ["", *names], strict=False)
        return [name for name, before in pairs if (name, before) != ("on_chunk",) * 2]

    @property
    def call(self):
        """The `Call` of the only call."""
        (call,) = {call for _, call in self}
        return call

    def ended(self):
        """Return the calls that have ended, in their order."""
        return [call for name, call in self if name == "on_end"]


def client_of(fake, seen, **options):
    """Return a client of *fake*, whose hooks write to *seen*."""
    options = {"hooks": seen.hooks(), "transport": fake.transport, **options}
    return AsyncASI1("k", "http://127.0.0.1", retry=QUICK, **options)


async def ask(client, *, stream, **options):
    """Ask the model, and return the whole answer."""
    made = await client.chat.completions.create(messages="Hi", stream=stream, **options)
    return await made.get_final_completion() if stream else made


@both_forms
async def test_all_hooks_of_a_call_get_the_same_call_object(stream):
    """
    All hooks of a call get the same object. Its fields tell the model, the options, the
    tags of client and call, attempts, times and usage, but no contents.
    """
    fake, seen, before = FakeASI1(), Seen(), datetime.now(UTC)
    fake.fail(503, message="busy")
    fake.reply("Hello", usage={"prompt_tokens": 2, "completion_tokens": 3})
    retried = []
    extra = Hooks(on_retry=lambda call: retried.append((call.attempts, call.wait)))

    async with client_of(
        fake, seen, hooks=[seen.hooks(), extra], tags={"job": "x", "n": 1}
    ) as client:
        answer = await ask(
            client,
            stream=stream,
            temperature=0.5,
            stop=["a"],
            user="Ada",
            session_id="s1",
            response_format={"type": "json_object", "secret": "schema"},
            tool_choice={"type": "function", "function": {"name": "f"}},
            tools=[{"type": "function", "function": {"name": "f"}}],
            extra_body={"otter": 1},
            tags={"n": 2, "ok": True},
        )

    chunks = ["on_chunk"] if stream else []
    call = seen.call
    assert ["on_start", "on_retry", *chunks, "on_end"] == seen.names()
    assert ("chat", "asi1-mini", stream) == (call.operation, call.model, call.stream)
    assert {
        "temperature": 0.5,
        "stop": ["a"],
        "response_format": "json_object",
        "tool_choice": "function",
    } == call.options
    assert {"job": "x", "n": 2, "ok": True} == call.tags
    assert "tags" not in json.loads(fake.requests[-1].body)
    assert ("s1", "http://127.0.0.1/v1/chat/completions") == (call.session_id, call.url)
    assert answer.response == call.response
    assert answer.response.attempts == call.attempts
    assert [503, 200] == [attempt.status for attempt in call.attempts]
    assert (answer.usage, "stop", answer.id) == (
        call.usage,
        call.finish_reason,
        call.response_id,
    )
    assert stream == (call.chunks > 0) == (call.time_to_first_token is not None)
    assert call.elapsed == answer.response.elapsed
    assert before - timedelta(seconds=1) < call.started_at <= datetime.now(UTC)
    assert (None, None, None, None) == (
        call.error,
        call.wait,
        call.messages,
        call.answer,
    )
    (((failed,), wait),) = retried
    assert ("retry", 503, 0.0) == (wait.reason, failed.status, wait.seconds)
    assert "busy" in failed.cause


@both_forms
async def test_only_hooks_with_contents_see_messages_and_answer(stream):
    """
    Hooks with ``contents=True`` see the messages as they were sent, and the answer. All
    other hooks of the same call see neither.
    """
    fake, seen, full = FakeASI1(), Seen(), Seen()
    fake.reply("Hello")

    async with client_of(
        fake, seen, hooks=[seen.hooks(), full.hooks(contents=True)]
    ) as client:
        answer = await ask(client, stream=stream)

    assert (None, None) == (seen.call.messages, seen.call.answer)
    assert ({"role": "user", "content": "Hi"},) == full.call.messages
    assert answer == full.call.answer
    assert seen.call.id == full.call.id
    assert "Hello" not in repr(full.call)


async def test_error_shows_contents_only_to_hooks_with_contents():
    """
    The error of a broken stream has the partial answer. Hooks without contents get a
    copy of the error without the partial answer. The caller's error is unchanged.
    """
    fake, seen, full = FakeASI1(), Seen(), Seen()
    fake.fault("reset_mid_body")

    async with client_of(
        fake, seen, hooks=[seen.hooks(), full.hooks(contents=True)]
    ) as client:
        with pytest.raises(asi1.StreamError) as caught:
            await ask(client, stream=True)

    assert caught.value.partial.text
    assert caught.value is full.call.error
    assert "" == seen.call.error.partial.text
    assert (type(caught.value), str(caught.value)) == (
        type(seen.call.error),
        str(seen.call.error),
    )


@pytest.mark.virtual_time
@both_forms
async def test_on_wait_hook_gets_the_reached_rate_limit_and_the_length_of_the_wait(
    stream,
):
    """
    When a call begins to wait for the client's rate limit, `Hooks.on_wait` sees the
    reached limit and the minimum number of seconds to wait.
    """
    fake, observed = FakeASI1(), []
    limiter = LocalLimiter(RateLimit(requests_per_minute=2), clock=anyio.current_time)
    hooks = Hooks(on_wait=lambda call: observed.append((call.wait, call)))

    async with client_of(fake, Seen(), hooks=hooks, rate_limit=limiter) as client:
        for _ in range(3):
            await ask(client, stream=stream)
            await anyio.sleep(10)

    ((wait, call),) = observed
    assert ("requests_per_minute", 2) == (wait.reason, wait.limit)
    assert pytest.approx(40) == wait.seconds
    assert None is call.wait


async def leave_stream(client):
    """Read one chunk of a stream, and close it."""
    async with client.chat.completions.stream(messages="Hi") as stream:
        async for _ in stream:
            break


async def drop_stream(client):
    """Read one chunk of a stream, and drop the stream."""
    stream = client.chat.completions.stream(messages="Hi")
    await anext(stream)
    del stream
    gc.collect()


async def cancel_create(client):
    """Cancel the caller of a call while the server is silent."""
    with anyio.move_on_after(1):
        await client.chat.completions.create(messages="Hi")


async def cancel_stream(client):
    """Cancel the reader of a stream while the server is silent."""
    with anyio.move_on_after(1):
        await ask(client, stream=True)


async def close_client(client, *, stream=False):
    """Close the client while a call is running."""
    async with anyio.create_task_group() as group:

        async def run():
            with suppress(asi1.ClientClosedError, asi1.StreamClosedError):
                await ask(client, stream=stream)

        group.start_soon(run)
        await anyio.sleep(1)
        await client.aclose()


async def close_client_of_stream(client):
    """Close the client while a stream is read."""
    await close_client(client, stream=True)


async def time_out(client):
    """Make a call, and let its total timeout pass."""
    with suppress(asi1.APITimeoutError):
        await ask(client, stream=False, timeout=1)


async def wait_for_own_limiter(client):
    """Make a call of a client whose user-provided limiter raises."""
    with suppress(ZeroDivisionError):
        await ask(client, stream=False)


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("way", "error", "attempts"),
    [
        (leave_stream, asi1.StreamClosedError, 1),
        (drop_stream, asi1.StreamClosedError, 1),
        (cancel_create, asi1.CallCancelledError, 1),
        (cancel_stream, asi1.StreamClosedError, 1),
        (close_client, asi1.ClientClosedError, 1),
        (close_client_of_stream, asi1.ClientClosedError, 1),
        (time_out, asi1.APITimeoutError, 1),
        (wait_for_own_limiter, ZeroDivisionError, 0),
    ],
)
async def test_on_end_hook_is_called_once_for_every_call_that_began(
    way, error, attempts
):
    """
    `on_end` is called exactly once for each call that began, even if its stream is
    closed early or dropped, its caller is cancelled, or its client is closed. The
    `Call` has the error that tells how the call ended, the attempts, and the time of
    the end.
    """
    fake, seen = FakeASI1(), Seen()
    fake.fault("stall", after_chunks=2, times=None)
    limit = Limiter() if error is ZeroDivisionError else None

    async with client_of(fake, seen, rate_limit=limit) as client:
        await way(client)
        await anyio.sleep(5)
        ended = [*seen.ended()]

    assert [seen.call] == ended == seen.ended()
    assert ("on_start", "on_end") == (seen.names()[0], seen.names()[-1])
    assert error is type(seen.call.error)
    causes = [attempt.cause for attempt in seen.call.attempts]
    assert attempts == len(causes)
    assert all(cause.startswith(error.__name__) for cause in causes)
    assert seen.call.response.elapsed is not None or not attempts


class Limiter:
    """A limiter that raises."""

    async def acquire(self, tokens):
        """Raise an error that is not an `ASI1Error`."""
        raise ZeroDivisionError

    def release(self, outcome):
        """Do nothing."""


async def test_stream_closed_after_its_complete_answer_counts_as_successful():
    """
    A stream that is closed early, but after its finish reason, counts as successful:
    its `Call` has no error.
    """
    seen = Seen()
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}
    event = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield event
            await anyio.sleep_forever()

    transport = httpx.MockTransport(
        lambda _: httpx.Response(
            200, headers={"content-type": "text/event-stream"}, stream=Body()
        )
    )
    async with client_of(FakeASI1(), seen, transport=transport) as client:
        await leave_stream(client)

    assert (None, "stop", [None]) == (
        seen.call.error,
        seen.call.finish_reason,
        [attempt.cause for attempt in seen.call.attempts],
    )


@pytest.mark.system
@pytest.mark.parametrize("phase", ["total", "first_token"])
async def test_call_that_times_out_before_its_connection_opens_was_not_sent(phase):
    """
    If the total or first-token timeout passes before a connection is open, nothing was
    sent: the error and the attempt, as hooks get them, say so.
    """
    seen = Seen()
    timeouts = Timeouts(**{phase: 0.2}, connect=60)
    with socket.socket() as silent:  # accepts TCP, but answers no TLS handshake
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with AsyncASI1(
            "k",
            f"https://127.0.0.1:{silent.getsockname()[1]}",
            hooks=seen.hooks(),
            timeout=timeouts,
            max_retries=0,
        ) as client:
            with pytest.raises(asi1.APITimeoutError) as caught:
                await ask(client, stream=True)

    assert (phase, False) == (caught.value.phase, caught.value.sent)
    assert [False] == [attempt.sent for attempt in seen.call.attempts]


@pytest.mark.system
@both_forms
async def test_error_of_a_timeout_says_that_the_request_was_sent(stream):
    """
    If a timeout passes while the server is silent, the request was sent: the error and
    the attempt say that it was.
    """
    seen, fake = Seen(), FakeASI1()
    fake.fault("stall_before_headers", times=None)
    async with (
        fake,
        AsyncASI1(
            "k", fake.base_url, hooks=seen.hooks(), timeout=0.5, max_retries=0
        ) as client,
    ):
        with pytest.raises(asi1.APITimeoutError) as caught:
            await ask(client, stream=stream)

    assert caught.value.sent
    assert [True] == [attempt.sent for attempt in seen.call.attempts]


async def test_each_prompt_of_a_map_is_a_call_with_the_tags_of_map_and_prompt():
    """
    Each prompt of a map is a call of its own, with the tags of the client, of the map
    and of the prompt. If two tags have the same name, the tag of the prompt is used.
    """
    fake, seen = FakeASI1(), Seen()
    fake.reply("Hello", times=None)
    item = {"messages": "Ho", "model": "asi1", "tags": {"c": 3, "b": 4}}

    async with client_of(fake, seen, tags={"a": 1}) as client:
        answers = client.chat.completions.map(["Hi", item], tags={"b": 2, "d": 5})
        assert 2 == len([each async for each in answers])

    told = {call.model: (call.operation, call.tags) for call in seen.ended()}
    assert {
        "asi1-mini": ("chat", {"a": 1, "b": 2, "d": 5}),
        "asi1": ("chat", {"a": 1, "b": 4, "c": 3, "d": 5}),
    } == told


async def test_hooks_see_the_operation_of_image_calls_and_request_calls():
    """
    Hooks see image calls and calls of the client's `request`, each with the name of its
    operation, but they do not see the prompt of an image.
    """
    fake, seen = FakeASI1(), Seen()

    async with client_of(fake, seen) as client:
        await client.images.generate("a cat", size="1024x1024", tags={"a": 1})
        await client.request("POST", "/chat/completions", json=BODY, tags={"b": 2})

    image, plain = seen.ended()
    assert ("images", "asi1-mini", {"size": "1024x1024"}, {"a": 1}) == (
        image.operation,
        image.model,
        image.options,
        image.tags,
    )
    assert ("request", "m", {}, {"b": 2}) == (
        plain.operation,
        plain.model,
        plain.options,
        plain.tags,
    )
    assert (200, None) == (plain.response.status, plain.usage)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fail_to_add(a: int, b: int) -> int:
    """Raise an error in place of the sum."""
    raise ZeroDivisionError


@both_forms
@pytest.mark.parametrize("runs", [False, True])
async def test_rounds_of_a_run_have_the_run_as_parent(stream, runs):
    """
    The calls of a run with tools are calls of their own, with the run as ``parent``.
    Hooks with ``runs=True`` are also called for the run and its tools.
    """
    seen = Seen()
    model = ScriptedModel(
        [call("1", "add", a=1, b=2), call("2", "fail_to_add", a=1, b=2)]
    )

    async with model.client(hooks=seen.hooks(runs=runs), tags={"job": "x"}) as client:
        run = client.chat.completions.run_tools(
            messages="1 + 2?", tools=[add, fail_to_add], stream=stream, tags={"n": 1}
        )
        await run.until_done()

    ended = seen.ended()
    chats = [call for call in ended if call.operation == "chat"]
    (parent,) = {call.parent for call in chats}
    assert 2 == len(chats)
    assert ("run_tools", "asi1-mini", stream) == (
        parent.operation,
        parent.model,
        parent.stream,
    )
    assert {"job": "x", "n": 1} == parent.tags
    tools = [call for call in ended if call.operation == "tool"]
    assert (4 if runs else 0) == len(tools) * 2
    if runs:
        errors = {call.name: type(call.error) for call in tools}
        assert {"add": type(None), "fail_to_add": ZeroDivisionError} == errors
        assert {parent} == {call.parent for call in tools}
        assert all(call.tool_call_id for call in tools)
        assert parent is ended[-1]
        assert ("on_start", parent) == seen[0]


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("way", ["close", "drop"])
async def test_hooks_see_one_end_of_a_run_that_is_closed_or_dropped(way):
    """
    If a run with tools is closed or dropped while a tool runs, the hook `on_end` is
    called once for the run, and once for each of its calls and tools.
    """
    seen, model = Seen(), ScriptedModel([call("1", "sleep")])

    async def sleep() -> None:
        """Never return."""
        await anyio.sleep_forever()

    async with model.client(hooks=seen.hooks(runs=True)) as client:
        run = client.chat.completions.run_tools(messages="Hi", tools=[sleep])
        with suppress(asi1.ASI1Error), anyio.move_on_after(1):
            async for _ in run:
                pass
        if way == "close":
            await run.aclose()
        del run
        gc.collect()
        await anyio.sleep(1)

    starts = [call for name, call in seen if name == "on_start"]
    assert sorted(starts, key=id) == sorted(seen.ended(), key=id)
    errors = {call.operation: type(call.error) for call in seen.ended()}
    assert {
        "chat": type(None),
        "tool": asi1.CallCancelledError,
        "run_tools": asi1.StreamClosedError,
    } == errors


async def test_calls_of_a_parse_with_repair_have_one_parent_in_hooks():
    """
    In hooks, the calls of a `parse` with *repair* have the same ``parent``, whose error
    is the error of the `parse`.
    """
    fake, seen = FakeASI1(), Seen()
    fake.reply("no")
    fake.reply("no", times=None)

    async with client_of(fake, seen, hooks=seen.hooks(runs=True)) as client:
        with pytest.raises(asi1.OutputInvalidError):
            await client.chat.completions.parse(
                messages="Hi", response_format=int, repair=1
            )

    first, second, parent = seen.ended()
    assert (parent, parent) == (first.parent, second.parent)
    assert ("parse", asi1.OutputInvalidError) == (parent.operation, type(parent.error))
    assert "" == parent.error.text


async def test_tags_of_client_conversation_and_turn_are_merged():
    """
    The tags of a client, of its default options, of a conversation and of a turn are
    merged. If two tags have the same name, the later one in this order counts. No tag
    is sent to the server.
    """
    fake, seen = FakeASI1(), Seen()
    options = {"tags": {"b": 2, "n": 2}}

    async with client_of(
        fake, seen, tags={"a": 1, "n": 1}, default_options=options
    ) as client:
        conversation = client.conversation(tags={"c": 3, "n": 3})
        await conversation.ask("Hi", tags={"d": 4, "n": 4})
        await conversation.ask("Hi")

    first, second = seen.ended()
    assert {"a": 1, "b": 2, "c": 3, "d": 4, "n": 4} == first.tags
    assert {"a": 1, "b": 2, "c": 3, "n": 3} == second.tags
    assert all("tags" not in request.json for request in fake.requests)


async def test_hooks_do_not_see_the_api_key_that_a_server_echoes():
    """
    A server may put the API key into an answer's id, model and finish reason: hooks see
    ``***`` in its place, with and without contents.
    """
    key = "sk-key-of-the-otters"
    choice = {"message": {"content": "Hi"}, "finish_reason": key}
    seen, fake = Seen(), FakeASI1()
    fake.reply_json({"id": key, "model": f"x-{key}", "choices": [choice]})
    async with AsyncASI1(
        key, fake.base_url, transport=fake.transport, hooks=seen.hooks()
    ) as client:
        await client.chat.completions.create(messages="Hi")

    call = seen.call
    assert ["***", "x-***", "***"] == [
        *(call.response_id, call.response_model, call.finish_reason)
    ]


async def test_hooks_get_the_error_of_the_call_that_ends_a_parse():
    """
    A `parse` with *repair* may make two calls. If one of them fails, the hook `on_end`
    of the whole `parse` gets the error of this call.
    """
    seen, fake = Seen(), FakeASI1()
    fake.fail(400)
    hooks = seen.hooks(runs=True)
    async with AsyncASI1(
        "k", fake.base_url, transport=fake.transport, hooks=hooks
    ) as client:
        with pytest.raises(asi1.BadRequestError):
            await client.chat.completions.parse(
                messages="Hi", response_format=dict[str, int], repair=1
            )

    assert [("chat", asi1.BadRequestError), ("parse", asi1.BadRequestError)] == [
        (call.operation, type(call.error)) for call in seen.ended()
    ]


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("way", ["closed", "dropped", "cancelled", "client"])
@pytest.mark.parametrize("stream", [False, True, None], ids=["plain", "stream", "tool"])
async def test_hooks_see_the_end_of_a_closed_run_after_the_end_of_its_calls(
    stream, way
):
    """
    When a run is closed early, hooks are called for the end of its call or tool, which
    is being cancelled, before they are called for the end of the run.
    """
    fake, seen = FakeASI1(), Seen()
    if stream is None:
        fake.reply("", tool_calls=[{"name": "sleep", "arguments": {}}])
    else:
        fake.fault("stall" if stream else "stall_before_headers")

    async def sleep() -> None:
        """Never return."""
        await anyio.sleep_forever()

    client = client_of(fake, seen, hooks=seen.hooks(runs=True))
    with anyio.move_on_after(1) as scope:
        run = client.chat.completions.run_tools(
            "Hi", tools=[sleep], stream=bool(stream)
        )

        async def leave():
            await anyio.sleep(0.5)
            if way == "closed":
                await run.aclose()
            elif way == "client":
                await client.aclose()
            else:
                scope.cancel()

        with suppress(asi1.ASI1Error):
            async with anyio.create_task_group() as group:
                group.start_soon(leave)
                with suppress(asi1.ASI1Error):
                    async for _ in run:
                        pass
    if way == "dropped":
        del run, leave
        gc.collect()
    else:
        await run.aclose()
    await client.aclose()

    last = ["tool" if stream is None else "chat", "run_tools"]
    assert last == [call.operation for call in seen.ended()][-2:]
    assert len(seen.ended()) == sum(name == "on_start" for name, _ in seen)


@pytest.mark.parametrize("exiting", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_in_an_on_end_hook_is_raised_to_the_caller(fake, exiting):
    """
    A KeyboardInterrupt or SystemExit that a hook raises, even the hook `on_end`, is
    raised to the caller. The remaining hooks are called, and the client can be used
    again.
    """
    fake.reply("Hi", times=None)
    ended, left = [], [exiting("now")]

    def leave(_):
        if left:
            raise left.pop()

    hooks = [Hooks(on_end=leave), Hooks(on_end=ended.append)]
    with asi1.ASI1("k", fake.base_url, hooks=hooks) as client:
        with pytest.raises(exiting, match="now"):
            client.chat.completions.create(messages="Hi")
        assert "Hi" == client.chat.completions.create(messages="Hi").text

    assert 2 == len(ended)
