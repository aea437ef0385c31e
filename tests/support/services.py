"""
The services under test, each on a real server in a thread of its own.

All services have the same paths:

- ``/stream?q=`` streams the model's answer to the question *q*.
- ``/run`` streams the steps of a run with a tool.
- ``/hasty`` streams an answer, but times out after at most a second.
- ``/ask`` replies with the answer's text.

There is no ``from __future__ import annotations`` here: FastAPI evaluates the
annotations of the views, and could not evaluate strings with local names.
"""

import asyncio
import socket
import threading
import time

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import httpx

from attrs import define

import asi1

from asi1._call.task import running


__all__ = [
    "SERVICES",
    "Service",
    "aiohttp_serving",
    "starlette_service",
    "uvicorn_serving",
]

# Seconds that open streams have to end when their service stops.
GRACE = 1
HASTY = {"messages": "Hi", "timeout": asi1.Timeouts(first_token=1, idle=0.7)}


def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


RUN = {"messages": "Hi", "tools": [weather], "stream": True}


@define
class Service:
    """
    A running web service under test.

    Attributes:
        url: The URL that it serves.
        loop: The event loop that it runs on.
        client: The client of asi1 that it calls the API with.
    """

    url: str
    loop: asyncio.AbstractEventLoop
    client: asi1.AsyncASI1

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    @property
    def tasks(self) -> int:
        """Number of tasks on the service's loop, except the task that counts them."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return asyncio.run_coroutine_threadsafe(count(), self.loop).result(5)

    @property
    def calls(self) -> int:
        """Number of calls to the API that the service is making."""
        return len(running(self.loop))


@contextmanager
def uvicorn_serving(app: object) -> Iterator[str]:
    """Serve an ASGI *app* by uvicorn; yield its URL."""
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_config=None,
            timeout_graceful_shutdown=GRACE,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            for _ in range(4000):
                if server.started or not thread.is_alive():
                    break
                time.sleep(0.005)
            assert server.started
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def aiohttp_serving(app: object) -> Iterator[str]:
    """Serve an aiohttp *app*; yield its URL."""
    from aiohttp import web

    ready: Future[tuple[str, Callable[[], object]]] = Future()

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            ready.set_result((url, lambda: loop.call_soon_threadsafe(stopping.set)))
            await stopping.wait()
        finally:
            await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    url, stop = ready.result(20)
    try:
        yield url
    finally:
        stop()
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
        lifespan=recording(lifespan(make), kept),
        exception_handlers={asi1.ASI1Error: error_response},
    )

    @app.get("/stream")
    async def stream(client: Client, q: str = "Hi") -> ChatStreamResponse:
        return ChatStreamResponse(client.chat.completions.stream(messages=q))

    @app.get("/run")
    async def run(client: Client) -> ChatStreamResponse:
        return ChatStreamResponse(client.chat.completions.run_tools(**RUN))

    @app.get("/hasty")
    async def hasty(client: Client) -> ChatStreamResponse:
        return ChatStreamResponse(client.chat.completions.stream(**HASTY))

    @app.get("/ask")
    async def ask(client: Client) -> str:
        return (await client.chat.completions.create(messages="Hi")).text

    with uvicorn_serving(app) as url:
        yield Service(url, **kept)


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

    async def run(request):
        completions = get_client(request).chat.completions
        return ChatStreamResponse(completions.run_tools(**RUN))

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
            Route("/run", run),
            Route("/hasty", hasty),
            Route("/ask", ask),
        ],
        lifespan=recording(lifespan(make), kept),
        exception_handlers={asi1.ASI1Error: error_response},
    )
    with uvicorn_serving(app) as url:
        yield Service(url, **kept)


def recording(lifespan, kept):
    """
    Return a lifespan that does what *lifespan* does, and stores the service's client
    and event loop in *kept*.
    """

    @asynccontextmanager
    async def run(app):
        async with lifespan(app) as state:
            kept["client"], kept["loop"] = state["asi1"], asyncio.get_running_loop()
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

    async def run(request):
        answer = get_client(request).chat.completions.run_tools(**RUN)
        return await stream_response(request, answer)

    async def hasty(request):
        answer = get_client(request).chat.completions.stream(**HASTY)
        return await stream_response(request, answer)

    async def ask(request):
        answer = await get_client(request).chat.completions.create(messages="Hi")
        return web.json_response(answer.text)

    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx(make, grace=GRACE))
    views = {"/stream": stream, "/run": run, "/hasty": hasty, "/ask": ask}
    app.add_routes([web.get(path, view) for path, view in views.items()])
    kept = {}

    async def note(app):
        kept["loop"] = asyncio.get_running_loop()
        kept["client"] = get_client(SimpleNamespace(config_dict=app))
        yield

    app.cleanup_ctx.append(note)
    with aiohttp_serving(app) as url:
        yield Service(url, **kept)


SERVICES = {"aiohttp": aiohttp_service, "fastapi": fastapi_service}
