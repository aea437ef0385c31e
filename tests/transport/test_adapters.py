"""
Calls use asi1's own sockets on asyncio and httpx's sockets on trio. respx can mock the
calls on both.
"""

from __future__ import annotations

import httpx
import respx

from asi1 import AsyncASI1
from asi1._transport.adapters import DirectTransport, preload_httpcore
from asi1._transport.tls import placeholder_context
from asi1.testing import FakeASI1


ANSWER = {"choices": [{"message": {"content": "Mocked."}, "finish_reason": "stop"}]}


async def test_asyncio_uses_own_sockets_and_trio_those_of_httpx(anyio_backend_name):
    """
    On asyncio, requests use asi1's own sockets; on trio, they use httpx's sockets.
    """
    from asi1._transport.connect import AsyncioBackend

    await preload_httpcore()
    async with DirectTransport(placeholder_context(), httpx.Limits()) as transport:
        backend = transport._pool._network_backend

    assert isinstance(backend, AsyncioBackend) is (anyio_backend_name == "asyncio")


async def test_respx_mocks_a_client_with_open_connections():
    """
    respx mocks the calls of a client that has made real calls before; when respx stops,
    calls reach the server again.
    """
    with FakeASI1() as fake:
        fake.reply("Real.", times=None)
        texts = []
        async with AsyncASI1("sk-test", fake.base_url) as client:
            for mocked in (False, True, False):
                with respx.mock(assert_all_called=False) as router:
                    route = router.post(f"{fake.base_url}/chat/completions")
                    route.respond(json=ANSWER) if mocked else route.pass_through()
                    answer = await client.chat.completions.create(messages="Hi")
                texts.append(answer.text)

    assert ["Real.", "Mocked.", "Real."] == texts
    assert 2 == len(fake.requests)
