"""A user's own httpx client or transport can read a call's request and reply."""

from __future__ import annotations

import asyncio
import json

import anyio
import httpx
import pytest

import asi1

from asi1._settings.secret import Secret
from asi1._transport.error_map import TranslateErrors
from asi1.testing import FakeASI1


KEY = "test-key"
ANSWER = {"choices": [{"message": {"content": "Read."}, "finish_reason": "stop"}]}


class ReadingTransport(httpx.AsyncBaseTransport):
    """A user's transport that reads each request and each reply to its end."""

    def __init__(self, transport):
        self.inner = transport
        self.saw = []

    async def handle_async_request(self, request):
        self.saw.append(json.loads(request.content))
        response = await self.inner.handle_async_request(request)
        await response.aread()
        return response


class BodySigningAuth(httpx.Auth):
    """A user's httpx.Auth that needs the bodies of the request and of the reply."""

    requires_request_body = requires_response_body = True

    def __init__(self):
        self.saw = []

    def auth_flow(self, request):
        self.saw.append(json.loads(request.content))
        self.saw.append((yield request).text)


async def ask(client):
    async with client:
        return (await client.chat.completions.create(messages="Hi")).text


async def test_user_transport_can_read_request_and_reply(fake):
    """
    A user's transport can read the body of the request and of the reply.
    """
    own = ReadingTransport(fake.transport)

    assert await ask(asi1.AsyncASI1(KEY, fake.base_url, transport=own))
    assert "Hi" == own.saw[0]["messages"][0]["content"]


async def test_hooks_of_a_user_client_can_read_request_and_reply(fake):
    """
    Hooks of the user's httpx client can read the body of the request and of the reply.
    """
    saw = []

    async def on_request(request):
        saw.append(json.loads(request.content))

    async def on_response(response):
        saw.append(json.loads(await response.aread()))

    hooks = {"request": [on_request], "response": [on_response]}
    async with httpx.AsyncClient(transport=fake.transport, event_hooks=hooks) as own:
        text = await ask(asi1.AsyncASI1(KEY, fake.base_url, http_client=own))

    assert "Hi" == saw[0]["messages"][0]["content"]
    assert text == saw[1]["choices"][0]["message"]["content"]


async def test_reply_that_a_hook_has_read_is_not_read_from_its_socket_again():
    """
    If a hook has read a reply, asi1 does not read the reply's connection again, because
    another call may use the connection by then.
    """
    with FakeASI1() as served:

        async def on_response(response):
            await response.aread()

        async with httpx.AsyncClient(event_hooks={"response": [on_response]}) as own:
            client = asi1.AsyncASI1(KEY, served.base_url, http_client=own, timeout=10)
            texts = [
                (await client.chat.completions.create(messages="Hi")).text
                for _ in range(3)
            ]

    assert all(texts)


async def test_auth_of_a_users_httpx_client_signs_the_body_that_is_sent(fake):
    """
    The httpx.Auth of the user's httpx client signs exactly the body that is sent.
    """
    signs = BodySigningAuth()

    async with httpx.AsyncClient(transport=fake.transport, auth=signs) as own:
        assert await ask(asi1.AsyncASI1(KEY, fake.base_url, http_client=own))

    assert "Hi" == signs.saw[0]["messages"][0]["content"]
    assert "chat.completion" in signs.saw[1]


@pytest.mark.parametrize("argument", ["transport", "http_client"])
async def test_mock_transport_gets_the_request_and_returns_the_answer(argument):
    """
    httpx.MockTransport, passed directly or in an httpx client, gets the request, and
    its response becomes the answer.
    """
    saw = []

    def handler(request):
        saw.append(json.loads(request.content))
        return httpx.Response(200, json=ANSWER)

    mock = httpx.MockTransport(handler)
    async with httpx.AsyncClient(transport=mock) as client:
        own = {"transport": mock, "http_client": client}[argument]
        assert "Read." == await ask(
            asi1.AsyncASI1(KEY, "https://otter.example", **{argument: own})
        )

    assert "Hi" == saw[0]["messages"][0]["content"]


