"""What a client and a transport of the user's own see of a call, and may do with it."""

from __future__ import annotations

import json

import httpx
import pytest

import asi1

from asi1.testing import FakeASI1


KEY = "test-key"
ANSWER = {"choices": [{"message": {"content": "Read."}, "finish_reason": "stop"}]}


class Reads(httpx.AsyncBaseTransport):
    """Reads each request and each reply whole before anybody else does."""

    def __init__(self, transport):
        self.inner = transport
        self.saw = []

    async def handle_async_request(self, request):
        self.saw.append(json.loads(request.content))
        response = await self.inner.handle_async_request(request)
        await response.aread()
        return response


class Signs(httpx.Auth):
    """Signs what a request says, and looks at the reply."""

    requires_request_body = requires_response_body = True

    def __init__(self):
        self.saw = []

    def auth_flow(self, request):
        self.saw.append(json.loads(request.content))
        self.saw.append((yield request).text)


async def ask(client):
    async with client:
        return (await client.chat.completions.create(messages="Hi")).text


async def test_a_transport_may_read_the_request_and_the_reply(fake):
    """
    A transport of the user's finds the body in the request, and may read the reply.
    """
    own = Reads(fake.transport)

    assert await ask(asi1.AsyncASI1(KEY, fake.base_url, transport=own))
    assert "Hi" == own.saw[0]["messages"][0]["content"]


async def test_hooks_of_a_client_may_read_the_request_and_the_reply(fake):
    """
    Hooks of the user's httpx client find the body in the request, and may read the
    reply.
    """
    saw = []

    async def asked(request):
        saw.append(json.loads(request.content))

    async def answered(response):
        saw.append(json.loads(await response.aread()))

    hooks = {"request": [asked], "response": [answered]}
    async with httpx.AsyncClient(transport=fake.transport, event_hooks=hooks) as own:
        text = await ask(asi1.AsyncASI1(KEY, fake.base_url, http_client=own))

    assert "Hi" == saw[0]["messages"][0]["content"]
    assert text == saw[1]["choices"][0]["message"]["content"]


async def test_hooks_may_read_replies_of_real_sockets():
    """
    A reply that a hook has read is not read from its connection again, which by then
    is another call's.
    """
    with FakeASI1() as served:

        async def answered(response):
            await response.aread()

        async with httpx.AsyncClient(event_hooks={"response": [answered]}) as own:
            client = asi1.AsyncASI1(KEY, served.base_url, http_client=own, timeout=10)
            texts = [
                (await client.chat.completions.create(messages="Hi")).text
                for _ in range(3)
            ]

    assert all(texts)


async def test_a_signature_covers_the_body(fake):
    """
    The auth of the user's httpx client signs the body that is sent.
    """
    signs = Signs()

    async with httpx.AsyncClient(transport=fake.transport, auth=signs) as own:
        assert await ask(asi1.AsyncASI1(KEY, fake.base_url, http_client=own))

    assert "Hi" == signs.saw[0]["messages"][0]["content"]
    assert "chat.completion" in signs.saw[1]


@pytest.mark.parametrize("lent", ["transport", "http_client"])
async def test_a_mock_sees_the_request_and_its_reply_is_the_answer(lent):
    """
    httpx's mock transport, lent or within a client that is lent, is asked what is
    sent, and what it answers is the answer.
    """
    saw = []

    def handler(request):
        saw.append(json.loads(request.content))
        return httpx.Response(200, json=ANSWER)

    mock = httpx.MockTransport(handler)
    async with httpx.AsyncClient(transport=mock) as client:
        own = {"transport": mock, "http_client": client}[lent]
        assert "Read." == await ask(
            asi1.AsyncASI1(KEY, "https://otter.example", **{lent: own})
        )

    assert "Hi" == saw[0]["messages"][0]["content"]


async def test_a_reply_that_cannot_be_read_takes_no_place():
    """
    A transport whose reply is of the blocking kind breaks its own calls, and the
    next ones find a connection free.
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
