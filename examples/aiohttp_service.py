"""
An aiohttp service with two views: a whole answer, and a stream for browsers.

    pip install '.[aiohttp]'
    export ASI_ONE_API_KEY=...
    python examples/aiohttp_service.py
    curl -N "http://127.0.0.1:8080/chat?q=Why+is+the+sky+blue%3F"

`asi1.AsyncEventBytes` describes the events of `/chat`; the call ends when the browser
disconnects. If the call to ASI-1 fails, both views reply with status 400, 413, 422,
429, 502 or 504.
"""

from __future__ import annotations

from aiohttp import web

from asi1.integrations.aiohttp import (
    client_ctx,
    error_middleware,
    get_client,
    stream_response,
)


routes = web.RouteTableDef()


@routes.get("/chat")
async def chat(request: web.Request) -> web.StreamResponse:
    """Stream the answer."""
    client = get_client(request)
    stream = client.chat.completions.stream(messages=request.query["q"])
    return await stream_response(request, stream)


@routes.get("/ask")
async def ask(request: web.Request) -> web.Response:
    """Return the whole answer."""
    client = get_client(request)
    answer = await client.chat.completions.create(
        messages=request.query["q"], timeout=60
    )
    return web.json_response({"text": answer.text})


def make_app() -> web.Application:
    """Make the application."""
    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx())
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1")
