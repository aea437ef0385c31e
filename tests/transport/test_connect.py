"""
Happy eyeballs between the addresses of a host on asyncio; and, on all event loops,
requests that are too large to be sent at once.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import sys
import threading
import time

from contextlib import suppress
from pathlib import Path

import anyio
import pytest

import asi1

from asi1._transport import network_errors
from asi1._transport.adapters import DirectTransport
from asi1._transport.connect import AsyncioNetwork, find_addresses

from ..support.talk import backend_of, until
from ..support.virtual_time import VirtualTimeLoop


V4, V6 = socket.AF_INET, socket.AF_INET6
NAME = "otter.example"


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return backend_of(request.param)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


@pytest.fixture
def addresses(monkeypatch, listener):
    """
    Return a function that makes the host name resolve to one address per argument.

    Connecting to a "good" address succeeds, to a "bad" one fails, to a "slow" one never
    ends; *before* maps an argument to a coroutine function that runs first.
    """

    def build(*ways, before=None):
        kind = type(asyncio.get_running_loop())
        really, tried = kind.create_connection, []

        async def resolve(loop, host, port, **_):
            assert NAME == host
            named = [f"192.0.2.{n}-{way}" for n, way in enumerate(ways, 1)]
            return [(V4, 0, 0, "", (address, port)) for address in named]

        async def connect(loop, factory, host, port):
            tried.append(host)
            way = host.rpartition("-")[2]
            if before and way in before:
                await before[way]()
            if way == "slow":
                await anyio.sleep_forever()
            if way == "bad":
                raise OSError(f"no way to {host}")
            return await really(loop, factory, *listener.getsockname())

        monkeypatch.setattr(kind, "getaddrinfo", resolve)
        monkeypatch.setattr(kind, "create_connection", connect)
        return tried

    return build


async def connect(timeout=60):
    """Connect to the host name, then close the connection at once."""
    ours = await AsyncioNetwork().connect_tcp(NAME, 443, timeout)
    assert not ours.get_extra_info("is_readable")
    await ours.aclose()


# With a real clock, a machine that stalls for 0.25 s would try one more address.
in_virtual_time = pytest.mark.parametrize(
    "anyio_backend",
    [pytest.param(("asyncio", {"loop_factory": VirtualTimeLoop}), id="asyncio")],
)


@in_virtual_time
@pytest.mark.parametrize(
    ("ways", "attempts"),
    [
        pytest.param(["good", "bad"], 1, id="first"),
        pytest.param(["bad", "good", "slow"], 2, id="second"),
        pytest.param(["bad", "bad", "bad", "good"], 4, id="last"),
        pytest.param(["slow", "good"], 2, id="while-first-is-slow"),
    ],
)
async def test_addresses_are_tried_until_one_connects(addresses, ways, attempts):
    """
    A host's addresses are tried in order until one connects. The next address is tried
    when the one before fails or is slow.
    """
    tried = addresses(*ways)

    await connect()

    assert attempts == len(tried)


@pytest.mark.system
async def test_second_address_connects_while_the_first_is_slow(addresses):
    """
    While the first address is slow, the second is tried and connects.
    """
    tried = addresses("slow", "good")

    await connect()

    assert 2 == len(tried)


@in_virtual_time
async def test_second_address_is_not_tried_before_a_delay(addresses):
    """
    While the first address is slow, the second is tried only after a delay of 0.25 s.
    """
    tried = addresses("slow", "slow")

    with pytest.raises(network_errors.ConnectTimeout):
        await connect(0.24)

    assert 1 == len(tried)


async def test_connect_error_says_why_the_last_address_failed(addresses):
    """
    If no address connects, the error gives the reason why the last address failed.
    """
    addresses("bad", "bad")

    with pytest.raises(network_errors.ConnectError, match=r"^no way to 192\.0\.2\.2"):
        await connect()


async def test_cancelling_the_task_that_connects_raises_connect_error(addresses):
    """
    If other code cancels the tasks that connect to several addresses, the addresses
    count as failed, and the ConnectError says that the tasks were cancelled.
    """
    before = asyncio.all_tasks()
    tried = addresses("slow", "slow")
    connecting = asyncio.create_task(connect())
    await until(lambda: len(tried) == 2)
    for task in asyncio.all_tasks() - before - {connecting}:
        task.cancel()

    with pytest.raises(network_errors.ConnectError, match="cancelled from outside"):
        await connecting


def is_closed(peer):
    """Return whether the client has closed its end of the connection to *peer*."""
    peer.setblocking(False)
    try:
        return not peer.recv(1)
    except BlockingIOError:
        return False


async def test_one_of_two_connections_opened_at_the_same_moment_is_closed(
    addresses, listener
):
    """
    If two addresses connect at the same moment, one of the connections is closed.
    """
    both = anyio.Event()

    async def meet():
        if len(tried) == 2:
            both.set()
        await both.wait()

    tried = addresses("good", "good", before={"good": meet})
    ours = await AsyncioNetwork().connect_tcp(NAME, 443, 60)
    peers = [listener.accept()[0] for _ in range(len(tried))]
    await until(lambda: any(is_closed(peer) for peer in peers))

    assert [False, True] == sorted(is_closed(peer) for peer in peers)
    await ours.aclose()
    for peer in peers:
        peer.close()


async def test_cancelled_caller_closes_a_just_opened_connection(addresses, listener):
    """
    If a caller is cancelled after its connection opened, but before the connection is
    returned, the connection is closed.
    """
    cleaning, clean = anyio.Event(), anyio.Event()

    async def linger():
        try:
            await anyio.sleep_forever()
        finally:
            cleaning.set()
            with anyio.CancelScope(shield=True):
                await clean.wait()

    addresses("slow", "good", before={"slow": linger})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await cleaning.wait()
        peer, _ = listener.accept()
        tasks.cancel_scope.cancel()
        clean.set()

    with peer:
        await until(lambda: is_closed(peer))


def open_sockets():
    names = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(path.readlink()))
        except OSError:  # iterdir's own descriptor, which is closed by now
            continue
    return sum(name.startswith("socket:") for name in names)


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's full backlog, /proc")
async def test_caller_cancelled_between_two_addresses_leaves_no_socket(monkeypatch):
    """
    A caller that is cancelled while addresses are tried leaves no socket open.
    """
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        before = open_sockets()

        async def resolve(*_, **__):
            return [(V4, 0, 0, "", ("127.0.0.1", 0))] * 3

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(type(loop), "getaddrinfo", resolve)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(AsyncioNetwork().connect_tcp, NAME, full.getsockname()[1])
            await until(lambda: open_sockets() >= before + 2)
            tasks.cancel_scope.cancel()
        await until(lambda: before == open_sockets())
        for filler in fillers:
            filler.close()
    gc.collect()


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="none"),
        pytest.param(socket.gaierror(-2, "Name or service not known"), id="unknown"),
    ],
)
async def test_host_name_without_an_address_raises_connect_error(monkeypatch, found):
    """
    Connecting to a host name without an address raises ConnectError with the reason.
    """

    async def resolve(*_, **__):
        if isinstance(found, list):
            return found
        raise found

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with pytest.raises(network_errors.ConnectError, match=r"no address|not known"):
        await connect()


@pytest.mark.parametrize("name", ["otter..example", "o" * 64 + ".example"])
async def test_host_name_with_an_empty_or_long_label_raises_connect_error(name):
    """
    Connecting to a host name raises ConnectError if a label of the name, the part
    between two dots, is empty or too long.
    """
    with pytest.raises(network_errors.ConnectError):
        await AsyncioNetwork().connect_tcp(name, 443, 5)


async def test_connect_timeout_includes_resolving_the_host_name(monkeypatch):
    """
    The connect timeout includes the time for resolving the host name.
    """

    async def resolve(*_, **__):
        await anyio.sleep_forever()

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with anyio.fail_after(60), pytest.raises(network_errors.ConnectTimeout):
        await connect(0.05)


async def test_port_above_65535_raises_connect_error():
    """
    Connecting to a port above 65535 raises ConnectError, as httpx's own sockets do.
    """
    with pytest.raises(network_errors.ConnectError):
        await AsyncioNetwork().connect_tcp("127.0.0.1", 65536 + 1, 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_ip_address_needs_no_resolver(monkeypatch, host):
    """
    Connecting to an IP address does not call the resolver.
    """

    async def resolve(*_, **__):
        pytest.fail("the resolver was asked")

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    assert [(host, 80)] == await find_addresses(host, 80)


async def test_ipv6_and_ipv4_addresses_alternate(monkeypatch):
    """
    IPv6 and IPv4 addresses are tried alternately, so that a machine that lacks one of
    the two protocols soon tries the other.
    """

    async def resolve(*_, **__):
        six = [(V6, 0, 0, "", (f"fe80::{n}", 80, 0, 0)) for n in range(3)]
        return [*six, (V4, 0, 0, "", ("192.0.2.1", 80)), (V4, 0, 0, "", ("::", 80))]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    hosts = [host for host, _ in await find_addresses(NAME, 80)]

    assert ["fe80::0", "192.0.2.1", "fe80::1", "::", "fe80::2"] == hosts


class LateReader:
    """
    A server that reads only the beginning of each request, then calls *what* with the
    connection's socket and the number of unread bytes of the request.
    """

    def __init__(self, what, context=None):
        self._what = what
        self._context = context
        # A small receive buffer keeps the kernel from buffering a body of 1 MB. It is
        # set on the listener, because accepted sockets inherit its size.
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self._listener.close()

    def let_read(self, sock):
        """
        Under TLS, let the client read before the connection closes: a TCP reset during
        the client's write discards the bytes not yet decrypted.
        """
        if isinstance(sock, ssl.SSLSocket):
            self.over.wait(60)

    def _serve(self):
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._play, args=(sock,), daemon=True).start()

    def _play(self, sock):
        with suppress(OSError), sock:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            sock.settimeout(60)
            got = b""
            while b"\r\n\r\n" not in got:
                got += sock.recv(1000)
            head, _, body = got.lower().partition(b"\r\n\r\n")
            size = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            with sock:
                self._what(self, sock, int(size) - len(body))


def refuse_and_close(server, sock, _):
    sock.sendall(REFUSAL)
    server.let_read(sock)


def refuse_and_reset(server, sock, _):
    sock.sendall(REFUSAL)
    server.let_read(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def refuse_and_keep_open(server, sock, _):
    sock.sendall(REFUSAL)
    server.over.wait(60)


def hint_refuse_and_keep_open(server, sock, _):
    sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    refuse_and_keep_open(server, sock, _)


def answer_and_keep_open(server, sock, _):
    sock.sendall(ANSWERED)
    server.over.wait(60)


def keep_silent(server, _, __):
    server.over.wait(60)


def answer_slow_reader(_, sock, left):
    """
    Read 50 KB/s for twice the write timeout. During this time, the client's kernel
    accepts no byte for longer than the write timeout. Then read the rest faster, and
    answer.
    """
    slow = time.monotonic() + 2 * WRITE
    while left > 0:
        left -= len(sock.recv(4096))
        if time.monotonic() < slow:
            time.sleep(0.08)
    sock.sendall(ANSWERED)


def continue_then_answer(_, sock, left):
    sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while left > 0:
        left -= len(sock.recv(65536))
    sock.sendall(ANSWERED)


ERROR_BODY = b'{"error": {"message": "much too large"}}'
REFUSAL = (
    b"HTTP/1.1 413 No\r\ncontent-length: %d\r\n\r\n" % len(ERROR_BODY) + ERROR_BODY
)
ANSWER = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}'
ANSWERED = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER
LOOPS = ["asyncio", "uvloop", "trio"]
LONG = "x" * 2**20
# The write timeout in seconds, long enough for a busy machine.
WRITE = 1.0


on_each_loop = pytest.mark.parametrize("anyio_backend", LOOPS, indirect=True)
with_and_without_tls = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


async def ask_at_length(what, certificate, *, tls, write=60.0):
    """Send 1 MB to a `LateReader`; return the answer or error, and `connections`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with LateReader(what, context if tls else None) as server:
        async with (
            DirectTransport(trusting)._made() as own,
            asi1.AsyncASI1(
                "sk-test",
                f"{'https' if tls else 'http'}://127.0.0.1:{server.port}",
                transport=own,
                retry=asi1.RetryPolicy(wait_first=0),
                timeout=asi1.Timeouts(connect=60, write=write),
            ) as client,
        ):
            try:
                with anyio.fail_after(120):
                    answer = await client.chat.completions.create(messages=LONG)
            except asi1.APIError as error:
                return error, server.connections
        return answer, server.connections


