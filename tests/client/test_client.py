"""The async client: its settings, requests, connections, and how it is closed."""

from __future__ import annotations

import asyncio
import ssl

from unittest import mock

import anyio
import httpx
import pytest

import asi1

from asi1._transport.loop_pools import POOL_SIZE
from asi1.testing import FakeASI1

from ..support.talk import in_process, until


KEY = "sk_very_secret"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"api_key": ""}, "empty", id="empty-key"),
        pytest.param({"api_key": "sk\nx"}, "position 3", id="key-with-newline"),
        pytest.param({"base_url": "ftp://x"}, "base_url", id="url-ftp"),
        pytest.param({"base_url": "http://api.asi1.ai"}, "unencrypted", id="url-http"),
        pytest.param(
            {"base_url": "https://u:p@x"}, "user or password", id="url-with-user"
        ),
        pytest.param({"timeout": 0}, "timeout", id="timeout-zero"),
        pytest.param({"timeout": "5"}, "timeout", id="timeout-str"),
        pytest.param({"max_retries": -1}, "max_retries", id="negative-retries"),
        pytest.param(
            {"max_retries": 1, "retry": asi1.RetryPolicy()},
            "not both",
            id="max-retries-and-policy",
        ),
        pytest.param({"model": ""}, "model", id="empty-model"),
        pytest.param(
            {"http_client": httpx.Client}, "http_client", id="http-client-class"
        ),
        pytest.param({"transport": object()}, "transport", id="transport-object"),
        pytest.param(
            {"default_headers": {"a b": "c"}},
            "default_headers",
            id="header-name-with-space",
        ),
        pytest.param({"default_query": {"a": []}}, "default_query", id="query-list"),
        pytest.param(
            {"default_options": {"temprature": 1}}, "temperature", id="misspelt-option"
        ),
    ],
)
@pytest.mark.parametrize("make", [asi1.AsyncASI1, asi1.ASI1])
def test_invalid_setting_is_refused_when_the_client_is_created(make, options, words):
    """
    An invalid setting raises a `ConfigurationError` when the client is created; the
    error names the setting and does not show the API key.
    """
    with pytest.raises(asi1.ConfigurationError, match=words) as caught:
        make(**{"api_key": KEY, "base_url": "https://example.org", **options})

    assert KEY not in str(caught.value)


async def test_http_client_and_transport_together_are_refused(fake):
    """
    A client that is given both `http_client` and `transport` raises a
    `ConfigurationError`.
    """
    async with httpx.AsyncClient() as user_provided:
        with pytest.raises(asi1.ConfigurationError, match="not both"):
            in_process(fake, http_client=user_provided)


def test_repr_of_a_client_and_its_parts_hides_the_api_key():
    """
    Neither the repr of a client nor the reprs of the objects that the client refers to
    contain the API key.
    """
    for make in (asi1.AsyncASI1, asi1.ASI1):
        client = make(KEY, "https://example.org/v1", model="asi1-extended")

        assert (
            f"<{make.__name__} base_url='https://example.org/v1' model='asi1-extended'>"
            == repr(client)
        )
        assert KEY not in repr(vars(client))
        parts = [client]
        for part in parts[:20]:
            parts += vars(part).values() if hasattr(part, "__dict__") else []
            assert KEY not in repr(part)


@pytest.mark.parametrize("kind", [asi1.AsyncASI1, asi1.ASI1])
def test_namespaces_of_a_client_are_the_same_objects_each_time(kind):
    """
    ``client.chat``, ``client.chat.completions`` and ``client.images`` are one object
    for each client, so that a method replaced by a test stays replaced.
    """
    client, child = kind("k"), kind("k").with_options(model="m")

    assert client.chat is client.chat
    assert client.chat.completions is client.chat.completions
    assert client.images is client.images
    assert child.chat is not client.chat
    patched = mock.Mock(return_value="Hi")
    with mock.patch.object(client.chat.completions, "create", patched):
        assert "Hi" == client.chat.completions.create(messages="?")
    assert "create" not in vars(client.chat.completions)


async def test_client_and_its_children_know_that_they_are_closed():
    """
    `is_closed` tells whether a client, or the client that it was made from, was closed
    by `aclose` or `close`. `copy` is another name for `with_options`.
    """
    client = asi1.AsyncASI1("k")
    child, unused = client.copy(model="m"), asi1.AsyncASI1("k")
    before = [each.is_closed() for each in (client, child, unused)]
    await client.close()
    await unused.aclose()

    assert [False] * 3 == before
    assert [True] * 3 == [each.is_closed() for each in (client, child, unused)]


