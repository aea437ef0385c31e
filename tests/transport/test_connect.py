"""How asyncio's sockets find the way: names, addresses, and the race between them."""

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
def roads(monkeypatch, listener):
    """
    Have a name lead to some addresses, each with a way of its own to end.

    "good" ends at the listener, "bad" nowhere, "slow" never; *before* it, something
    else may happen.
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
    """Connect and leave at once."""
    ours = await AsyncioBackend().connect_tcp(NAME, 443, timeout)
    assert not ours.get_extra_info("is_readable")
    await ours.aclose()


@pytest.mark.parametrize(
    ("ways", "tries"),
    [
        pytest.param(["good", "bad"], 1, id="first"),
        pytest.param(["bad", "good", "slow"], 2, id="second"),
        pytest.param(["bad", "bad", "bad", "good"], 4, id="last"),
        pytest.param(["slow", "good"], 2, id="beside-a-slow-one"),
    ],
)
async def test_the_first_address_that_answers_is_taken(roads, ways, tries):
    """
    Addresses are tried in their order, the next when one fails or takes its time, and
    none after one that answers.
    """
    tried = roads(*ways)

    await connect()

    assert tries == len(tried)


async def test_a_slow_address_has_a_head_start(roads):
    """
    The second address is not tried while the first may still answer soon.
    """
    tried = roads("slow", "slow")

    with pytest.raises(httpcore.ConnectTimeout):
        await connect(0.05)

    assert 1 == len(tried)


async def test_the_last_reason_is_told(roads):
    """
    When no address answers, the error says what the last one said.
    """
    roads("bad", "bad")

    with pytest.raises(httpcore.ConnectError, match=r"^no way to 192\.0\.2\.2"):
        await connect()


async def test_a_race_whose_task_others_cancel_is_lost(roads):
    """
    An attempt that is cancelled from outside is one that failed, and says so.
    """
    before = asyncio.all_tasks()
    tried = roads("slow")
    connecting = asyncio.create_task(connect())
    await until(lambda: tried)
    for task in asyncio.all_tasks() - before - {connecting}:
        task.cancel()

    with pytest.raises(httpcore.ConnectError, match="cancelled from outside"):
        await connecting


async def test_two_answers_at_once_make_one_connection(roads, listener):
    """
    Of two addresses that answer at the same moment one is used, the other closed.
    """
    both = anyio.Event()

    async def meet():
        if len(tried) == 2:
            both.set()
        await both.wait()

    tried = roads("good", "good", before={"good": meet})
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


async def test_who_is_cancelled_after_the_race_was_won_has_nothing_open(
    roads, listener
):
    """
    A connection that was made, and not handed out yet, is closed with its caller.
    """
    cleaning, clean = anyio.Event(), anyio.Event()

    async def linger():
        try:
            await anyio.sleep_forever()
        finally:
            cleaning.set()
            with anyio.CancelScope(shield=True):
                await clean.wait()

    roads("slow", "good", before={"slow": linger})
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
        except OSError:  # that of the folder itself
            continue
    return sum(name.startswith("socket:") for name in names)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's full backlog, /proc")
async def test_who_gives_up_in_the_race_leaves_no_socket(monkeypatch):
    """
    A caller that is cancelled while addresses are tried leaves nothing open.
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
async def test_a_name_without_an_address_is_told(monkeypatch, found):
    """
    A name that leads nowhere is a ConnectError with the reason.
    """

    async def resolve(*_, **__):
        if isinstance(found, list):
            return found
        raise found

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with pytest.raises(httpcore.ConnectError, match=r"no address|not known"):
        await connect()


@pytest.mark.parametrize("name", ["otter..example", "o" * 64 + ".example"])
async def test_a_name_that_cannot_be_is_told(name):
    """
    A name that no resolver takes is a ConnectError too.
    """
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp(name, 443, 5)


async def test_the_resolver_may_take_its_time(monkeypatch):
    """
    The time to connect counts for the name, too.
    """

    async def resolve(*_, **__):
        await anyio.sleep_forever()

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    with anyio.fail_after(5), pytest.raises(httpcore.ConnectTimeout):
        await connect(0.05)


async def test_a_port_beyond_all_ports_is_told():
    """
    A port above 65535 is a ConnectError.
    """
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp("127.0.0.1", 65536 + 1, 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_needs_no_resolver(monkeypatch, host):
    """
    Who gives an address is connected to it without asking anybody.
    """

    async def resolve(*_, **__):
        pytest.fail("the resolver was asked")

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)

    assert [(host, 80)] == await find_addresses(host, 80)


async def test_kinds_of_addresses_take_turns(monkeypatch):
    """
    A machine without one of the two internets soon tries an address of the other.
    """

    async def resolve(*_, **__):
        six = [(V6, 0, 0, "", (f"fe80::{n}", 80, 0, 0)) for n in range(3)]
        return [*six, (V4, 0, 0, "", ("192.0.2.1", 80)), (V4, 0, 0, "", ("::", 80))]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    hosts = [host for host, _ in await find_addresses(NAME, 80)]

    assert ["fe80::0", "192.0.2.1", "fe80::1", "::", "fe80::2"] == hosts


async def test_who_waits_is_let_wait():
    """
    What httpx's core asks to sleep for takes that time.
    """
    began = anyio.current_time()

    await AsyncioBackend().sleep(0.02)

    assert anyio.current_time() - began > 0.01
