"""
A chat in the browser: one FastAPI application, one plain page without a build step.

    pip install ".[fastapi]" uvicorn
    export ASI_ONE_API_KEY=...
    uvicorn --app-dir examples/webchat app:app       # http://127.0.0.1:8000

Without a key, against the fake server:

    python -m asi1.testing --port 8001 --chunk-delay 0.05 &
    export ASI1_BASE_URL=http://127.0.0.1:8001/v1 ASI_ONE_API_KEY=any

The browser keeps the conversation and sends all of it; this server stores nothing.

Every visitor spends the key's tokens. The server accepts only the host names of this
machine, unless WEBCHAT_HOSTS lists more (``chat.example,10.0.0.7``); before you set it,
put a proxy with authentication in front.
"""

import json
import os

from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.types import Scope

from asi1 import ASI1Error
from asi1.integrations.fastapi import (
    ChatStreamResponse,
    Client,
    error_response,
    lifespan,
)


PAGE = Path(__file__).parent / "page"
HOSTS = os.environ.get("WEBCHAT_HOSTS", "127.0.0.1,localhost").split(",")
# More than the longest conversation that a model reads.
MOST_BYTES = 4 * 1024 * 1024
# The page loads and runs only its own files, and cannot turn text into HTML: a text of
# the model stays text even if the page has a bug.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def whole(text: object) -> object:
    """Replace halves of UTF-16 characters, which JavaScript's strings may contain."""
    if not isinstance(text, str):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Turn(BaseModel):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[
        str, BeforeValidator(whole), Field(min_length=1, max_length=200_000)
    ]


class Chat(BaseModel):
    """The body of a request: the conversation, oldest message first."""

    messages: Annotated[list[Turn], Field(min_length=1, max_length=2_000)]


class Page(StaticFiles):
    """The page's files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(
            {
                "content-security-policy": POLICY,
                "cross-origin-opener-policy": "same-origin",
                "cross-origin-resource-policy": "same-origin",
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
                "cache-control": "no-cache",  # revalidates each use
            }
        )
        return response


app = FastAPI(
    lifespan=lifespan(),
    exception_handlers={ASI1Error: error_response},
    openapi_url=None,  # FastAPI's pages for it load scripts from a CDN
)
app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)


async def read_chat(request: Request) -> Chat:
    """
    Read and check the body of a request.

    FastAPI would read a body of any size and type before it checks anything. So this
    first refuses content types that another site could send without a CORS preflight,
    and stops reading where the body becomes too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body must be application/json")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise HTTPException(413, "the conversation is too long")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "the conversation is too long")
    try:
        return Chat.model_validate(json.loads(body))
    except ValidationError as error:
        told = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        raise HTTPException(422, told) from None
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is not valid JSON") from None


@app.post("/chat")
async def chat(
    asked: Annotated[Chat, Depends(read_chat)], client: Client
) -> ChatStreamResponse:
    """Stream the answer; the call ends when the browser disconnects."""
    messages = [turn.model_dump() for turn in asked.messages]
    return ChatStreamResponse(client.chat.completions.stream(messages=messages))


app.mount("/", Page(directory=PAGE, html=True))