async def test_call_without_streaming_sends_only_its_arguments(fake):
    """
    A call without streaming sends the model, the messages and the given options, and
    nothing else. Exactly one header contains the API key.
    """
    async with asi1.AsyncASI1(KEY, fake.base_url, transport=fake.transport) as client:
        await client.chat.completions.create(messages="Hi", temperature=0)

    (request,) = fake.requests
    assert ("POST", "/v1/chat/completions", "") == (
        request.method,
        request.path,
        request.query,
    )
    assert {
        "model": "asi1-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0,
    } == request.json
    assert ["authorization"] == [n for n, v in request.headers.items() if KEY in v]
    assert f"Bearer {KEY}" == request.headers["authorization"]
    assert request.headers["user-agent"].startswith("asi1-python/")


async def test_call_overrides_the_clients_default_headers_query_and_options(fake):
    """
    The client's default headers, query and options are sent with each call; the
    headers, query and options of the call take precedence.
    """
    async with in_process(
        fake,
        default_headers={"X-Team": "a", "X-Kept": "k"},
        default_query={"v": 1, "flag": True},
        default_options={"temperature": 1, "top_p": 0.5},
    ) as client:
        await client.chat.completions.create(
            messages="Hi",
            temperature=0,
            extra_headers={"x-team": "b"},
            extra_query={"v": 2},
            extra_body={"beam": 4},
            session_id="s-1",
        )

    (request,) = fake.requests
    assert "v=2&flag=true" == request.query
    assert (0, 0.5, 4) == tuple(
        request.json[name] for name in ("temperature", "top_p", "beam")
    )
    assert ("b", "k", "s-1") == tuple(
        request.headers[name] for name in ("x-team", "x-kept", "x-session-id")
    )


@pytest.mark.parametrize(
    "wrong", [{"temperature": 9}, {"messages": []}, {"timeout": -1}, {"stream": 1}]
)
async def test_wrong_argument_is_refused_before_a_request_is_sent(fake, wrong):
    """
    A wrong argument raises an `ArgumentError` that names the argument; no request is
    sent.
    """
    async with in_process(fake) as client:
        with pytest.raises(asi1.ArgumentError) as caught:
            await client.chat.completions.create(**{"messages": "Hi", **wrong})

    assert next(iter(wrong)) == caught.value.argument.split("[")[0]
    assert [] == fake.requests


async def test_request_method_of_a_client_calls_an_endpoint_of_any_path(fake):
    """
    `request` calls an endpoint by method and path, with query, headers and body, and
    returns the server's reply as bytes, str and JSON.
    """
    fake.reply_json({"data": ["é"]})
    fake.reply_json(b"no json", headers={"x-request-id": "r-9"})

    async with in_process(fake) as client:
        listed = await client.request("get", "/models", extra_query={"all": True})
        posted = await client.request(
            "POST", "/images", json={"a": 1}, extra_headers={"x-a": "b"}
        )

    first, second = fake.requests
    assert ("GET", "/v1/models", "all=true", b"") == (
        first.method,
        first.path,
        first.query,
        first.body,
    )
    assert "content-type" not in first.headers
    assert ("POST", "/v1/images", {"a": 1}, "b") == (
        second.method,
        second.path,
        second.json,
        second.headers["x-a"],
    )
    assert ({"data": ["é"]}, 200) == (listed.json(), listed.response.status)
    assert (b"no json", "no json", "r-9") == (
        posted.content,
        posted.text,
        posted.response.request_id,
    )
    with pytest.raises(asi1.APIResponseError, match="is not valid JSON"):
        posted.json()


async def test_request_method_of_a_client_retries_and_raises_like_chat_calls(fake):
    """
    A call of `request` is retried like a chat call, and raises the same errors.
    """
    fake.fail(503)
    fake.reply_json({})
    fake.fail(404, message="No such model.")
    fake.fault("reset_mid_body")

    async with in_process(fake) as client:
        reply = await client.request("GET", "/models")
        with pytest.raises(asi1.NotFoundError, match="No such model"):
            await client.request("GET", "/models")
        with pytest.raises(asi1.APIConnectionError):
            await client.request("GET", "/models")
        with pytest.raises(asi1.ArgumentError, match="path"):
            await client.request("GET", "https://elsewhere.org/")

    assert 2 == len(reply.response.attempts)


