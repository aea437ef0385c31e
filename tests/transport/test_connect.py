"""Connecting on asyncio: host names, addresses, and happy eyeballs between them."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys

from pathlib import Path

import anyio
import httpcore
import pytest

from asi1._transport.connect import AsyncioBackend, find_addresses

from ..support.talk import backend_of, until


V4, V6 = socket.AF_INET, socket.AF_INET6
NAME = "otter.example"


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return backend_of(request.param)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


@pytest.fixture
def addresses(monkeypatch, listener):
    """
    Return a function that makes the host name resolve to one address per outcome.

    Connecting to a "good" address succeeds, to a "bad" one fails, to a "slow" one never
    ends; *before* maps an outcome to a coroutine function that runs first.
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


async def connect(timeout=5):
    """Connect to the host name, then close the connection at once."""
    ours = await AsyncioBackend().connect_tcp(NAME, 443, timeout)
    assert not ours.get_extra_info("is_readable")
    await ours.aclose()


@pytest.mark.parametrize(
    ("ways", "attempts"),
    [
        pytest.param(["good", "bad"], 1, id="first"),
        pytest.param(["bad", "good", "slow"], 2, id="second"),
        pytest.param(["bad", "bad", "bad", "good"], 4, id="last"),
        pytest.param(["slow", "good"], 2, id="while-first-is-slow"),
    ],
)
async def test_first_address_that_connects_is_used(addresses, ways, attempts):
    """
    Addresses are tried in order, the next one when one fails or is slow, until one of
    them connects.
    """
    tried = addresses(*ways)

    await connect()

    assert attempts == len(tried)


async def test_second_address_is_not_tried_before_a_delay(addresses):
    """
    While the first address is slow, the second is tried only after a delay of 0.25 s.
    """
    tried = addresses("slow", "slow")

    with pytest.raises(httpcore.ConnectTimeout):
        await connect(0.05)

    assert 1 == len(tried)


async def test_error_gives_the_reason_of_the_last_address(addresses):
    """
    If no address connects, the error gives the reason why the last one failed.
    """
    addresses("bad", "bad")

    with pytest.raises(httpcore.ConnectError, match=r"^no way to 192\.0\.2\.2"):
        await connect()


async def test_connect_task_cancelled_from_outside_is_a_connect_error(addresses):
    """
    If other code cancels the task that connects to an address, the address counts as
    failed, and the ConnectError says that the task was cancelled.
    """
    before = asyncio.all_tasks()
    tried = addresses("slow")
    connecting = asyncio.create_task(connect())
    await until(lambda: tried)
    for task in asyncio.all_tasks() - before - {connecting}:
        task.cancel()

    with pytest.raises(httpcore.ConnectError, match="cancelled from outside"):
        await connecting


async def test_one_of_two_connections_made_at_the_same_moment_is_closed(
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
    ours = await AsyncioBackend().connect_tcp(NAME, 443, 5)
    peers = [listener.accept()[0] for _ in range(len(tried))]
    await anyio.sleep(0.05)

    left = []
    for peer in peers:
        peer.setblocking(False)
        try:
            left.append(peer.recv(1))
        except BlockingIOError:
            left.append(None)
        peer.close()
    await ours.aclose()
    assert {b"", None} == set(left)


async def test_connection_made_before_a_cancel_is_closed(addresses, listener):
    """
    A connection that is open but not yet returned is closed when the caller is
    cancelled.
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
        peer.settimeout(5)
        await anyio.sleep(0.02)
        assert b"" == peer.recv(1)


def open_sockets():
    names = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(path.readlink()))
        except OSError:  # iterdir's own descriptor is closed by now
            continue
    return sum(name.startswith("socket:") for name in names)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's full backlog, /proc")
async def test_connect_cancelled_between_addresses_leaves_no_socket(monkeypatch):
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
            tasks.start_soon(AsyncioBackend().connect_tcp, NAME, full.getsockname()[1])
            await until(lambda: open_sockets() >= before + 2)
            tasks.cancel_scope.cancel()
        await anyio.sleep(0.01)

        assert before == open_sockets()
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
async def test_name_without_an_address_is_a_connect_error(monkeypatch, found):
    """
    Connecting to a host name without an address raises ConnectError with the reason.
    """

    async def resolve(*_, **__):
        if isinstance(found, list):
            return found
        raise found

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with pytest.raises(httpcore.ConnectError, match=r"no address|not known"):
        await connect()


@pytest.mark.parametrize("name", ["otter..example", "o" * 64 + ".example"])
async def test_invalid_name_is_a_connect_error(name):
    """
    Connecting to a host name with an empty or too long label raises ConnectError.
    """
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp(name, 443, 5)


async def test_connect_timeout_includes_resolving(monkeypatch):
    """
    The connect timeout includes the time for resolving the host name.
    """

    async def resolve(*_, **__):
        await anyio.sleep_forever()

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with anyio.fail_after(60), pytest.raises(httpcore.ConnectTimeout):
        await connect(0.05)


async def test_port_above_65535_is_a_connect_error():
    """
    Connecting to a port above 65535 raises ConnectError, as httpx's own sockets do.
    """
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp("127.0.0.1", 65536 + 1, 5)


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


async def test_sleep_takes_the_given_time():
    """
    `AsyncioBackend.sleep`, part of httpcore's interface, sleeps for the given seconds.
    """
    began = anyio.current_time()

    await AsyncioBackend().sleep(0.02)

    assert anyio.current_time() - began > 0.01
