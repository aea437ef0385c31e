"""What clients and transports a user may provide, and what is sent through them."""

from __future__ import annotations

import asyncio
import gc

import aiohttp
import anyio
import httpx
import httpx2
import pytest

from httpx_aiohttp import AiohttpTransport

import asi1

from asi1.testing import FakeASI1

from ..support.user_transport import Wrapping


KEY = "sk-lighthouse-0123456789"
FAMILIES = pytest.mark.parametrize("family", [httpx, httpx2], ids=["httpx", "httpx2"])


@pytest.mark.system
@pytest.mark.parametrize("make", [asi1.ASI1, asi1.AsyncASI1])
@pytest.mark.parametrize(
    ("argument", "given", "message"),
    [
        ("http_client", httpx.Client, r"httpx\.AsyncClient\(\.\.\.\) with the same"),
        ("http_client", httpx2.Client, r"httpx2\.AsyncClient\(\.\.\.\) with the same"),
        ("http_client", object, r"for ASI1 too, not object$"),
        ("http_client", httpx.AsyncHTTPTransport, r"not httpx\.AsyncHTTPTransport$"),
        ("transport", httpx.HTTPTransport, r"httpx\.AsyncHTTPTransport\(\.\.\.\) with"),
        ("transport", httpx2.HTTPTransport, r"httpx2\.AsyncHTTPTransport\(\.\.\.\)"),
        ("transport", httpx.AsyncClient, r"not httpx\.AsyncClient$"),
    ],
)
def test_blocking_client_or_transport_is_refused_with_what_to_pass(
    make, argument, given, message
):
    """
    A blocking client or transport of httpx or httpx2 is refused by both clients; the
    error says which class to pass instead.
    """
    with pytest.raises(asi1.ConfigurationError, match=message) as caught:
        make(KEY, **{argument: given()})

    assert str(caught.value).startswith(f"{argument}: must be an httpx.Async")


@FAMILIES
async def test_query_of_a_call_is_added_to_that_of_the_users_client(family):
    """
    The parameters of the user's client, of ``default_query`` and of ``extra_query`` are
    all sent; if two have the same name, the one given to asi1 is sent.
    """
    with FakeASI1() as fake:
        params = {"team": "otters", "version": "1"}
        async with family.AsyncClient(params=params) as own:
            client = asi1.AsyncASI1(
                KEY, fake.base_url, http_client=own, default_query={"version": 2}
            )
            await client.chat.completions.create(messages="Hi")
            await client.chat.completions.create(
                messages="Hi", extra_query={"a b": "c&d"}
            )
        targets = [each.query for each in fake.requests]

    assert "team=otters&version=2" == targets[0]
    assert {("team", "otters"), ("version", "2"), ("a b", "c&d")} == set(
        httpx.QueryParams(targets[1]).multi_items()
    )


@FAMILIES
async def test_url_timeout_and_limits_of_httpx_or_httpx2_are_accepted(family):
    """
    `httpx.URL`, `httpx.Timeout` and `httpx.Limits`, of httpx or of httpx2, are accepted
    as URL, timeout and limits of a client.
    """
    with FakeASI1() as fake:
        async with asi1.AsyncASI1(
            KEY,
            family.URL(fake.base_url),
            timeout=family.Timeout(7.0),
            limits=family.Limits(max_connections=3),
        ) as client:
            answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert (fake.base_url, 7.0) == (client.base_url, client.timeouts.idle)
    with pytest.raises(asi1.ConfigurationError, match="user or password"):
        asi1.AsyncASI1(KEY, family.URL("https://me:secret@otter.example"))


@pytest.mark.system
@FAMILIES
@pytest.mark.parametrize("read", [False, True])
async def test_hook_that_raises_for_status_does_not_change_the_error_of_a_429(
    family, read
):
    """
    A hook that raises for a status changes nothing: a 429 is a `RateLimitError` with
    ``retry_after``, the server's message and the usual retries.
    """

    async def hook(response):
        if read:
            await response.aread()
        response.raise_for_status()

    with FakeASI1() as fake:
        fake.fail(429, message="slow down", headers={"retry-after-ms": "20"}, times=3)
        async with family.AsyncClient(event_hooks={"response": [hook]}) as own:
            client = asi1.AsyncASI1(KEY, fake.base_url, http_client=own)
            with pytest.raises(asi1.RateLimitError, match="slow down") as caught:
                await client.chat.completions.create(messages="Hi")
            answer = await client.chat.completions.create(messages="Hi")

    assert (3, 0.02) == (len(caught.value.response.attempts), caught.value.retry_after)
    assert answer.text


