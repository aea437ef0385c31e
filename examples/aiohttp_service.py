"""
An aiohttp service that answers with ASI-1: whole, and streamed to browsers.

    pip install '.[aiohttp]'
    export ASI_ONE_API_KEY=...
    python examples/aiohttp_service.py
    curl -N "http://127.0.0.1:8080/chat?q=Why+is+the+sky+blue%3F"

The events of `/chat` are told in `asi1.AsyncEventBytes`; a browser that leaves stops
the call. What ASI-1 refuses is a reply of status 400, 413, 422, 429, 502 or 504, of
either view.
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
    """Answer piece by piece."""
    client = get_client(request)
    stream = client.chat.completions.stream(messages=request.query["q"])
    return await stream_response(request, stream)


@routes.get("/ask")
async def ask(request: web.Request) -> web.Response:
    """Answer as a whole."""
    client = get_client(request)
    answer = await client.chat.completions.create(
        messages=request.query["q"], timeout=60
    )
    return web.json_response({"text": answer.text})


def make_app() -> web.Application:
    """Put the service together."""
    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx())
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1")
