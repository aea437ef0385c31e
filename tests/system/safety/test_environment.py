"""
How clients use the proxies and CA files that environment variables set, and how errors
name these variables.
"""

from __future__ import annotations

import os
import sys

import pytest

import asi1

from asi1.testing import FakeASI1

from .search import KEY, found, in_error
from .talk import CREATE_AND_STREAM, call, call_blocking, strays


PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
# 0.0.0.0 needs no name lookup, and no server listens on port 1, so a call to this URL
# fails without leaving this machine.
NOWHERE = "https://0.0.0.0:1/v1"
QUICK = {"max_retries": 0, "timeout": asi1.Timeouts(total=60, connect=60)}

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
    """Run a fake server as a proxy that answers each request itself."""
    with FakeASI1(seed=6) as fake:
        fake.reply("I am between you.", times=None)
        yield fake


def proxied(monkeypatch, proxy):
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_proxy_is_not_used_for_this_machine(monkeypatch, fake, proxy, host):
    """
    A call to a server on this machine does not use the proxy that environment variables
    set.
    """
    if host == "127.0.0.2" and sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8")
    fake.reply("I am here.", times=None)
    proxied(monkeypatch, proxy)
    url = fake.base_url.replace("127.0.0.1", host)
    if host == "127.0.0.2":  # the fake does not listen here, so calls fail
        url, host = f"http://127.0.0.2:{fake.port}", "refused"

    async with asi1.AsyncASI1(KEY, url, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            answer, _ = await call(client, stream=stream)
            if host == "refused":
                assert isinstance(answer, asi1.APIConnectionError)
            else:
                assert "I am here." == answer.text

    assert [] == proxy.requests


def test_blocking_client_does_not_use_a_proxy_for_this_machine(
    monkeypatch, fake, proxy
):
    """
    A blocking call to a server on this machine does not use the proxy that environment
    variables set.
    """
    fake.reply("I am here.", times=None)
    proxied(monkeypatch, proxy)

    with asi1.ASI1(KEY, fake.base_url) as client:
        answer, _ = call_blocking(client, stream=True)

    assert "I am here." == answer.text
    assert [] == proxy.requests


@needs_linux
async def test_proxy_is_used_for_other_machines(monkeypatch, fake, proxy):
    """
    A call to a host that is neither localhost nor a loopback address uses the proxy
    that environment variables set, so the tests above would notice a proxy.
    """
    proxied(monkeypatch, proxy)
    url = f"http://0.0.0.0:{fake.port}/v1"

    async with asi1.AsyncASI1(KEY, url, allow_insecure_http=True, **QUICK) as client:
        answer, _ = await call(client, stream=False)

    assert "I am between you." == answer.text
    assert [] == fake.requests
    assert [] == strays(proxy.requests)


@needs_linux
async def test_trust_env_false_ignores_proxies_and_ca_files(monkeypatch, fake, proxy):
    """
    With ``trust_env=False`` a client ignores the proxies and CA files that environment
    variables set.
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


async def test_proxy_of_an_https_call_does_not_see_the_api_key(monkeypatch, proxy):
    """
    A call to an https:// URL opens a tunnel through the proxy: the proxy sees the host
    and port, and never the API key.
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


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("value", UNUSABLE)
async def test_invalid_proxy_error_names_its_variable(monkeypatch, value, stream):
    """
    An invalid proxy URL raises a ConfigurationError that names the environment variable
    and does not contain the proxy's password or the API key.
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
async def test_invalid_proxy_error_contains_no_api_key_and_no_password(
    monkeypatch, value
):
    """
    Neither the API key nor the proxy's password is in any part of the error for an
    invalid proxy URL, or in the local variables of the error's traceback.
    """
    monkeypatch.setenv("HTTPS_PROXY", value)

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert [] == in_error(error)
    assert [] == in_error(error, "hunter22")


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "http", "https"])
async def test_proxy_that_cannot_be_reached_gets_neither_api_key_nor_request(
    monkeypatch, name, scheme
):
    """
    A proxy whose port is closed makes the call raise an `APIConnectionError` with a
    false ``sent``. The error contains neither the key nor the proxy's password. SOCKS
    needs no further package.
    """
    monkeypatch.setenv(name, f"{scheme}://otter:hunter22@127.0.0.1:1")

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=False)

    assert asi1.APIConnectionError is type(error)
    assert not error.sent
    assert "could not connect" in str(error)
    assert [] == in_error(error)
    assert [] == in_error(error, "hunter22")


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_proxy_port_above_65535_raises_an_asi1_error(monkeypatch, stream):
    """
    A proxy whose port is too large for a socket makes the call raise an error of asi1
    that does not contain the API key.
    """
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:99999")

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.ASI1Error)
    assert [] == in_error(error)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("kind", ["missing", "folder", "not-a-certificate"])
async def test_invalid_ca_file_is_named_in_the_error(
    monkeypatch, tmp_path, kind, stream
):
    """
    If SSL_CERT_FILE names a missing or invalid file, a call raises a ConfigurationError
    that names the variable and the file.
    """
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind == "not-a-certificate":
        path.write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    async with asi1.AsyncASI1(KEY, NOWHERE, **QUICK) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.ConfigurationError)
    assert "SSL_CERT_FILE" in str(error)
    assert str(path) in str(error)
    assert [] == in_error(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_calls_to_this_machine_ignore_proxies_but_not_ca_files(
    monkeypatch, scheme
):
    """
    Proxies of the environment do not affect calls to this machine, but a CA file does,
    if the call needs TLS.
    """
    for name in PROXIES:
        monkeypatch.setenv(name, "gopher://x")

    async with asi1.AsyncASI1(KEY, f"{scheme}://127.0.0.1:1", **QUICK) as client:
        error, _ = await call(client, stream=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    async with asi1.AsyncASI1(KEY, f"{scheme}://127.0.0.1:1", **QUICK) as client:
        later, _ = await call(client, stream=False)

    assert isinstance(error, asi1.APIConnectionError)
    assert "could not connect" in str(error)
    expected = {"http": asi1.APIConnectionError, "https": asi1.ConfigurationError}
    assert isinstance(later, expected[scheme])