@pytest.mark.system
@pytest.mark.parametrize("form", ["create", "stream"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("reset_before_headers", asi1.APIConnectionError),
        ("not_http", asi1.APIConnectionError),
        ("reset_mid_body", asi1.APIConnectionError),
        ("redirect", asi1.APIStatusError),
    ],
)
async def test_errors_of_httpx2_become_those_of_asi1(fault, kind, form):
    """
    An error of httpx2 becomes the error of asi1 that one of httpx becomes, with as
    many attempts, and shows no key.
    """
    failed = []
    for family in (httpx, httpx2):
        with FakeASI1() as fake:
            fake.fault(fault, times=None)
            async with family.AsyncClient(follow_redirects=True) as own:
                client = asi1.AsyncASI1(
                    KEY,
                    fake.base_url,
                    http_client=own,
                    retry=asi1.RetryPolicy(wait_first=0),
                )
                with pytest.raises(asi1.APIError) as caught:
                    if form == "create":
                        await client.chat.completions.create(messages="Hi")
                    else:
                        completions = client.chat.completions
                        await completions.stream(messages="Hi").get_final_completion()
            error = caught.value
            assert KEY not in f"{error!r} {error.__cause__!r} {vars(error)}"
            sent = [each.sent for each in error.response.attempts]
            failed.append((type(error), sent))

    assert failed[0] == failed[1]
    assert issubclass(failed[0][0], kind | asi1.StreamError)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_session_of_another_event_loop_is_refused_with_the_reason(fake):
    """
    A transport with a user's own aiohttp session works on the event loop of the session
    only; on another event loop, the call raises an error that says so, and what to pass
    instead.
    """
    async with aiohttp.ClientSession() as session:
        own = AiohttpTransport(client=session)
        client = asi1.AsyncASI1(KEY, fake.base_url, transport=own)
        assert (await client.chat.completions.create(messages="Hi")).text

        def elsewhere():
            asyncio.run(client.chat.completions.create(messages="Hi"))

        with pytest.raises(asi1.ConfigurationError, match="another event loop"):
            await anyio.to_thread.run_sync(elsewhere)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_function_that_makes_aiohttp_sessions_serves_each_event_loop(fake):
    """
    A function that makes sessions is called once in each event loop.
    """
    made = []

    def make():
        made.append(aiohttp.ClientSession(headers={"x-own": "yes"}))
        return made[-1]

    async with AiohttpTransport(client=make) as own:
        client = asi1.AsyncASI1(KEY, fake.base_url, transport=own)
        assert (await client.chat.completions.create(messages="Hi")).text
        await anyio.to_thread.run_sync(
            lambda: asyncio.run(client.chat.completions.create(messages="Hi"))
        )

    assert 2 == len(made)
    assert ["yes"] * 2 == [each.headers["x-own"] for each in fake.requests]


def texts_on_two_loops(client):
    async def main():
        return (await client.chat.completions.create(messages="Hi")).text

    return [anyio.run(main, backend=loop) for loop in ("asyncio", "trio")]


@pytest.mark.system
@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("http_client", lambda: httpx.AsyncClient(mounts={"https://": Wrapping()})),
        ("http_client", lambda: httpx2.AsyncClient(mounts={"https://": None})),
        ("transport", Wrapping),
        ("transport", httpx2.AsyncHTTPTransport),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_second_event_loop_has_connections_of_its_own(fake, argument, make):
    """
    A second event loop, here of trio after asyncio, uses connections of its own, and
    the cookies of the user's client.
    """
    fake.reply("Hi.", headers={"set-cookie": "track=1; Path=/"}, times=None)
    texts = texts_on_two_loops(asi1.AsyncASI1(KEY, fake.base_url, **{argument: make()}))
    gc.collect()  # closes the connections of the first loop

    assert ["Hi."] * 2 == texts
    assert [1, 2] == [each.connection for each in fake.requests]
    cookie = "track=1" if argument == "http_client" else None
    assert [None, cookie] == [each.headers.get("cookie") for each in fake.requests]
