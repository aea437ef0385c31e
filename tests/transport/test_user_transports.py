"""A user's own httpx client or transport can read a call's request and reply."""

from __future__ import annotations

import json

import httpx
import pytest

import asi1

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


async def test_reply_read_by_a_hook_is_not_read_from_its_socket_again():
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


async def test_auth_of_a_user_client_signs_the_body(fake):
    """
    The httpx.Auth of the user's httpx client signs exactly the body that is sent.
    """
    signs = BodySigningAuth()

    async with httpx.AsyncClient(transport=fake.transport, auth=signs) as own:
        assert await ask(asi1.AsyncASI1(KEY, fake.base_url, http_client=own))

    assert "Hi" == signs.saw[0]["messages"][0]["content"]
    assert "chat.completion" in signs.saw[1]


@pytest.mark.parametrize("argument", ["transport", "http_client"])
async def test_mock_transport_sees_the_request_and_gives_the_answer(argument):
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


async def test_blocking_reply_of_a_user_transport_frees_its_connection():
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
