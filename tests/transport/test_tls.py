"""HTTPS calls on real sockets, with asyncio and trio."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time

from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
import pytest
import trustme

import asi1

from asi1 import RetryPolicy, Timeouts
from asi1._transport import network_errors
from asi1._transport import tls as _tls
from asi1._transport.connect import AsyncioNetwork

from ..support.front import Front, mute, served, trust_only
from ..support.peers import Place, broken_after, ends_handshake, replies, tls
from ..support.peers import served as served_peer
from ..support.talk import TEXT, backend_of, until


HOST, HIDDEN = "127.0.0.1", "otter.example"
LARGE = 32 * 1024 * 1024  # 32 MiB, more than all socket buffers


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def anyio_backend(request):
    return backend_of(request.param)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusted(authority, monkeypatch, tmp_path):
    """Make clients trust the tests' certificate authority, through SSL_CERT_FILE."""
    yield trust_only(authority, monkeypatch, tmp_path)
    _tls._contexts.clear()


def front_of(fake, authority, name=HOST, **settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return served(Front(context, fake.port, **settings))


@pytest.fixture
def front(fake, authority):
    with front_of(fake, authority) as running:
        yield running


def client_of(front, attempts=3, **options):
    retry = RetryPolicy(attempts=attempts, wait_first=0)
    url = f"https://{HOST}:{front.port}/v1"
    return asi1.AsyncASI1("sk-test", url, retry=retry, **options)


async def failure(client, **options):
    """Return the error that a call raises."""
    with anyio.fail_after(60), pytest.raises(asi1.APIConnectionError) as caught:
        await client.chat.completions.create(**({"messages": "Hi"} | options))
    return caught.value


async def test_calls_and_streams_share_one_tls_connection(fake, front):
    """
    Calls and streams over TLS, one after another, use a single connection.
    """
    async with client_of(front) as client:
        completions = client.chat.completions
        for _ in range(3):
            assert (await completions.create(messages="Hi")).text
            async with completions.stream(messages="Hi") as stream:
                answer = await stream.get_final_completion()
                assert answer.text

    assert 1 == front.handshakes
    assert 6 == len(fake.requests)
    await until(lambda: {"sent"} == {request.outcome for request in fake.requests})


async def test_many_concurrent_calls_over_tls_get_their_answers(fake, front):
    """
    Each concurrent call over TLS has its own connection and gets its own answer.
    """
    fake.reply("word " * 200, times=None)
    async with client_of(front) as client:
        texts = []

        async def ask():
            texts.append((await client.chat.completions.create(messages="Hi")).text)

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(ask)

    assert {fake_text := texts[0]} == set(texts)
    assert (12, "word ") == (len(texts), fake_text[:5])


@pytest.mark.system
async def test_slow_answer_does_not_cause_a_write_timeout(fake, front):
    """
    The write timeout covers only sending the request, not the wait for the answer, on
    new and on reused connections.
    """
    fake.reply("Hi", delay=0.4, times=None)
    timeout = Timeouts(write=0.2)

    async with client_of(front, 1, timeout=timeout) as client:
        for _ in range(2):
            assert "Hi" == (await client.chat.completions.create(messages="Hi")).text

    assert 1 == front.handshakes


@pytest.mark.system
async def test_large_request_over_tls_arrives_complete(fake, front):
    """
    A request of 3 MB, which TLS sends in many records, arrives completely.
    """
    text = "0123456789" * 300_000

    async with client_of(front) as client:
        await client.chat.completions.create(messages=text)

    assert text == fake.requests[0].json["messages"][0]["content"]


@pytest.mark.system
async def test_tls_server_that_reads_nothing_causes_a_write_timeout(fake, front):
    """
    A call over TLS whose request the server does not read raises `APITimeoutError` with
    "write" as its `phase`.
    """
    front.deaf = True
    timeout = Timeouts(write=0.2)
    async with client_of(front, 1, timeout=timeout) as client:
        error = await failure(client, messages="x" * LARGE)

    assert isinstance(error, asi1.APITimeoutError)
    assert "write" == error.phase


@pytest.mark.parametrize(
    ("name", "said"), [(HOST, "issuer|self-signed"), ("other.example", "mismatch")]
)
async def test_server_with_an_untrusted_certificate_gets_no_request(
    fake, authority, monkeypatch, name, said
):
    """
    If the server's certificate has an unknown issuer or another host name, the call
    sends nothing, is not retried, and raises an error that gives the reason.
    """
    issuer = authority if name != HOST else trustme.CA()
    with front_of(fake, issuer, name) as front:
        async with client_of(front) as client:
            error = await failure(client)

    assert (False, False, 1) == (
        error.sent,
        error.retryable,
        len(error.response.attempts),
    )
    with pytest.raises(asi1.APIConnectionError, match=said):
        raise error
    assert [] == fake.requests


@pytest.mark.system
async def test_stalled_tls_handshake_causes_a_connect_timeout():
    """
    If a server accepts a connection but does not answer the TLS handshake, the call
    raises `APITimeoutError` with "connect" as its `phase` and False as `sent`.
    """
    with mute() as port:
        url = f"https://{HOST}:{port}/v1"
        timeout = Timeouts(connect=0.2)
        async with asi1.AsyncASI1("k", url, timeout=timeout, max_retries=0) as client:
            error = await failure(client)

    assert isinstance(error, asi1.APITimeoutError)
    assert ("connect", False) == (error.phase, error.sent)


@pytest.mark.system
async def test_call_cancelled_in_the_tls_handshake_closes_its_connection():
    """
    A call that is cancelled while it waits for the handshake closes its connection.
    """
    with socket.create_server((HOST, 0)) as listening:
        listening.settimeout(60)
        url = f"https://{HOST}:{listening.getsockname()[1]}/v1"
        patient = Timeouts(connect=60)
        async with asi1.AsyncASI1("k", url, timeout=patient, max_retries=0) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: client.chat.completions.create(messages="Hi"))
                taken, _ = await anyio.to_thread.run_sync(listening.accept)
                tasks.cancel_scope.cancel()
            with taken:
                taken.settimeout(60)
                while await anyio.to_thread.run_sync(taken.recv, 4096):
                    pass  # the loop ends when the client closes the connection