async def test_child_client_shares_its_parents_connections(fake):
    """
    A child client has its own settings, but uses its parent's connections; closing the
    child leaves the parent open.
    """
    async with asi1.AsyncASI1("one", fake.base_url, model="a") as parent:
        await parent.chat.completions.create(messages="Hi")
        async with parent.with_options(
            api_key="two",
            model="b",
            max_retries=0,
            timeout=5,
            default_headers={"x-a": "1"},
            default_query={"q": "1"},
            default_options={"temperature": 0},
        ) as child:
            await child.chat.completions.create(messages="Hi")
        with pytest.raises(asi1.ClientClosedError):
            await child.chat.completions.create(messages="Hi")
        await parent.chat.completions.create(messages="Hi")

    first, second, third = fake.requests
    assert {1} == {r.connection for r in fake.requests}
    assert ("Bearer one", "a", "") == (
        first.headers["authorization"],
        first.json["model"],
        first.query,
    )
    assert ("Bearer two", "b", "q=1", "1", 0) == (
        second.headers["authorization"],
        second.json["model"],
        second.query,
        second.headers["x-a"],
        second.json["temperature"],
    )
    assert (first.headers, first.body) == (third.headers, third.body)
    assert (5, asi1.Timeouts()) == (child.timeouts.total, parent.timeouts)
    assert parent.base_url == child.base_url == fake.base_url


async def test_with_options_refuses_max_retries_together_with_a_retry_policy(fake):
    """
    `with_options` accepts either `max_retries` or a retry policy; a call that passes
    both raises an error.
    """
    fake.fail(503, times=None)
    async with in_process(fake, retry=asi1.RetryPolicy(wait_first=0)) as client:
        for child in (
            client.with_options(max_retries=3),
            client.with_options(retry=asi1.RetryPolicy(attempts=2, wait_first=0)),
        ):
            with pytest.raises(asi1.InternalServerError):
                await child.chat.completions.create(messages="Hi")
        with pytest.raises(asi1.ConfigurationError, match="not both"):
            client.with_options(max_retries=1, retry=asi1.RetryPolicy())

    assert 4 + 2 == len(fake.requests)


async def test_closing_the_parent_closes_its_children(fake):
    """
    When a client is closed, its children are also closed. A closed client creates no
    further children.
    """
    parent = in_process(fake)
    child = parent.with_options(model="b")
    await parent.aclose()
    await parent.aclose()

    for call in (
        child.chat.completions.create(messages="Hi"),
        parent.request("GET", "/models"),
        parent.__aenter__(),
    ):
        with pytest.raises(asi1.ClientClosedError):
            await call
    with pytest.raises(asi1.ClientClosedError):
        child.chat.completions.stream(messages="Hi")
    with pytest.raises(asi1.ClientClosedError):
        child.with_options(model="c")
    await child.aclose()


async def test_closing_a_client_ends_its_calls_but_not_the_calls_of_its_parent(fake):
    """
    Closing a client makes its calls raise and closes its connections. Closing a child
    client ends the calls of the child, but not the calls of the parent.
    """
    fake.fault("stall_before_headers", times=None)
    parent = asi1.AsyncASI1("key", fake.base_url)
    child = parent.with_options(model="b")
    ended = []

    async def call(client, name):
        with pytest.raises(asi1.ASI1Error, match="closed"):
            await client.chat.completions.create(messages="Hi")
        ended.append(name)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, parent, "parent")
            tasks.start_soon(call, child, "child")
            await until(lambda: len(fake.requests) == 2)
            await child.aclose()
            await until(lambda: ended)
            assert ["child"] == ended
            await parent.aclose()

    assert ["child", "parent"] == ended
    await until(lambda: fake.open_connections == 0)


@pytest.mark.virtual_time
async def test_cancelled_call_has_ended_before_its_caller_goes_on(fake):
    """
    A cancelled caller goes on only after its request has been cancelled and the tasks
    of its call have ended.
    """
    fake.fault("stall_before_headers")

    async with in_process(fake) as client:
        with anyio.move_on_after(1):
            await client.chat.completions.create(messages="Hi")

        assert not client._engine.tasks
        assert "left" == fake.requests[0].outcome


