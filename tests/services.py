"""
The services under test, each on a server of its own in a thread, on real sockets.

All have the same paths: ``/stream?q=``, ``/hasty``, whose calls wait for less than half
a second, and ``/ask``. No ``from __future__ import
annotations`` here: FastAPI reads those of the views, whose names are local.
"""

import asyncio
import socket
import threading

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import httpx

from attrs import define

import asi1

from asi1._pump import running


__all__ = ["SERVICES", "Service"]

HASTY = {"messages": "Hi", "timeout": asi1.Timeouts(first_token=0.4, idle=0.4)}


@define
class Service:
    """
    A running service.

    Attributes:
        url: Where it listens.
        loop: Its event loop.
        client: Its client.
    """

    url: str
    loop: asyncio.AbstractEventLoop
    client: asi1.AsyncASI1

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    @property
    def tasks(self) -> int:
        """How many tasks its loop has, the one that counts not among them."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return asyncio.run_coroutine_threadsafe(count(), self.loop).result(5)

    @property
    def calls(self) -> int:
        """How many calls it is making."""
        return len(running(self.loop))


@contextmanager
def uvicorn_serving(app: object, kept: dict[str, object]) -> Iterator[Service]:
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        started = kept["started"] = threading.Event()
        thread.start()
        try:
            assert started.wait(20)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield Service(url, kept["loop"], kept["client"])
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def fastapi_service(make: Callable[[], asi1.AsyncASI1]) -> Iterator[Service]:
    from fastapi import FastAPI

    from asi1.integrations.fastapi import (
        ChatStreamResponse,
        Client,
        error_response,
        lifespan,
    )

    kept = {}
    app = FastAPI(
        lifespan=noted(lifespan(make), kept),
        exception_handlers={asi1.ASI1Error: error_response},
    )

    @app.get("/stream")
    async def stream(client: Client, q: str = "Hi") -> ChatStreamResponse:
        return ChatStreamResponse(client.chat.completions.stream(messages=q))

    @app.get("/hasty")
    async def hasty(client: Client) -> ChatStreamResponse:
        return ChatStreamResponse(client.chat.completions.stream(**HASTY))

    @app.get("/ask")
    async def ask(client: Client) -> str:
        return (await client.chat.completions.create(messages="Hi")).text

    with uvicorn_serving(app, kept) as service:
        yield service


@contextmanager
def starlette_service(make: Callable[[], asi1.AsyncASI1]) -> Iterator[Service]:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from asi1.integrations.starlette import (
        ChatStreamResponse,
        error_response,
        get_client,
        lifespan,
    )

    async def stream(request):
        q = request.query_params.get("q", "Hi")
        client = get_client(request)
        return ChatStreamResponse(client.chat.completions.stream(messages=q))

    async def hasty(request):
        client = get_client(request)
        return ChatStreamResponse(client.chat.completions.stream(**HASTY))

    async def ask(request):
        answer = await get_client(request).chat.completions.create(messages="Hi")
        return JSONResponse(answer.text)

    kept = {}
    app = Starlette(
        routes=[
            Route("/stream", stream),
            Route("/hasty", hasty),
            Route("/ask", ask),
        ],
        lifespan=noted(lifespan(make), kept),
        exception_handlers={asi1.ASI1Error: error_response},
    )
    with uvicorn_serving(app, kept) as service:
        yield service


def noted(lifespan, kept):
    """Return a lifespan that also keeps the client and its loop in *kept*."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def run(app):
        async with lifespan(app) as state:
            kept["client"], kept["loop"] = state["asi1"], asyncio.get_running_loop()
            kept["started"].set()
            yield state

    return run


@contextmanager
def aiohttp_service(make: Callable[[], asi1.AsyncASI1]) -> Iterator[Service]:
    from aiohttp import web

    from asi1.integrations.aiohttp import (
        client_ctx,
        error_middleware,
        get_client,
        stream_response,
    )

    async def stream(request):
        q = request.query.get("q", "Hi")
        answer = get_client(request).chat.completions.stream(messages=q)
        return await stream_response(request, answer)

    async def hasty(request):
        answer = get_client(request).chat.completions.stream(**HASTY)
        return await stream_response(request, answer)

    async def ask(request):
        answer = await get_client(request).chat.completions.create(messages="Hi")
        return web.json_response(answer.text)

    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx(make))
    views = {"/stream": stream, "/hasty": hasty, "/ask": ask}
    app.add_routes([web.get(path, view) for path, view in views.items()])
    with aiohttp_serving(app, get_client) as service:
        yield service


@contextmanager
def aiohttp_serving(app, get_client) -> Iterator[Service]:
    from aiohttp import web

    kept: list[Service] = []
    started = threading.Event()
    stopping = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            client = get_client(SimpleNamespace(config_dict=app))
            kept.append(Service(url, asyncio.get_running_loop(), client))
            started.set()
            await stopping.wait()
        finally:
            await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield kept[0]
    finally:
        kept[0].loop.call_soon_threadsafe(stopping.set)
        thread.join(20)


SERVICES = {
    "aiohttp": aiohttp_service,
    "fastapi": fastapi_service,
    "starlette": starlette_service,
}
