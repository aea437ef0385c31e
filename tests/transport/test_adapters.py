"""
Calls use asi1's own sockets on asyncio and httpx's sockets on trio. respx can mock the
calls on both.
"""

from __future__ import annotations

import ssl

from contextlib import nullcontext

import httpx
import pytest
import respx

from asi1 import AsyncASI1, ConfigurationError
from asi1._transport.adapters import (
    DirectTransport,
    needs_no_proxy,
    preload_httpcore,
    proxy_transport,
)
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


@pytest.mark.parametrize(
    ("entries", "url", "direct"),
    [
        ("fd00::/8", "https://[fd00::1]:8000/v1", True),
        ("fd00::/8", "https://[2001:db8::1]/v1", False),
        ("fd00::/8", "https://otter.example/v1", False),
        ("::1/128,fe80::/10", "https://otter.example/v1", False),
        ("::1/128, fe80::/10", "https://[fe80::5]/v1", True),
        ("[fd00::]/8", "https://[fd00::1]/v1", True),
        ("2001:db8::1", "https://[2001:db8::1]/v1", True),
        ("[2001:db8::1]", "https://[2001:db8::1]/v1", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]/v1", True),
        ("[2001:db8::1]:80", "https://[2001:db8::1]/v1", False),
        ("10.0.0.0/8", "https://10.1.2.3/v1", True),
        ("10.0.0.5/8", "https://10.1.2.3/v1", True),
        ("10.0.0.0/8", "https://11.1.2.3/v1", False),
        ("10.1.2.3", "https://10.1.2.3/v1", True),
        ("10.1.2.3:8443", "https://10.1.2.3:8443/v1", True),
        ("example", "https://otter.example/v1", True),
        ("otter.example", "https://OTTER.example/v1", True),
        ("otter.example:443", "https://otter.example/v1", True),
        ("otter.example:80", "https://otter.example/v1", False),
        (".otter.example", "https://api.otter.example/v1", True),
        ("*.otter.example", "https://api.otter.example/v1", True),
        ("ter.example", "https://otter.example/v1", False),
        ("https://otter.example", "https://otter.example/v1", True),
        ("http://otter.example", "https://otter.example/v1", False),
        ("all://otter.example", "https://otter.example/v1", True),
        ("a, *", "https://otter.example/v1", True),
        ("", "https://otter.example/v1", False),
        (" , ,", "https://otter.example/v1", False),
        ("[::1,a:b:c,::/999,x:port", "https://otter.example/v1", False),
    ],
)
def test_no_proxy_may_contain_host_names_addresses_and_networks(entries, url, direct):
    """
    NO_PROXY may contain host names, addresses and networks of IPv4 and IPv6, with or
    without ports; an entry of another form is ignored.
    """
    assert direct is needs_no_proxy(entries, url)


@pytest.mark.parametrize("entries", ["fd00::/8", "::1/128", "[::1]", "[::1"])
async def test_no_proxy_with_only_ipv6_keeps_host_names_proxied(monkeypatch, entries):
    """
    If NO_PROXY contains only IPv6 addresses or networks, valid or not, a call to a host
    name still goes through the proxy.
    """
    with FakeASI1() as proxy:
        proxy.reply("Proxied.")
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, entries)
        async with AsyncASI1(
            "sk-test", "http://otter.example/v1", allow_insecure_http=True
        ) as client:
            answer = await client.chat.completions.create(messages="Hi")

    assert "Proxied." == answer.text


@pytest.mark.parametrize(
    ("entries", "unusable"),
    [("otter.example", False), ("*", False), ("fox.example", True), ("", True)],
)
def test_unusable_proxy_raises_unless_no_proxy_contains_the_host(entries, unusable):
    """
    If the environment names an unusable proxy, a ConfigurationError is raised. If
    NO_PROXY contains the server's host, the proxy is ignored instead.
    """
    proxies = {"https": "otter://proxy.example", "no": entries}
    found = pytest.raises(ConfigurationError) if unusable else nullcontext()

    with found:
        transport = proxy_transport(
            ssl.create_default_context(),
            httpx.Limits(),
            "https://otter.example/v1",
            proxies,
        )
        assert transport is None
