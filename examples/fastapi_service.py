"""
A FastAPI service that answers with ASI-1: whole, and streamed to browsers.

    pip install '.[fastapi]' uvicorn
    export ASI_ONE_API_KEY=...
    uvicorn --app-dir examples fastapi_service:app
    curl -N http://127.0.0.1:8000/chat -d '{"text": "Why is the sky blue?"}' \
        -H 'content-type: application/json'

The events of `/chat` are told in `asi1.AsyncEventBytes`; a browser that leaves stops
the call. What ASI-1 refuses is a reply of status 400, 413, 422, 429, 502 or 504, of
either view.
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
    """What browsers send."""

    text: str = Field(min_length=1, max_length=10_000)


@app.post("/chat")
async def chat(question: Question, client: Client) -> ChatStreamResponse:
    """Answer piece by piece."""
    stream = client.chat.completions.stream(messages=question.text, max_tokens=2000)
    return ChatStreamResponse(stream)


@app.post("/ask")
async def ask(question: Question, client: Client) -> dict[str, str]:
    """Answer as a whole."""
    answer = await client.chat.completions.create(messages=question.text, timeout=60)
    return {"text": answer.text}
