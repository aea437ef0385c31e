"""Which servers need no proxy of the environment, and which proxies can be used."""

from __future__ import annotations

import ssl

from contextlib import nullcontext

import anyio
import httpcore
import pytest

from asi1 import AsyncASI1, ConfigurationError
from asi1._transport import httpcore_internals
from asi1._transport.adapters import preload_network
from asi1._transport.proxies import needs_no_proxy, proxy_transport
from asi1._transport.tunnel import TunnelBackend
from asi1.testing import FakeASI1


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
        ("*.otter.example", "https://a.b.otter.example/v1", True),
        ("*.otter.example", "https://fox.example/v1", False),
        ("*.otter.example", "https://notter.example/v1", False),
        ("*.otter.example:443", "https://api.otter.example/v1", True),
        ("*.otter.example:80", "https://api.otter.example/v1", False),
        ("fox.example, *.OTTER.Example ", "https://api.otter.example/v1", True),
        ("fox.example otter.example", "https://otter.example/v1", True),
        (" \totter.example\n", "https://otter.example/v1", True),
        ("otter.example.", "https://otter.example/v1", True),
        (".otter.example.", "https://api.otter.example/v1", True),
        ("otter.example", "https://otter.example./v1", True),
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
def test_no_proxy_variable_may_contain_hosts_addresses_and_networks(
    entries, url, direct
):
    """
    NO_PROXY may contain host names, addresses and networks of IPv4 and IPv6, with or
    without ports; an entry of another form is ignored.
    """
    assert direct is needs_no_proxy(entries, url)


@pytest.mark.parametrize("entries", ["fd00::/8", "::1/128", "[::1]", "[::1"])
async def test_no_proxy_variable_with_only_ipv6_keeps_host_names_proxied(
    monkeypatch, entries
):
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
def test_unusable_proxy_raises_unless_the_no_proxy_variable_has_the_host(
    entries, unusable
):
    """
    If the environment names an unusable proxy, a ConfigurationError is raised. If
    NO_PROXY contains the server's host, the proxy is ignored instead.
    """
    proxies = {"https": "otter://proxy.example", "no": entries}
    found = pytest.raises(ConfigurationError) if unusable else nullcontext()

    with found:
        transport = proxy_transport(
            ssl.create_default_context(),
            None,
            "https://otter.example/v1",
            proxies,
        )
        assert transport is None


@pytest.mark.system
@pytest.mark.parametrize(
    ("url", "proxy", "tunnelled"),
    [
        ("https://otter.example/v1", "http://proxy.example", True),
        ("https://otter.example/v1", "https://proxy.example", True),
        ("https://otter.example/v1", "proxy.example:3128", True),
        ("https://otter.example/v1", "socks5://proxy.example", True),
        ("http://otter.example/v1", "socks5h://proxy.example", True),
        ("http://otter.example/v1", "http://proxy.example", False),
    ],
)
async def test_only_plain_http_is_forwarded_by_an_http_proxy(url, proxy, tunnelled):
    """
    asi1 opens the tunnels through proxies itself. A request to ``http://`` goes to an
    HTTP proxy without a tunnel, by httpcore.
    """
    await preload_network()
    context = ssl.create_default_context()
    transport = proxy_transport(context, None, url, {"all": proxy})

    network = transport._pool._network_backend
    assert tunnelled is isinstance(network, TunnelBackend)
    await transport.aclose()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tunnel_is_used_only_with_known_releases_of_httpcore(monkeypatch, backend):
    """
    With unknown releases of httpx or httpcore, httpx's own proxies are used, so that a
    proxy of the environment is never bypassed.
    """
    monkeypatch.setattr(httpcore_internals, "_KNOWN", False)
    context = ssl.create_default_context()

    async def classes():
        await preload_network()
        proxies = {"all": "http://proxy.example"}
        found = proxy_transport(context, None, "https://otter.example/v1", proxies)
        return type(found._pool)

    assert httpcore.AsyncHTTPProxy is anyio.run(classes, backend=backend)
