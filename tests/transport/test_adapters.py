"""
On asyncio, calls use asi1's own sockets; on trio, they use httpx's sockets. respx can
mock the calls on both.
"""

from __future__ import annotations

import functools
import logging
import sys
import types

from contextlib import aclosing
from unittest import mock

import httpcore
import httpx
import pytest
import respx

from asi1 import AsyncASI1, Limits
from asi1._transport.adapters import DirectTransport, is_genuine, preload_network
from asi1._transport.tls import placeholder_context
from asi1.testing import FakeASI1

from ..support.talk import until


ANSWER = {"choices": [{"message": {"content": "Mocked."}, "finish_reason": "stop"}]}


async def test_asyncio_uses_own_sockets_and_trio_those_of_httpx(anyio_backend_name):
    """
    On asyncio, requests use asi1's own sockets; on trio, they use httpx's sockets.
    """
    from asi1._transport.httpcore_network import HTTPCoreBackend

    await preload_network()
    async with aclosing(DirectTransport(placeholder_context())) as transport:
        by_httpx = transport._made()
        backend = by_httpx._pool._network_backend

    assert isinstance(backend, HTTPCoreBackend) is (anyio_backend_name == "asyncio")
    assert transport.on_asyncio is (anyio_backend_name == "asyncio")


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


def other(self, request):
    """Stand for httpx's and httpcore's functions that send requests."""


@functools.wraps(httpx.AsyncHTTPTransport.handle_async_request)
def wrapper(self, request):
    """Look like httpx's own function."""


class Equal:
    """A replacement that equals any function, as wrapt's wrappers equal theirs."""

    def __eq__(self, other):
        return True

    __hash__ = None


SENDERS = [
    httpx.AsyncHTTPTransport,
    httpcore.AsyncConnectionPool,
    httpcore.AsyncHTTPConnection,
    httpcore.AsyncHTTP11Connection,
]


@pytest.mark.parametrize("owner", SENDERS)
@pytest.mark.parametrize("replacement", [other, wrapper, mock.AsyncMock(), Equal()])
def test_replaced_function_of_httpx_or_httpcore_is_noticed(
    monkeypatch, owner, replacement
):
    """
    If a test library or an instrumentation replaces a function of httpx or httpcore
    that sends requests, calls pass through it, until the function is restored.
    """
    assert is_genuine()
    with monkeypatch.context() as patched:
        patched.setattr(owner, "handle_async_request", replacement)
        assert not is_genuine()

    assert is_genuine()


@pytest.mark.parametrize("half", [False, True], ids=["absent", "half-imported"])
def test_library_that_is_not_imported_has_nothing_replaced(monkeypatch, half):
    """
    While httpx and httpcore are not imported, or another thread has imported a half of
    them, nothing can be replaced; afterwards a replacement is noticed as ever.
    """
    with monkeypatch.context() as patched:
        for name in ("httpx", "httpcore"):
            if half:
                patched.setitem(sys.modules, name, types.ModuleType(name))
            else:
                patched.delitem(sys.modules, name)
        assert is_genuine()

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", other)
    assert not is_genuine()


@pytest.mark.parametrize("name", ["httpcore", "httpcore.http11", "httpcore.connection"])
def test_log_of_httpcore_is_noticed(name):
    """
    While a program logs what httpcore does, calls pass through httpcore.
    """
    logger = logging.getLogger(name)
    logger.setLevel("DEBUG")
    try:
        assert not is_genuine()
    finally:
        logger.setLevel("NOTSET")

    assert is_genuine()


async def test_connections_of_both_kinds_together_keep_the_limit(fake):
    """
    `max_connections` limits the connections that asi1 itself reads and those of httpx
    together: to open one of one kind, an idle one of the other kind is closed.
    """
    fake.reply("Hi.", times=None)
    limits = Limits(max_connections=1)

    async with AsyncASI1("k", fake.base_url, limits=limits) as client:
        for headers in [{}, {"connection": "keep-alive"}] * 3:
            await client.chat.completions.create(messages="Hi", extra_headers=headers)
            await until(lambda: fake.open_connections <= 1)


async def test_calls_pass_through_a_replaced_function_of_httpx(
    monkeypatch, anyio_backend_name
):
    """
    A program can replace httpx's function that sends requests, as pytest-httpx does,
    and sees the requests of a client that has made other calls before.
    """
    seen, send = [], httpx.AsyncHTTPTransport.handle_async_request

    async def watch(transport, request):
        seen.append(f"{request.url}")
        return await send(transport, request)

    with FakeASI1() as fake:
        fake.reply("Hello.", times=None)
        async with AsyncASI1("sk-test", fake.base_url) as client:
            await client.chat.completions.create(messages="Hi")
            monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", watch)
            answer = await client.chat.completions.create(messages="Hi")

    assert [f"{fake.base_url}/chat/completions"] == seen
    assert "Hello." == answer.text