@pytest.mark.system
@on_each_loop
@with_and_without_tls
@pytest.mark.parametrize(
    "what",
    [
        refuse_and_close,
        refuse_and_reset,
        refuse_and_keep_open,
        hint_refuse_and_keep_open,
    ],
)
async def test_refusal_during_the_sending_of_the_body_raises_its_error(
    what, certificate, tls
):
    """
    If the server refuses a large request before reading all of it, the body is sent
    once, and the call raises the status's error with the server's message.
    """
    error, connections = await ask_at_length(what, certificate, tls=tls)

    assert asi1.RequestTooLargeError is type(error)
    assert "much too large" in f"{error}"
    assert 1 == connections


@on_each_loop
@with_and_without_tls
async def test_rest_of_the_body_is_sent_after_an_informational_reply(certificate, tls):
    """
    If a 100 (Continue) arrives while the body is sent, the client sends the rest.
    """
    answer, _ = await ask_at_length(continue_then_answer, certificate, tls=tls)

    assert "Hi." == answer.text


@pytest.mark.system
@on_each_loop
@with_and_without_tls
async def test_early_answer_is_returned_after_the_write_timeout(certificate, tls):
    """
    If the server answers before it has read the body, and then reads nothing, the call
    returns the answer when the write timeout has passed.
    """
    answer, connections = await ask_at_length(
        answer_and_keep_open, certificate, tls=tls, write=WRITE
    )

    assert ("Hi.", 1) == (answer.text, connections)


