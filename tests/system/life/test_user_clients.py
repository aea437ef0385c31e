"""
User-provided clients and transports: two event loops, cancelled calls, closing.
"""

from __future__ import annotations

import gc
import os
import threading

import anyio
import httpx
import httpx2
import pytest

from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

import asi1

from asi1.testing import FakeASI1

from ...support.http2_server import HTTP2Server
from ...support.talk import until, wait_for
from ...support.user_transport import Wrapping


# More calls than one HTTP/2 connection has streams.
CANCELLED = int(os.environ.get("SOAK_CALLS", "150"))
AT_ONCE = 12
KEY = "sk-lighthouse-0123456789"

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


async def raise_for_status(response):
    response.raise_for_status()


class Signed:
    """An auth flow that needs the body of the request."""

    requires_request_body = True

    def auth_flow(self, request):
        request.headers["x-signed"] = str(len(request.content))
        yield request


def signed(family):
    return type("Auth", (Signed, family.Auth), {})()


HOOKS = {"request": [], "response": [raise_for_status]}
HTTP2 = {"http1": False, "http2": True}

# What a user provides, and the argument that takes it.
KINDS = {
    "plain": ("http_client", httpx.AsyncClient),
    "hooks": ("http_client", lambda: httpx.AsyncClient(event_hooks=HOOKS)),
    "auth": ("http_client", lambda: httpx.AsyncClient(auth=signed(httpx))),
    "params": ("http_client", lambda: httpx.AsyncClient(params={"team": "otters"})),
    "mounts": (
        "http_client",
        lambda: httpx.AsyncClient(mounts={"all://": httpx.AsyncHTTPTransport()}),
    ),
    "redirects": ("http_client", lambda: httpx.AsyncClient(follow_redirects=True)),
    "http2": ("http_client", lambda: httpx.AsyncClient(**HTTP2)),
    "httpx2": ("http_client", httpx2.AsyncClient),
    "httpx2-all": (
        "http_client",
        lambda: httpx2.AsyncClient(
            event_hooks={"request": [], "response": [raise_for_status]},
            auth=signed(httpx2),
            params={"team": "otters"},
            follow_redirects=True,
        ),
    ),
    "httpx2-http2": ("http_client", lambda: httpx2.AsyncClient(**HTTP2)),
    "aiohttp": ("http_client", HttpxAiohttpClient),
    "transport": ("transport", httpx.AsyncHTTPTransport),
    "transport-wrapping": ("transport", Wrapping),
    "transport-http2": ("transport", lambda: httpx.AsyncHTTPTransport(**HTTP2)),
    "transport-httpx2": ("transport", httpx2.AsyncHTTPTransport),
    "transport-aiohttp": ("transport", AiohttpTransport),
}
# aiohttp runs on asyncio only. The clients that differ most run on both event loops,
# all other clients on one.
BOTH = {"plain", "httpx2", "http2", "httpx2-http2"}


def loops_of(place, kind):
    if "aiohttp" in kind:
        return ["asyncio"]
    return ["asyncio", "trio"] if kind in BOTH else [("asyncio", "trio")[place % 2]]


ON_LOOPS = [
    pytest.param(kind, loop, id=f"{kind}-{loop}")
    for place, kind in enumerate(KINDS)
    for loop in loops_of(place, kind)
]
of_each_kind = pytest.mark.parametrize(
    ("kind", "anyio_backend"), ON_LOOPS, indirect=["anyio_backend"]
)
of_each_kind_by_name = pytest.mark.parametrize(("kind", "loop"), ON_LOOPS)


