"""Requests go to the server of the base URL, and nowhere else."""

from __future__ import annotations

import httpx
import pytest

import asi1

from asi1.testing import Data, FakeASI1, Head

from .search import KEY, found, in_error
from .talk import CREATE_AND_STREAM, call, call_blocking, strays


@pytest.fixture
def elsewhere():
    with FakeASI1(seed=6) as fake:
        yield fake


STATUSES = [300, 301, 302, 303, 304, 305, 307, 308, 399]
both_forms = pytest.mark.parametrize(
    "stream", CREATE_AND_STREAM, ids=["create", "stream"]
)


@both_forms
@pytest.mark.parametrize("status", STATUSES)
async def test_redirect_to_another_server_is_an_error(fake, elsewhere, status, stream):
    """
    A redirect to another server raises an APIStatusError that names the target; nothing
    is sent to the target, and the call is not retried.
    """
    target = f"{elsewhere.base_url}/chat/completions"
    fake.fault("redirect", status=status, location=target, times=None)

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIStatusError)
    assert (status, f"redirected to {target}; redirects are not followed") == (
        error.status_code,
        error.message,
    )
    assert [] == in_error(error)
    assert [] == elsewhere.requests
    assert 1 == len(fake.requests)


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://127.0.0.1:{port}/v1/elsewhere", id="same-origin"),
        pytest.param("/v1/elsewhere", id="path"),
        pytest.param("elsewhere", id="relative"),
        pytest.param("?again=1", id="query"),
        pytest.param("", id="empty"),
        pytest.param("//127.0.0.1:{other}/v1/x", id="without-scheme"),
        pytest.param("http://localhost:{other}/v1/x", id="other-host"),
        pytest.param("http://user:pw@127.0.0.1:{other}/v1/x", id="user"),
        pytest.param("https://127.0.0.1:{other}/v1/x", id="https"),
        pytest.param("http://127.0.0.1:{other}\\@127.0.0.1:{port}/", id="backslash"),
        pytest.param("http://[", id="invalid-url"),
        pytest.param("javascript:alert(1)", id="javascript"),
    ],
)
async def test_no_redirect_is_followed(fake, elsewhere, location):
    """
    A redirect is not followed, whether its target is another server or the same one.
    """
    target = location.format(port=fake.port, other=elsewhere.port)
    fake.fault("redirect", location=target, times=None)

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIError)

    assert [] == elsewhere.requests
    assert ["/v1/chat/completions"] * 2 == [r.path for r in fake.requests]


async def test_user_provided_client_does_not_follow_redirects(fake, elsewhere):
    """
    An httpx client with follow_redirects=True follows no redirect in calls of asi1.
    """
    target = f"{elsewhere.base_url}/chat/completions"
    fake.fault("redirect", location=target, times=None)

    async with (
        httpx.AsyncClient(follow_redirects=True) as own,
        asi1.AsyncASI1(KEY, fake.base_url, http_client=own) as client,
    ):
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIStatusError)

    assert [] == elsewhere.requests


def test_blocking_client_does_not_follow_redirects(fake, elsewhere):
    """
    A redirect makes a blocking call raise an APIStatusError, and is not followed.
    """
    fake.fault("redirect", location=f"{elsewhere.base_url}/x", times=None)

    with asi1.ASI1(KEY, fake.base_url) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = call_blocking(client, stream=stream)
            assert isinstance(error, asi1.APIStatusError)
        with pytest.raises(asi1.APIStatusError):
            client.request("GET", "/models")

    assert [] == elsewhere.requests


@pytest.mark.parametrize(
    "cookie",
    [
        "a=1",
        "a=1; Path=/",
        "a=1; Domain=127.0.0.1; Path=/",
        "a=1; Path=/v1; Max-Age=9999; HttpOnly; SameSite=None",
        "a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
    ],
)
async def test_cookies_are_neither_stored_nor_sent(fake, cookie):
    """
    Cookies that a server sets in any response are not sent with later requests, and are
    not in the answer, the error or their response metadata.
    """
    headers = {"set-cookie": cookie}
    fake.reply("Hi.", headers=headers)
    fake.reply("Hi.", headers=headers)
    fake.fail(401, headers=headers)
    fake.play(Head(307, (("set-cookie", cookie), ("location", "/")), "length"))

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        results = [
            (await call(client, stream=stream))[0]
            for stream in (False, True, False, False, False)
        ]

    assert 5 == len(fake.requests)
    assert not [r for r in fake.requests if "cookie" in r.headers]
    assert [] == found(results, text="a=1")