@pytest.mark.system
@on_each_loop
@with_and_without_tls
async def test_write_timeout_does_not_expire_while_the_server_reads(certificate, tls):
    """
    A body that the server reads slowly, but without a pause, is sent completely, even
    if that takes longer than the write timeout.
    """
    answer, _ = await ask_at_length(
        answer_slow_reader, certificate, tls=tls, write=WRITE
    )

    assert "Hi." == answer.text


@pytest.mark.system
@on_each_loop
@with_and_without_tls
async def test_server_that_reads_nothing_causes_a_write_timeout(certificate, tls):
    """
    If the server reads nothing for the write timeout, the call raises APITimeoutError
    with "write" as its `phase`.
    """
    error, _ = await ask_at_length(keep_silent, certificate, tls=tls, write=0.3)

    assert (asi1.APITimeoutError, "write") == (type(error), error.phase)


@pytest.mark.system
@on_each_loop
@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (refuse_and_close, "much too large"),
        (refuse_and_keep_open, "much too large"),
        (keep_silent, "write"),
        (answer_slow_reader, "Hi."),
    ],
)
async def test_large_request_through_a_proxy_ends_as_without_a_proxy(
    monkeypatch, what, expected
):
    """
    Also through a proxy, a refusal is read while the body is sent, and the write
    timeout expires only if the proxy reads nothing.
    """
    with LateReader(what) as proxy:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with asi1.AsyncASI1(
            "sk-test",
            "http://otter.example/v1",
            allow_insecure_http=True,
            max_retries=0,
            timeout=asi1.Timeouts(connect=60, write=WRITE),
        ) as client:
            try:
                with anyio.fail_after(120):
                    answer = await client.chat.completions.create(messages=LONG)
            except asi1.APIError as error:
                found = f"{error}"
            else:
                found = answer.text

    assert expected in found
    assert 1 == proxy.connections


async def test_connections_of_an_event_loop_share_one_read_buffer():
    """
    All backends of an event loop read into one buffer, so that open streams take less
    memory; another event loop, which may run in another thread, has a buffer of its
    own.
    """

    async def buffer():
        return AsyncioNetwork()._buffer

    first, second = await buffer(), await buffer()
    other = await asyncio.to_thread(asyncio.run, buffer())

    assert first is second
    assert first is not other


async def test_read_buffer_has_only_zeros_after_a_read():
    """
    A server may echo the API key, so the read buffer keeps no byte of what was read.
    """
    backend = AsyncioNetwork()
    ours = backend._socket()
    ours.get_buffer(-1)[:6] = b"secret"

    ours.buffer_updated(6)

    assert b"secret" == ours._received
    assert not any(backend._buffer)