class Setting:
    """A server, an object of the user, and a client that sends through it."""

    def __init__(self, kind):
        self.argument, make = KINDS[kind]
        self.own = make()
        self.server = HTTP2Server("answer") if "http2" in kind else FakeASI1()
        self.server.__enter__()
        if isinstance(self.server, FakeASI1):
            self.server.reply("Two.", times=None)

    def client(self, **options):
        options = {self.argument: self.own, **options}
        return asi1.AsyncASI1(KEY, self.server.base_url, **options)

    def stall(self):
        """
        Make the server begin no more replies, or not end the replies that it begins.
        """
        if isinstance(self.server, HTTP2Server):
            self.server.replies = ["stall", "begin"] * CANCELLED
        else:
            self.server.clear()
            for name in ("stall_before_headers", "stall_mid_body"):
                self.server.fault(name, times=CANCELLED)

    def answer(self):
        """Let the server answer again."""
        if isinstance(self.server, HTTP2Server):
            self.server.replies = ["answer"]
        else:
            self.server.clear()
            self.server.reply("Two.", times=None)


@pytest.fixture
def setting(kind):
    made = Setting(kind)
    yield made
    made.own = None
    gc.collect()
    made.server.__exit__(None, None, None)


async def ask(client):
    return (await client.chat.completions.create(messages="Hi")).text


async def ask_often(client, got):
    async def several():
        got.extend([await ask(client) for _ in range(3)])

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(several)


async def until_closed(setting):
    """
    Wait until all connections are closed.

    Only the garbage collector closes a connection whose task is cancelled at the moment
    at which the connection opens (anyio 4.16), and the connections of a client that no
    event loop closes.
    """

    def closed():
        gc.collect()
        return setting.server.open_connections == 0

    await until(closed)


@of_each_kind_by_name
def test_user_client_works_on_one_event_loop_after_another(setting, loop):
    """
    A user's client or transport works on a second event loop after the first has
    ended; the connections of the second are closed with that loop.
    """
    client, got = setting.client(), []

    async def main():
        await ask_often(client, got)
        return setting.server.open_connections

    opened = [anyio.run(main, backend=loop) for _ in range(3)]
    wait_for(lambda: setting.server.open_connections <= opened[0])

    assert ["Two."] * 36 == got
    assert not getattr(setting.own, "is_closed", False)


@of_each_kind_by_name
def test_user_client_works_on_several_event_loops_at_once(setting, loop):
    """
    Four event loops in four threads can use one client or transport of a user at the
    same time, even if each loop has an asi1 client of its own.
    """
    shared, got = setting.client(), []

    def run(client):
        anyio.run(ask_often, client, got, backend=loop)

    clients = [shared, shared, setting.client(), setting.client()]
    threads = [threading.Thread(target=run, args=(each,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert ["Two."] * 48 == got


@of_each_kind
async def test_user_client_works_after_many_cancelled_calls(setting):
    """
    After many calls that were cancelled at any moment, before and after the beginning
    of the reply, the user's client still answers; no cancelled call raised an error.
    """
    async with setting.client(max_retries=0) as client:
        setting.stall()
        moments = iter(range(CANCELLED))

        async def cancelled():
            for moment in moments:
                with anyio.move_on_after(0.001 * (moment % 30)):
                    if moment % 2:
                        await ask(client)
                    else:
                        completions = client.chat.completions
                        async with completions.stream(messages="Hi") as stream:
                            async for _ in stream:
                                pass

        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(cancelled)
        setting.answer()
        got: list[str] = []
        with anyio.fail_after(60):
            await ask_often(client, got)
    await setting.own.aclose()
    await until_closed(setting)

    assert ["Two."] * 12 == got


@of_each_kind
async def test_closing_the_asi1_client_leaves_the_users_client_open(setting):
    """
    Closing the asi1 client leaves the user's client or transport open. After the user
    has closed that object, no connection is left, and a call that would need the user's
    closed client raises `ClientClosedError`.
    """
    async with setting.client() as client:
        assert "Two." == await ask(client)
    other = setting.client()
    assert "Two." == await ask(other)
    await setting.own.aclose()
    await until(lambda: setting.server.open_connections == 0)

    if setting.argument == "http_client":
        with pytest.raises(asi1.ClientClosedError, match="http_client= is closed"):
            await ask(other)