async def test_stream_that_ends_without_tls_close_notify_is_interrupted(fake, front):
    """
    If the server closes the connection of a stream without a TLS close_notify, the
    stream raises `StreamInterruptedError` with the partial answer.
    """
    fake.fault("fin_mid_chunked", after_chunks=3)

    async with client_of(front) as client:
        said = []
        with anyio.fail_after(60), pytest.raises(asi1.StreamInterruptedError) as caught:
            async with client.chat.completions.stream(messages="Hi") as stream:
                async for piece in stream.text_stream:
                    said.append(piece)  # noqa: PERF401 - the loop ends in an error

    assert TEXT.startswith("".join(said))
    assert caught.value.partial.text == "".join(said) != ""


async def test_connection_closed_after_the_handshake_is_retried(fake, front):
    """
    If a connection ends right after its TLS handshake, the call is retried on another
    connection.
    """
    front.hang_ups = 2

    async with client_of(front) as client:
        with anyio.fail_after(60):
            answer = await client.chat.completions.create(messages="Hi")

    assert 3 == len(answer.response.attempts)
    assert 1 == len(fake.requests)


async def test_idle_tls_connection_closed_by_the_server_is_not_reused(fake, front):
    """
    After the server closed an idle TLS connection, the next call opens a new
    connection and succeeds at the first attempt.
    """
    fake.fault("keepalive_then_close_idle")

    async with client_of(front, 1) as client:
        await client.chat.completions.create(messages="Hi")
        await until(lambda: front.open == 0)
        with anyio.fail_after(60):
            await client.chat.completions.create(messages="Hi")

    assert 2 == front.handshakes


async def test_tls_calls_share_one_tunnel_through_a_proxy(fake, authority, monkeypatch):
    """
    Calls over TLS go through the proxy that an environment variable names, one after
    another over one connection. The proxy is asked for the server's name.
    """
    with front_of(fake, authority, HIDDEN) as front:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{front.proxy_port}")
        async with asi1.AsyncASI1("sk-test", f"https://{HIDDEN}/v1") as client:
            for _ in range(2):
                await client.chat.completions.create(messages="Hi")

    assert [b"CONNECT otter.example:443 HTTP/1.1"] == front.tunnels
    assert 2 == len(fake.requests)


@pytest.mark.system
@pytest.mark.parametrize("records", [1, 20])
@pytest.mark.parametrize("stream", [False, True])
async def test_answer_before_a_broken_tls_record_is_returned(
    authority, records, stream
):
    """
    A whole answer is returned although a broken TLS record arrives in the same packet,
    whether the answer is in one record or in many.
    """
    place = Place(authority, 0, 0)
    with served_peer(tls(broken_after(1, records)), place) as port:
        url = f"https://{HOST}:{port}/v1"
        async with asi1.AsyncASI1("sk-test", url, max_retries=0) as client:
            with anyio.fail_after(60):
                if stream:
                    answer = await client.chat.completions.stream(
                        messages="Hi"
                    ).get_final_completion()
                else:
                    answer = await client.chat.completions.create(messages="Hi")

    assert TEXT == answer.text


