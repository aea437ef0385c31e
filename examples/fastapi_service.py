"""
A FastAPI service with two views: a whole answer, and a stream for browsers.

    pip install '.[fastapi]' uvicorn
    export ASI_ONE_API_KEY=...
    uvicorn --app-dir examples fastapi_service:app
    curl -N http://127.0.0.1:8000/chat -d '{"text": "Why is the sky blue?"}' \
        -H 'content-type: application/json'

`asi1.AsyncEventBytes` describes the events of `/chat`; the call ends when the browser
disconnects. If the call to ASI-1 fails, both views reply with status 400, 413, 422,
429, 502 or 504.
"""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from asi1 import ASI1Error
from asi1.integrations.fastapi import (
    ChatStreamResponse,
    Client,
    error_response,
    lifespan,
)


MOST_BYTES = 64 * 1024


class LimitedBody:
    """Refuses a long body, which FastAPI would read into memory before any check."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and scope["method"] == "POST":
            length = Headers(scope=scope).get("content-length", "")
            if not length.isdecimal():  # chunks, which do not tell their total length
                app = PlainTextResponse("the body needs a content-length", 411)
            elif int(length[:20]) > MOST_BYTES:
                app = PlainTextResponse("the body is too long", 413)
        await app(scope, receive, send)


app = FastAPI(lifespan=lifespan(), exception_handlers={ASI1Error: error_response})
app.add_middleware(LimitedBody)


class Question(BaseModel):
    """The body of a request."""

    text: str = Field(min_length=1, max_length=10_000)


@app.post("/chat")
async def chat(question: Question, client: Client) -> ChatStreamResponse:
    """Stream the answer."""
    stream = client.chat.completions.stream(messages=question.text, max_tokens=2000)
    return ChatStreamResponse(stream)


@app.post("/ask")
async def ask(question: Question, client: Client) -> dict[str, str]:
    """Return the whole answer."""
    answer = await client.chat.completions.create(messages=question.text, timeout=60)
    return {"text": answer.text}