async def test_each_client_sends_its_own_api_key(fake, elsewhere):
    """
    Clients of two servers, and a client that with_options creates with another key,
    each send their own key.
    """
    async with (
        asi1.AsyncASI1(KEY, fake.base_url) as one,
        asi1.AsyncASI1("sk_other_0123456789", elsewhere.base_url) as two,
    ):
        child = two.with_options(api_key="sk_child_0123456789")
        for client in (one, two, child, one):
            await call(client, stream=False)

    assert [] == strays(fake.requests)
    assert ["Bearer sk_other_0123456789", "Bearer sk_child_0123456789"] == [
        request.headers["authorization"] for request in elsewhere.requests
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://127.0.0.1:8080",
        "http://127.255.255.254",
        "http://127.8.9.1/v1",
        "http://[::1]",
        "http://[::1]:8080/v1",
        "http://localhost",
        "http://LOCALHOST:1",
        "HTTP://localhost/v1",
        "https://otter.example",
    ],
)
def test_http_url_of_this_machine_is_accepted(url):
    """
    An http:// base URL is accepted if its host is localhost or a loopback address.
    """
    assert asi1.AsyncASI1(KEY, url).base_url.lower().startswith(url.lower()[:16])


@pytest.mark.parametrize(
    "url",
    [
        "http://otter.example",
        "http://128.0.0.1",
        "http://10.0.0.1",
        "http://192.168.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://[fe80::1]",
        "http://127.0.0.1.otter.example",
        "http://localhost.otter.example",
        "http://otter.example.localhost",
        "http://localhost%2eotter.example",
        "http://127.0.0.1%00.otter.example",
        "http://127.0.0.1\\.otter.example",
        "http://127.0.0.1\t.otter.example",
        "http://127.0.0.1:80:80",
        "http://[::1]otter.example",
        "http://otter.example[::1]",
        "http://[::1].otter.example:80",
        "http://2130706433.otter.example",
        "http://l\u00f6calhost",
        "http://\uff4cocalhost",
        "http://user:password@localhost",
        "http://user@127.0.0.1",
        "http://:password@127.0.0.1",
        "http://@127.0.0.1",
        "https://user:password@otter.example",
        "https://user%40x:y@otter.example",
        "http://127.0.0.1#@otter.example",
        "http://otter.example#@127.0.0.1",
        "http://127.0.0.1?@otter.example",
        "http://127.0.0.1\\@otter.example",
        "https://otter.example/v1?key=x",
        "https://otter.example/v1\r\nx: y",
        "//otter.example",
        "file:///etc/passwd",
        "unix:///run/x",
        "",
    ],
)
@pytest.mark.parametrize("make", [asi1.AsyncASI1, asi1.ASI1])
def test_http_url_of_another_machine_or_invalid_url_is_refused(make, url):
    """
    A base URL is refused if it is http:// to another machine, contains a user name or
    password, or is invalid. The error does not contain the password.
    """
    with pytest.raises(asi1.ConfigurationError, match=r"^base_url: ") as caught:
        make(KEY, url)

    assert [] == found(caught.value, text=":password")


def test_invalid_base_url_of_the_environment_is_refused(monkeypatch):
    """
    An ASI1_BASE_URL that is http:// to another machine, or has a password, is refused.
    """
    for url in ("http://otter.example", "https://user:password@otter.example"):
        monkeypatch.setenv("ASI1_BASE_URL", url)

        with pytest.raises(asi1.ConfigurationError, match="ASI1_BASE_URL") as caught:
            asi1.AsyncASI1(KEY)

        assert "password@" not in repr(caught.value)


async def test_path_that_looks_like_a_url_leads_to_no_other_server(fake, elsewhere):
    """
    A path that looks like another server's URL raises an error or goes to the base URL.
    """
    there = f"127.0.0.1:{elsewhere.port}"

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        for path in (f"//{there}/v1/x", f"http://{there}/", f"@{there}/", f"\\{there}"):
            with pytest.raises(asi1.ArgumentError, match="path"):
                await client.request("GET", path)
        for path in (f"/@{there}/", f"/..@{there}", f"/%2f/{there}", "/a\r\nhost: b"):
            with pytest.raises(asi1.NotFoundError):
                await client.request("GET", path)

    assert [] == elsewhere.requests
    assert [] == strays(fake.requests)


async def test_client_does_not_request_the_urls_in_a_response(fake, elsewhere):
    """
    The client does not request the URLs in the headers and the body of a response.
    """
    link = f"{elsewhere.base_url}/x"
    headers = (("link", f"<{link}>; rel=preload"), ("refresh", f"0; url={link}"))
    headers += (("alt-svc", f'h2="127.0.0.1:{elsewhere.port}"'), ("location", link))
    body = b'{"choices": [{"message": {"content": "%b"}}]}' % link.encode()
    fake.play(Head(200, headers), Data(body), times=None)

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        for _ in range(2):
            answer, _ = await call(client, stream=False)
            assert link == answer.text

    assert [] == elsewhere.requests
