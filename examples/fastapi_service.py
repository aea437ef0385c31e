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

from asi1 import ASI1Error
from asi1.integrations.fastapi import (
    ChatStreamResponse,
    Client,
    error_response,
    lifespan,
)


app = FastAPI(lifespan=lifespan(), exception_handlers={ASI1Error: error_response})


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