async def test_response_with_a_blocking_body_raises_and_frees_its_connection():
    """
    If a user's transport returns a response with a blocking body, the call raises
    TypeError, and its connection is free for the next calls.
    """
    kinds = iter([iter([b"{}"]), iter([b"{}"]), json.dumps(ANSWER).encode()])
    mock = httpx.MockTransport(lambda _: httpx.Response(200, content=next(kinds)))
    limits = asi1.Limits(max_connections=1)

    async with asi1.AsyncASI1(
        KEY,
        "https://otter.example",
        transport=mock,
        limits=limits,
        timeout=asi1.Timeouts(pool=5),
    ) as client:
        for _ in range(2):
            with pytest.raises(TypeError):
                await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi")

    assert "Read." == answer.text


class RaisingTransport(httpx.AsyncBaseTransport):
    """A transport that raises an error for each request, or in each response body."""

    def __init__(self, make, place):
        self.make = make
        self.place = place

    async def handle_async_request(self, request):
        if self.place == "request":
            raise self.make(request)
        return httpx.Response(200, stream=RaisingBody(self.make(request), self.place))


class RaisingBody(httpx.AsyncByteStream):
    def __init__(self, error, place):
        self.error = error
        self.place = place

    async def __aiter__(self):
        yield b"{"
        if self.place == "body":
            raise self.error

    async def aclose(self):
        raise self.error


class RequestError(Exception):
    """An error whose text contains the headers of the request that failed."""

    def __init__(self, request):
        super().__init__(request)
        self.headers = request.headers.raw

    def __str__(self):
        return f"{self.headers}"


class TextlessError(Exception):
    def __str__(self):
        raise ValueError("no text")


def in_a_circle(error):
    error.__cause__ = error
    return error


SECRET = "sk-lighthouse-0123456789"
RAISED = [
    pytest.param(RequestError, "RequestError", id="holds-request"),
    pytest.param(lambda r: KeyError(dict(r.headers)), "KeyError", id="key"),
    pytest.param(lambda _: RuntimeError(f"no {SECRET}"), "RuntimeError: no", id="text"),
    pytest.param(lambda _: ValueError(SECRET.encode()), "ValueError", id="bytes"),
    pytest.param(lambda _: AssertionError(), "AssertionError", id="empty"),
    pytest.param(lambda _: TextlessError(5), "TextlessError", id="textless"),
    pytest.param(
        lambda _: in_a_circle(RuntimeError("a")), "RuntimeError: a", id="circle"
    ),
    pytest.param(
        lambda r: in_a_circle(httpx.ReadError(SECRET, request=r)),
        "broke",
        id="httpx-circle",
    ),
    pytest.param(
        lambda _: in_a_circle(httpx.ConnectError("no")), "connect", id="connect-circle"
    ),
    pytest.param(lambda _: ExceptionGroup("a", [KeyError(SECRET)]), "a", id="group"),
    pytest.param(lambda _: NotImplementedError("x"), "NotImplementedError", id="none"),
    pytest.param(lambda _: RecursionError("deep"), "RecursionError: deep", id="deep"),
]


def chain_of(error):
    """Return the texts of all values in *error* and its causes."""
    found = []
    while error is not None and len(found) < 10:
        found.append(f"{error} {error!r} {vars(error)} {error.args}")
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.system
@pytest.mark.parametrize("argument", ["transport", "http_client"])
@pytest.mark.parametrize("place", ["request", "body"])
@pytest.mark.parametrize("form", ["create", "stream"])
@pytest.mark.parametrize(("make", "reason"), RAISED)
async def test_any_error_of_a_user_transport_becomes_a_connection_error(
    make, reason, form, place, argument
):
    """
    An error of any class that a user's transport raises becomes an APIConnectionError,
    and no attribute of that error or its causes shows the key.
    """
    mock = RaisingTransport(make, place)
    async with httpx.AsyncClient(transport=mock) as own:
        options = {"transport": mock} if argument == "transport" else {argument: own}
        retry = asi1.RetryPolicy(wait_first=0)
        with anyio.fail_after(60):
            async with asi1.AsyncASI1(
                SECRET, "https://otter.example", retry=retry, **options
            ) as client:
                with pytest.raises(asi1.APIConnectionError, match=reason) as caught:
                    if form == "create":
                        await client.chat.completions.create(messages="Hi")
                    else:
                        stream = client.chat.completions.stream(messages="Hi")
                        await stream.get_final_completion()

    assert SECRET not in f"{chain_of(caught.value)}"