async def test_user_provided_http_client_is_used_and_not_closed(fake):
    """
    A user-provided httpx client is used with its own settings, and stays open when the
    asi1 client is closed.
    """
    async with httpx.AsyncClient(headers={"x-own": "yes"}) as user_provided:
        async with asi1.AsyncASI1(
            "key", fake.base_url, http_client=user_provided
        ) as client:
            await client.chat.completions.create(messages="Hi")

        assert "yes" == fake.requests[0].headers["x-own"]
        assert not user_provided.is_closed
        assert (await user_provided.get(fake.base_url + "/none")).status_code == 404


async def test_closed_user_provided_http_client_raises_client_closed(fake):
    """
    If the user closes a user-provided httpx client, before or after the first call,
    later calls raise a `ClientClosedError` that names `http_client`.
    """
    user_provided = httpx.AsyncClient()
    client = asi1.AsyncASI1("key", fake.base_url, http_client=user_provided)
    await client.chat.completions.create(messages="Hi")
    await user_provided.aclose()

    with pytest.raises(asi1.ClientClosedError, match="http_client"):
        await client.chat.completions.create(messages="Hi")
    with pytest.raises(asi1.ClientClosedError, match="http_client"):
        await asi1.AsyncASI1(
            "key", fake.base_url, http_client=user_provided
        ).chat.completions.create(messages="Hi")


class UserTransport(httpx.AsyncBaseTransport):
    """
    A transport that forwards requests to *inner*; `closed` tells if it was closed.
    """

    def __init__(self, inner):
        self.inner = inner
        self.closed = False

    async def handle_async_request(self, request):
        return await self.inner.handle_async_request(request)

    async def aclose(self):
        self.closed = True


async def test_user_provided_transport_is_used_and_not_closed(fake):
    """
    A user-provided transport sends every request, and stays open when the client is
    closed.
    """
    user_provided = UserTransport(fake.transport)
    async with asi1.AsyncASI1("key", fake.base_url, transport=user_provided) as client:
        await client.chat.completions.create(messages="Hi")

    assert 1 == len(fake.requests)
    assert not user_provided.closed


async def test_garbage_collected_client_closes_its_connections(fake):
    """
    A client to which the program has no reference left closes its connections.
    """

    async def call():
        await asi1.AsyncASI1("key", fake.base_url).chat.completions.create(
            messages="Hi"
        )

    await call()

    await until(lambda: fake.open_connections == 0)


def test_one_client_serves_event_loops_in_several_threads(fake):
    """
    Event loops in several threads use one client at the same time, each with its own
    connections. Closing the client in one thread ends the calls of all threads.
    """
    client = asi1.AsyncASI1("key", fake.base_url)
    fake.fault("stall", times=None)

    async def main():
        def in_thread():
            async def read():
                with pytest.raises(asi1.ASI1Error, match="closed"):
                    async with client.chat.completions.stream(messages="Hi") as stream:
                        async for _ in stream:
                            pass

            asyncio.run(read())

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(anyio.to_thread.run_sync, in_thread)
                await until(lambda: len(fake.requests) == 3)
                await client.aclose()

    asyncio.run(main())

    assert {1, 2, 3} == {request.connection for request in fake.requests}


@pytest.mark.system
async def test_hundred_concurrent_calls_stay_within_max_connections(fake):
    """
    A hundred concurrent calls get their hundred answers over at most `max_connections`
    connections.
    """
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)
    texts = [f"number {number}" for number in range(100)]
    got = {}
    async with asi1.AsyncASI1(
        "key", fake.base_url, limits=asi1.Limits(max_connections=20)
    ) as client:

        async def call(text):
            got[text] = (await client.chat.completions.create(messages=text)).text

        async with anyio.create_task_group() as tasks:
            for text in texts:
                tasks.start_soon(call, text)

    assert {text: text for text in texts} == got
    assert 20 >= len({request.connection for request in fake.requests})


