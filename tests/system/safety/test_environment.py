"""Proxies and CA files of the environment: heeded where they should be, else named."""

from __future__ import annotations

import os
import sys

import pytest

import asi1

from asi1.testing import FakeASI1

from .search import KEY, found, in_error
from .talk import CREATE_AND_STREAM, call, call_blocking, strays


PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
# Nobody listens there, and no name has to be looked up: nothing leaves this machine.
NOWHERE = "https://0.0.0.0:1/v1"
QUICK = {"max_retries": 0, "timeout": 5}

needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="0.0.0.0 is this machine on Linux only"
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("SSL"):
            monkeypatch.delenv(name)


@pytest.fixture
def proxy():
    """A server that a client takes for its proxy, and that answers for all others."""
    with FakeASI1(seed=6) as fake:
        fake.reply("I am between you.", times=None)
        yield fake


def proxied(monkeypatch, proxy):
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_no_proxy_is_between_here_and_here(monkeypatch, fake, proxy, host):
    """
    A server on this machine is never called through a proxy of the environment.
    """
    if host == "127.0.0.2" and sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8")
    fake.reply("I am here.", times=None)
    proxied(monkeypatch, proxy)
    url = fake.base_url.replace("127.0.0.1", host)
    if host == "127.0.0.2":  # the fake listens on one address
        url, host = f"http://127.0.0.2:{fake.port}", "refused"

    async with asi1.AsyncASI1(KEY, url, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            answer, _ = await call(client, stream=stream)
            if host == "refused":
                assert isinstance(answer, asi1.APIConnectionError)
            else:
                assert "I am here." == answer.text

    assert [] == proxy.requests


def test_no_proxy_is_between_here_and_here_for_blocking_callers(
    monkeypatch, fake, proxy
):
    """
    The same holds for the blocking client.
    """
    fake.reply("I am here.", times=None)
    proxied(monkeypatch, proxy)

    with asi1.ASI1(KEY, fake.base_url) as client:
        answer, _ = call_blocking(client, stream=True)

    assert "I am here." == answer.text
    assert [] == proxy.requests


@needs_linux
async def test_a_proxy_is_used_for_other_machines(monkeypatch, fake, proxy):
    """
    A proxy of the environment is used for what is not this machine by its name; which
    shows that the tests above would see it.
    """
    proxied(monkeypatch, proxy)
    url = f"http://0.0.0.0:{fake.port}/v1"

    async with asi1.AsyncASI1(KEY, url, allow_insecure_http=True, **QUICK) as client:
        answer, _ = await call(client, stream=False)

    assert "I am between you." == answer.text
    assert [] == fake.requests
    assert [] == strays(proxy.requests)


@needs_linux
async def test_the_environment_can_be_ignored(monkeypatch, fake, proxy):
    """
    With ``trust_env=False`` proxies and CA files of the environment do not count.
    """
    fake.reply("I am here.", times=None)
    proxied(monkeypatch, proxy)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    url = f"http://0.0.0.0:{fake.port}/v1"
    options = {"trust_env": False, **QUICK}

    async with asi1.AsyncASI1(KEY, url, allow_insecure_http=True, **options) as client:
        answer, _ = await call(client, stream=False)
    async with asi1.AsyncASI1(KEY, NOWHERE, **options) as client:
        error, _ = await call(client, stream=False)

    assert "I am here." == answer.text
    assert isinstance(error, asi1.APIConnectionError)
    assert "could not connect" in str(error)
    assert [] == proxy.requests


async def test_a_proxy_sees_no_key_of_a_secure_call(monkeypatch, proxy):
    """
    Through a proxy, an https:// call asks for a tunnel: the proxy sees host and port.
    """
    proxied(monkeypatch, proxy)

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert ["CONNECT"] * 2 == [request.method for request in proxy.requests]
    assert [] == found([vars_of(request) for request in proxy.requests])


def vars_of(request):
    return [request.path, request.query, dict(request.headers), request.body]


UNUSABLE = [
    "gopher://127.0.0.1:1",
    "://",
    "http://127.0.0.1:abc",
    "http://user:hunter22/x@127.0.0.1:1",
    "gopher://user:hunter22@127.0.0.1:1",
    "http://a\nb",
]


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
@pytest.mark.parametrize("value", UNUSABLE)
async def test_an_unusable_proxy_is_named(monkeypatch, value, stream):
    """
    A proxy that cannot be one is an error that names the variables, and does not tell
    its password.
    """
    for name in PROXIES:
        with monkeypatch.context() as env:
            env.setenv(name, value)
            async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
                error, _ = await call(client, stream=stream)

        assert isinstance(error, asi1.ConfigurationError)
        assert name in str(error)
        assert "hunter22" not in repr(error)
        assert KEY not in repr(error)


@pytest.mark.parametrize("value", UNUSABLE)
async def test_an_unusable_proxy_leaves_no_trace(monkeypatch, value):
    """
    Neither the key nor the password of the proxy is in any part of that error, or in
    the variables of the frames that it passed.
    """
    monkeypatch.setenv("HTTPS_PROXY", value)

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert [] == in_error(error)
    assert [] == in_error(error, "hunter22")


@pytest.mark.parametrize("name", PROXIES)
async def test_a_missing_package_for_a_proxy_is_named(monkeypatch, name):
    """
    A SOCKS proxy without the package for it is an error that names both.
    """
    if "socksio" in sys.modules:
        pytest.skip("the package is there")
    monkeypatch.setenv(name, "socks5://127.0.0.1:1")

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert isinstance(error, asi1.ConfigurationError)
    assert name in str(error)
    assert "socksio" in str(error)
    assert [] == in_error(error)


@pytest.mark.parametrize("value", ["[::1]", "fe80::/10", "fd00::/8,localhost"])
async def test_an_unreadable_exception_from_proxies_is_named(monkeypatch, value):
    """
    A NO_PROXY that httpx cannot read is an error that names it, if there is a proxy.
    """
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", value)

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert isinstance(error, asi1.ConfigurationError)
    assert "NO_PROXY" in str(error)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
async def test_a_port_beyond_all_ports_is_an_error_of_ours(monkeypatch, stream):
    """
    A proxy whose port is too large for a socket fails as a connection does.
    """
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:99999")

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.ASI1Error)
    assert [] == in_error(error)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
@pytest.mark.parametrize("kind", ["missing", "folder", "no-certificate"])
async def test_an_unreadable_ca_file_is_named(monkeypatch, tmp_path, kind, stream):
    """
    A CA file that is missing, or is none, is an error that names the variable and the
    file.
    """
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind == "no-certificate":
        path.write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.ConfigurationError)
    assert "SSL_CERT_FILE" in str(error)
    assert str(path) in str(error)
    assert [] == in_error(error)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
async def test_a_broken_environment_is_no_matter_on_this_machine(monkeypatch, url):
    """
    Calls of this machine do not fail for a proxy or CA file that is not for them.
    """
    for name in PROXIES:
        monkeypatch.setenv(name, "gopher://x")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")

    async with asi1.AsyncASI1(KEY, url, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert isinstance(error, asi1.APIConnectionError)
    assert "could not connect" in str(error)
