"""
Errors of httpx and of user-provided transports become asi1's errors, and show no key.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx
import pytest

from httpx_aiohttp import AiohttpTransport

import asi1

from asi1.testing import Close, FakeASI1, Head, Raw
from asi1.testing._render import Renderer

from .test_user_transports import SECRET, chain_of


BROKEN = [
    "bad_status_line",
    "bad_length",
    "giant_headers",
    "many_headers",
    "not_http",
    "obs_header_injection",
    "two_lengths",
]


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def failed_over_aiohttp(url, form="create"):
    """Return the error of a call over a transport of aiohttp."""
    own = AiohttpTransport()
    retry = asi1.RetryPolicy(wait_first=0)
    async with own, asi1.AsyncASI1(SECRET, url, transport=own, retry=retry) as client:
        with pytest.raises(asi1.APIConnectionError) as caught:
            if form == "create":
                await client.chat.completions.create(messages="Hi")
            else:
                await client.chat.completions.stream(
                    messages="Hi"
                ).get_final_completion()
    assert SECRET not in f"{chain_of(caught.value)}"
    return caught.value


@pytest.mark.system
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("form", ["create", "stream"])
@pytest.mark.parametrize("name", BROKEN)
async def test_reply_that_aiohttp_cannot_parse_raises_a_connection_error(name, form):
    """
    A reply that aiohttp cannot parse raises an APIConnectionError without a retry, and
    the error has no reference to the request.
    """
    with FakeASI1() as fake:
        fake.fault(name, times=None)
        error = await failed_over_aiohttp(fake.base_url, form)

    assert (1, asi1.APIConnectionError) == (len(error.response.attempts), type(error))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_invalid_chunk_size_over_aiohttp_raises_a_connection_error():
    """A stream in which a chunk's size is not a number raises an APIConnectionError."""
    with FakeASI1() as fake:
        # aiohttp 3.14 waits for more bytes if it reads the invalid chunk size after the
        # head, so head and chunk size are sent in one write.
        fake.play(Raw(b"%bzz\r\n" % Renderer().render(Head(200))), Close())
        error = await failed_over_aiohttp(fake.base_url, "stream")

    assert asi1.APIConnectionError is type(error)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "https://otter.invalid"])
async def test_refused_connection_over_aiohttp_is_retried_and_counts_as_not_sent(url):
    """
    A refused connection and an unknown host name raise APIConnectionErrors over
    aiohttp; nothing was sent, so the call is retried.
    """
    error = await failed_over_aiohttp(url.format(port=closed_port()))

    assert asi1.APIConnectionError is type(error)
    assert "could not connect" in f"{error}"
    assert [False] * 3 == [each.sent for each in error.response.attempts]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_untrusted_certificate_over_aiohttp_is_not_retried(certificate):
    """
    A certificate that is not trusted raises an APIConnectionError without a retry.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failed_over_aiohttp(f"https://127.0.0.1:{port}")

    assert (1, False) == (len(error.response.attempts), error.sent)
    assert "no secure connection" in f"{error}"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("name", ["reset_before_headers", "close_before_headers"])
async def test_connection_closed_before_a_reply_over_aiohttp_counts_as_sent(name):
    """
    If the server closes the connection before it replies, the call is retried, and each
    attempt counts as sent, although httpx-aiohttp reports a connect timeout.
    """
    with FakeASI1() as fake:
        fake.fault(name, times=None)
        error = await failed_over_aiohttp(fake.base_url)

    assert asi1.APIConnectionError is type(error)
    assert [True] * 3 == [each.sent for each in error.response.attempts]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_map_returns_the_error_of_a_refused_connection_over_aiohttp():
    """
    `map` with ``return_exceptions`` returns the error of a refused connection.
    """
    own, url = AiohttpTransport(), f"http://127.0.0.1:{closed_port()}"
    async with own, asi1.AsyncASI1(SECRET, url, transport=own, max_retries=0) as client:
        found = [
            each
            async for each in client.chat.completions.map(
                ["Hi"], return_exceptions=True
            )
        ]

    assert [asi1.APIConnectionError] == [type(each) for each in found]


async def raise_for_status(response):
    response.raise_for_status()


async def raise_after_reading(response):
    await response.aread()
    response.raise_for_status()


@pytest.mark.parametrize("hook", [raise_for_status, raise_after_reading])
@pytest.mark.parametrize("sockets", [False, True])
async def test_httpx_hook_that_raises_for_status_changes_neither_error_nor_retries(
    hook, sockets
):
    """
    If a hook of the user's httpx client raises httpx.HTTPStatusError, the call behaves
    as without the hook: it is retried, or raises the status's error with the server's
    message.
    """
    with FakeASI1() as fake:
        fake.fail(503, message="too busy", times=3)
        fake.fail(400, message="what is that")
        fake.reply("Fine.")
        options = {} if sockets else {"transport": fake.transport}
        limits = httpx.Limits(max_connections=1)
        retry = asi1.RetryPolicy(wait_first=0)
        async with httpx.AsyncClient(
            event_hooks={"response": [hook]}, limits=limits, **options
        ) as own:
            client = asi1.AsyncASI1(
                "sk-test", fake.base_url, http_client=own, retry=retry
            )
            with pytest.raises(asi1.InternalServerError, match="too busy") as caught:
                await client.chat.completions.create(messages="Hi")
            with pytest.raises(asi1.BadRequestError, match="what is that"):
                await client.chat.completions.create(messages="Hi")
            answer = await client.chat.completions.create(messages="Hi")

    assert (503, 3) == (caught.value.status_code, len(caught.value.response.attempts))
    assert "Fine." == answer.text


async def test_transport_that_raises_for_status_raises_asi1s_error_of_the_status(fake):
    """
    If a user's transport raises httpx.HTTPStatusError, the call raises the error of
    that status.
    """

    class Raising(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            response = await fake.transport.handle_async_request(request)
            response.request = request
            await response.aread()
            response.raise_for_status()

    fake.fail(422, message="no such thing")
    client = asi1.AsyncASI1("sk-test", transport=Raising(), max_retries=0)
    with pytest.raises(asi1.UnprocessableEntityError, match="no such thing"):
        await client.chat.completions.create(messages="Hi")


async def test_status_error_of_a_hooks_own_request_becomes_a_connection_error(fake):
    """
    If a hook sends a request of its own, and raises httpx.HTTPStatusError for that
    request, the call raises APIConnectionError. The error's cause has neither request
    nor response.
    """

    async def fetch_token(_):
        other = httpx.Request("GET", "https://token.example")
        httpx.Response(401, request=other).raise_for_status()

    hooks = {"response": [fetch_token]}
    async with httpx.AsyncClient(transport=fake.transport, event_hooks=hooks) as own:
        client = asi1.AsyncASI1("sk-test", http_client=own, max_retries=0)
        with pytest.raises(asi1.APIConnectionError, match="401") as caught:
            await client.chat.completions.create(messages="Hi")
    cause = caught.value.__cause__

    assert isinstance(cause, httpx.HTTPStatusError)
    assert cause.response is None
    with pytest.raises(RuntimeError, match="not been set"):
        _ = cause.request