async def test_cookie_of_a_reply_is_not_sent_with_the_next_call(fake):
    """
    A cookie that the server sets is not sent with the next call.
    """
    fake.reply("Hi.", headers={"set-cookie": "track=1; Path=/"}, times=None)

    async with asi1.AsyncASI1("key", fake.base_url) as client:
        for _ in range(2):
            await client.chat.completions.create(messages="Hi")

    assert "cookie" not in fake.requests[1].headers


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_user_provided_http_client_stores_and_sends_cookies(fake):
    """
    A user-provided httpx client stores the cookies of replies and sends them, as it
    does without asi1. The response metadata does not contain the cookies.
    """
    fake.reply("Hi.", headers={"set-cookie": "track=1; Path=/"}, times=None)

    async with httpx.AsyncClient() as own:
        client = asi1.AsyncASI1("key", fake.base_url, http_client=own)
        for _ in range(2):
            answer = await client.chat.completions.create(messages="Hi")

    assert [None, "track=1"] == [r.headers.get("cookie") for r in fake.requests]
    assert "set-cookie" not in answer.response.headers


async def test_redirect_target_gets_no_request(fake):
    """
    The server that a redirect names as its target gets no request, and therefore no API
    key.
    """
    with FakeASI1() as elsewhere:
        fake.fault("redirect", location=elsewhere.base_url + "/x", status=308)
        async with asi1.AsyncASI1("key", fake.base_url) as client:
            with pytest.raises(asi1.APIStatusError, match="not followed"):
                await client.chat.completions.create(messages="Hi")

        assert [] == elsewhere.requests


async def test_refused_connection_names_host_and_port_after_three_attempts():
    """
    If no server listens at the address, a call raises after three attempts. The error
    names host and port and says that nothing was sent. No frame of asi1 in its
    traceback contains the API key.
    """
    with FakeASI1() as fake:
        port = fake.port

    async with asi1.AsyncASI1(
        KEY, f"http://127.0.0.1:{port}/v1", retry=asi1.RetryPolicy(wait_first=0)
    ) as client:
        with pytest.raises(
            asi1.APIConnectionError, match=f"127.0.0.1:{port}"
        ) as caught:
            await client.chat.completions.create(messages="Hi")

    attempts = caught.value.response.attempts
    assert (False, [False] * 3) == (caught.value.sent, [a.sent for a in attempts])
    frames, error = [], caught.value
    while error is not None:
        frames += frames_of_asi1(error.__traceback__)
        error = error.__cause__ or error.__context__
    assert not [frame for frame in frames if KEY in repr(frame.f_locals)]


def frames_of_asi1(traceback):
    while traceback is not None:
        if "/tests/" not in traceback.tb_frame.f_code.co_filename:
            yield traceback.tb_frame
        traceback = traceback.tb_next


@pytest.mark.system
@pytest.mark.parametrize(
    "fault", ["keepalive_then_close_idle", "keepalive_then_rst_on_reuse", "idle_408"]
)
async def test_call_succeeds_after_its_idle_connection_was_closed(fake, fault):
    """
    When the server closes or breaks an idle connection, the next call succeeds over a
    new connection.
    """
    fake.fault(fault)

    async with asi1.AsyncASI1("key", fake.base_url) as client:
        await client.chat.completions.create(messages="Hi")
        await anyio.sleep(0.1)
        assert (await client.chat.completions.create(messages="Hi")).text


@pytest.fixture
def secure_port(certificate):
    """Serve an answer over TLS; yield the port and a list that grows by one item for
    each connection.
    """
    body = b'{"choices": [{"message": {"content": "Safe."}}]}'
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with anyio.from_thread.start_blocking_portal() as portal:
        connections = []

        async def answer(reader, writer):
            connections.append(1)
            while await reader.readuntil(b"\r\n\r\n"):
                await reader.readuntil(b"}]}")
                writer.write(head + body)
                await writer.drain()

        async def answer_until_closed(reader, writer):
            try:
                await answer(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        async def serve():
            return await asyncio.start_server(
                answer_until_closed, "127.0.0.1", 0, ssl=context
            )

        server = portal.call(serve)
        try:
            yield server.sockets[0].getsockname()[1], connections
        finally:
            portal.call(server.close)


async def test_certificate_that_cannot_be_verified_raises_without_a_retry(secure_port):
    """
    A server certificate that cannot be verified raises an error that gives the reason;
    there is only one attempt, and no request is sent.
    """
    port, connections = secure_port

    async with asi1.AsyncASI1(KEY, f"https://127.0.0.1:{port}/v1") as client:
        with pytest.raises(asi1.APIConnectionError, match="self-signed") as caught:
            await client.chat.completions.create(messages="Hi")

    assert (False, False) == (caught.value.sent, caught.value.retryable)
    assert 1 == len(caught.value.response.attempts)
    assert [] == connections


async def test_unreadable_ssl_cert_file_is_a_configuration_error(monkeypatch, tmp_path):
    """
    If SSL_CERT_FILE names a file without certificates, a call raises a
    `ConfigurationError` that names the file.
    """
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))

    async with asi1.AsyncASI1(KEY, "https://api.invalid/v1") as client:
        with pytest.raises(asi1.ConfigurationError, match=r"broken\.pem"):
            await client.chat.completions.create(messages="Hi")