async def test_error_at_the_close_of_a_completely_read_reply_is_ignored(fake):
    """
    If closing a completely read reply raises an error, the call still succeeds.
    """

    class Unclosable(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield json.dumps(ANSWER).encode()

        async def aclose(self):
            raise RequestError(httpx.Request("GET", "https://otter.example"))

    mock = httpx.MockTransport(lambda _: httpx.Response(200, stream=Unclosable()))

    assert "Read." == await ask(asi1.AsyncASI1(KEY, fake.base_url, transport=mock))


@pytest.mark.parametrize("raised", [asyncio.CancelledError, KeyboardInterrupt])
def test_cancellation_and_keyboard_interrupt_are_not_translated(raised):
    """
    A cancellation or KeyboardInterrupt does not become an error of asi1.
    """
    with pytest.raises(raised), TranslateErrors("host", Secret(KEY)):
        raise raised


class SlowNetwork(httpx.AsyncBaseTransport):
    """A transport that spends *seconds* in each phase, as far as the timeouts allow."""

    def __init__(self, transport, seconds):
        self.inner, self.seconds = transport, seconds

    async def handle_async_request(self, request):
        limits = request.extensions["timeout"]
        for phase, late in (
            ("pool", httpx.PoolTimeout),
            ("connect", httpx.ConnectTimeout),
            ("write", httpx.WriteTimeout),
        ):
            with anyio.move_on_after(limits[phase]):
                await anyio.sleep(self.seconds)
                continue
            raise late("", request=request)
        return await self.inner.handle_async_request(request)


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
@pytest.mark.parametrize("where", ["client", "with_options", "default", "call"])
@pytest.mark.parametrize(
    ("timeout", "seconds"), [(200, 60), (None, 10_000), (httpx.Timeout(70), 20)]
)
async def test_number_given_as_timeout_is_the_only_timeout_of_a_call(
    fake, timeout, seconds, where, stream
):
    """
    A number as ``timeout`` limits the whole call, and nothing else does: connecting,
    sending the request and waiting for a free connection may each take longer than
    their own defaults. The same holds for None and the phases of an ``httpx.Timeout``.
    """
    fake.reply("Late.")
    given = {"timeout": timeout}
    client = asi1.AsyncASI1(
        KEY,
        fake.base_url,
        transport=SlowNetwork(fake.transport, seconds),
        **(given if where == "client" else {}),
        **({"default_options": given} if where == "default" else {}),
    )
    asked = client.with_options(**given if where == "with_options" else {})
    options = {"messages": "Hi", **(given if where == "call" else {})}

    async with client:
        if stream:
            async with asked.chat.completions.stream(**options) as opened:
                answer = await opened.get_final_completion()
        else:
            answer = await asked.chat.completions.create(**options)

    assert ("Late.", 1) == (answer.text, len(answer.response.attempts))
    assert pytest.approx(3 * seconds) == answer.response.elapsed


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("timeout", "phase", "elapsed"),
    [
        (20, "total", 20),
        (asi1.Timeouts(total=200, pool=None), "connect", 90 + 5),
        (
            asi1.Timeouts(total=200, pool=None, connect=None, first_token=None),
            "write",
            180 + 10,
        ),
        (asi1.Timeouts(total=200), "pool", 30),
    ],
)
async def test_timeout_that_passes_first_ends_the_call(fake, timeout, phase, elapsed):
    """
    With a number, a slow network ends a call at the total timeout; with `Timeouts`, the
    timeout of the phase that took too long may end it before.
    """
    client = asi1.AsyncASI1(
        KEY, fake.base_url, transport=SlowNetwork(fake.transport, 90), max_retries=0
    )

    async with client:
        with pytest.raises(asi1.APITimeoutError) as caught:
            await client.chat.completions.create(messages="Hi", timeout=timeout)

    assert (phase, elapsed) == (caught.value.phase, pytest.approx(caught.value.elapsed))
