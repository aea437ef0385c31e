"""HTTP/2 over a client or transport that the user provides."""

from __future__ import annotations

import anyio
import httpx
import httpx2
import pytest

import asi1

from ..support.http2_server import HTTP2Server
from ..support.talk import until


HTTP2 = {"http1": False, "http2": True}
KINDS = {
    "httpx": ("http_client", lambda: httpx.AsyncClient(**HTTP2)),
    "httpx2": ("http_client", lambda: httpx2.AsyncClient(**HTTP2)),
    "transport": ("transport", lambda: httpx.AsyncHTTPTransport(**HTTP2)),
}
of_each_kind = pytest.mark.parametrize("kind", KINDS)
in_each_form = pytest.mark.parametrize("form", ["create", "stream"])


def client_of(server, kind, own, **options):
    options = {"retry": asi1.RetryPolicy(wait_first=0), **options}
    argument, _ = KINDS[kind]
    return asi1.AsyncASI1("sk-test", server.base_url, **{argument: own}, **options)


async def answer(client, form):
    completions = client.chat.completions
    if form == "create":
        return (await completions.create(messages="Hi")).text
    async with completions.stream(messages="Hi") as stream:
        return (await stream.get_final_completion()).text


@pytest.mark.system
@of_each_kind
@in_each_form
@pytest.mark.parametrize(
    ("play", "tries"),
    [("leave", 3), ("refuse", 3), ("cancel", 3), ("protocol", 1), ("need-http1", 1)],
)
async def test_connection_or_stream_that_an_http2_server_ends_is_retried(
    kind, form, play, tries
):
    """
    Over HTTP/2 a GOAWAY before the reply and a refused or cancelled stream are retried
    as a closed connection over HTTP/1.1 is; an error of the protocol is not.
    """
    _, make = KINDS[kind]
    with HTTP2Server(play) as server:
        async with make() as own, client_of(server, kind, own) as client:
            with pytest.raises(asi1.APIConnectionError) as caught:
                await answer(client, form)
            assert tries == server.requests
            assert tries == len(caught.value.response.attempts)
            assert all(each.sent for each in caught.value.response.attempts)

            server.replies = ["answer"]
            assert "Two." == await answer(client, form)


@pytest.mark.system
@of_each_kind
@in_each_form
async def test_cancelled_call_resets_its_stream_and_leaves_the_others(kind, form):
    """
    The server is told by RST_STREAM that a call was cancelled, before or after the
    reply has begun. Another call on the same connection goes on, and the next call
    opens a new connection.
    """
    _, make = KINDS[kind]
    with HTTP2Server("stall", "stall" if form == "create" else "begin") as server:
        async with make() as own, client_of(server, kind, own) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(answer, client, "create")
                await until(lambda: server.requests == 1)
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as inner:
                        inner.start_soon(answer, client, form)
                        await until(lambda: server.requests == 2)
                        scope.cancel()
                await until(lambda: server.resets == 1)
                assert (1, 1) == (server.connections, server.open_connections)

                server.replies = ["answer"]
                assert "Two." == await answer(client, form)
                assert 2 == server.connections
                tasks.cancel_scope.cancel()
            await until(lambda: server.open_connections == 1)

    assert 2 == server.resets


@pytest.mark.system
@of_each_kind
async def test_first_call_cancelled_at_any_moment_leaves_no_broken_connection(kind):
    """
    After a client's first call was cancelled at any moment, the next calls succeed: the
    cancelled call leaves no broken connection.
    """
    _, make = KINDS[kind]
    with HTTP2Server("answer") as server:
        for moment in range(12):
            async with make() as own, client_of(server, kind, own) as client:
                with anyio.move_on_after(0.001 * moment):
                    await answer(client, "create")
                assert ["Two."] * 2 == [
                    await answer(client, form) for form in ("create", "stream")
                ]


@pytest.mark.system
async def test_cancelled_call_ends_although_the_server_does_not_read():
    """
    A cancelled call waits at most a few seconds for a server that does not read.
    """
    with HTTP2Server("stall") as server:
        own = httpx.AsyncClient(**HTTP2)
        async with own, client_of(server, "httpx", own) as client:
            server.deaf = True
            with anyio.fail_after(30), anyio.move_on_after(0.3) as scope:
                await answer(client, "create")

    assert scope.cancelled_caught