@pytest.mark.system
@pytest.mark.parametrize(
    ("peer", "sent", "tries"),
    [
        (tls(broken_after(0)), True, 1),
        (tls(replies(), "client"), True, 1),
        (tls(replies(), "client 1.2"), False, 1),
        (tls(replies(0)), True, 3),
        (ends_handshake, False, 3),
    ],
)
async def test_tls_error_is_not_retried_and_a_closed_connection_is_retried(
    authority, peer, sent, tries
):
    """
    An error of TLS is not retried: a broken record, or a server that wants a
    certificate of the client. A call whose connection just ends is retried.
    """
    with served_peer(peer, Place(authority, 0, 0)) as port:
        url = f"https://{HOST}:{port}/v1"
        retry = RetryPolicy(wait_first=0)
        async with asi1.AsyncASI1("sk-test", url, retry=retry) as client:
            error = await failure(client)

    assert (sent, tries) == (error.sent, len(error.response.attempts))
    assert (tries == 1) == ("no secure connection" in str(error))


@asynccontextmanager
async def secured(authority, size):
    """
    Yield a TLS connection; its server sends *size* bytes, then closes the connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    listener = socket.create_server((HOST, 0))
    listener.settimeout(120)

    def serve():
        with listener:
            sock, _ = listener.accept()
        sock.settimeout(120)
        with context.wrap_socket(sock, server_side=True) as secure:
            secure.sendall(bytes(size))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    plain = await AsyncioNetwork().connect_tcp(HOST, listener.getsockname()[1], 60)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    ours = await plain.start_tls(trusting, HOST, 60)
    try:
        yield ours
    finally:
        await ours.aclose()
        await anyio.to_thread.run_sync(thread.join, 120)


async def count_bytes(ours):
    """Read until the connection ends; return the number of bytes."""
    size = 0
    while data := await ours.read(65536, 60):
        size += len(data)
    return size


@pytest.fixture
def _not_trio(anyio_backend):
    if anyio_backend[0] == "trio":
        pytest.skip("trio has httpx's own sockets")


@pytest.mark.system
@pytest.mark.usefixtures("_not_trio")
async def test_tls_socket_buffers_at_most_one_mib_without_a_reader(authority):
    """
    Without a reader, a TLS socket buffers at most 1 MiB; a later reader gets all bytes.
    """
    async with secured(authority, LARGE) as ours:
        await until(lambda: ours._read_paused)
        await anyio.sleep(0.2)

        assert len(ours._received) <= 1024 * 1024
        assert LARGE == await count_bytes(ours)


@pytest.mark.usefixtures("_not_trio")
@pytest.mark.parametrize("linger", [(0, 0), (1, 0)], ids=["closed", "reset"])
async def test_tls_handshake_on_a_closed_connection_raises_connect_error(linger):
    """
    A TLS handshake on a connection that the server closed or reset raises ConnectError.
    """
    with socket.create_server((HOST, 0)) as listener:
        ours = await AsyncioNetwork().connect_tcp(HOST, listener.getsockname()[1], 5)
        theirs, _ = listener.accept()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *linger))
    theirs.close()
    await until(lambda: ours._ended)

    with (
        anyio.fail_after(60),
        pytest.raises(network_errors.ConnectError, match=r"hung|reset"),
    ):
        await ours.start_tls(ssl.create_default_context(), HOST, 60)
    await ours.aclose()


@pytest.mark.system
@pytest.mark.usefixtures("_not_trio")
async def test_tls_socket_buffers_at_most_one_mib_for_a_slow_reader(authority):
    """
    A TLS socket buffers at most 1 MiB even while a task reads more slowly than bytes
    arrive.
    """
    async with secured(authority, LARGE) as ours:
        most = 0
        for _ in range(200):
            await ours.read(20_000, 10)
            await anyio.sleep(0.002)
            most = max(most, len(ours._received))

        assert most <= 1024 * 1024
        await count_bytes(ours)


@pytest.mark.system
@pytest.mark.usefixtures("_not_trio")
@pytest.mark.parametrize("size", [100_000, 300_000, 1_000_000])
async def test_bytes_sent_right_before_a_tls_close_are_read(authority, size):
    """
    A reader gets all bytes that a server sends over TLS before it closes the
    connection, even if the server closes it before the event loop runs.
    """
    async with secured(authority, size) as ours:
        time.sleep(0.1)  # noqa: ASYNC251 - blocks the loop until the server closed
        assert size == await count_bytes(ours)