async def test_unusable_proxy_is_a_configuration_error(monkeypatch):
    """
    If an environment variable sets a proxy URL that cannot be used, a call raises a
    `ConfigurationError` that names the variable.
    """
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")

    async with asi1.AsyncASI1(KEY, "https://api.invalid/v1") as client:
        with pytest.raises(asi1.ConfigurationError, match="HTTPS_PROXY"):
            await client.chat.completions.create(messages="Hi")


async def test_proxy_is_ignored_for_a_server_on_this_machine(fake, monkeypatch):
    """
    A server on this machine is called directly, even if an environment variable sets a
    proxy.
    """
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with asi1.AsyncASI1("key", fake.base_url) as client:
        assert (await client.chat.completions.create(messages="Hi")).text


async def test_concurrent_first_calls_create_no_unneeded_connection_pools(secure_port):
    """
    32 calls that begin together, before any connection is open, create no more
    connection pools than are needed for 32 connections.
    """
    port, _ = secure_port
    client = asi1.AsyncASI1(KEY, f"https://127.0.0.1:{port}/v1")

    async def call():
        with pytest.raises(asi1.APIConnectionError):
            await client.chat.completions.create(messages="Hi")

    async with client:
        async with anyio.create_task_group() as tasks:
            for _ in range(32):
                tasks.start_soon(call)
        (here,) = client._engine.resources.transport.pools._by_loop.values()
        made = len(here.pools)

    assert 32 / POOL_SIZE >= made


class Pieces(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """A transport and its reply, whose fragments can all be read without waiting."""

    def __init__(self, kind, pieces):
        self.kind, self.pieces = kind, pieces

    async def handle_async_request(self, request):
        headers = {"content-type": self.kind}
        return httpx.Response(200, headers=headers, stream=self)

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece


@pytest.mark.system
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_other_tasks_run_while_a_large_body_is_read(kind):
    """
    Other tasks keep running while a call reads a body, even if all fragments of the
    body can be read without waiting.
    """
    body = Pieces(kind, [b"{"] * 20_000)
    steps = 0

    async def count():
        nonlocal steps
        while True:
            await anyio.lowlevel.checkpoint()
            steps += 1

    async with (
        asi1.AsyncASI1("sk-test", "http://127.0.0.1:1", transport=body) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(count)
        completions = client.with_options(max_retries=0).chat.completions
        with pytest.raises(asi1.ASI1Error):
            if kind == "application/json":
                await completions.create(messages="Hi")
            else:
                await completions.stream(messages="Hi").get_final_completion()
        group.cancel_scope.cancel()

    assert 50 < steps


@pytest.mark.parametrize("argument", ["retry", "limits", "rate_limit", "hooks"])
@pytest.mark.parametrize("value", [3, print, "x"])
def test_setting_of_a_wrong_type_is_refused_when_the_client_is_created(argument, value):
    """
    A setting of a wrong type raises a `ConfigurationError` that names the setting when
    the client is created.
    """
    with pytest.raises(asi1.ConfigurationError, match=f"^{argument}: must be"):
        asi1.ASI1("sk-test", **{argument: value})


@pytest.mark.parametrize(
    "limits",
    [
        httpx.Limits(),
        httpx.Limits(max_connections=1, keepalive_expiry=None),
        httpx.Limits(max_connections=1, max_keepalive_connections=0),
    ],
    ids=["unlimited", "never-expiring", "no-keepalive"],
)
async def test_client_accepts_the_limits_of_httpx(fake, limits):
    """
    A client takes an ``httpx.Limits`` as its limits, and its calls succeed.
    """
    fake.reply("Hi", times=None)

    async with asi1.AsyncASI1("k", fake.base_url, limits=limits) as client:
        for _ in range(2):
            assert "Hi" == (await client.chat.completions.create(messages="Hi")).text
