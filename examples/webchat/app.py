"""
A chat in the browser: one FastAPI application, one plain page without a build step.

    pip install ".[fastapi]" uvicorn
    export ASI_ONE_API_KEY=...
    uvicorn --app-dir examples/webchat app:app       # http://127.0.0.1:8000

Without a key, against the fake server:

    python -m asi1.testing --port 8001 --chunk-delay 0.05 &
    export ASI1_BASE_URL=http://127.0.0.1:8001/v1 ASI_ONE_API_KEY=any

The model has two tools: one rolls dice, one writes a mail, and asks the visitor first.

The browser keeps the conversation and sends all of it. This server keeps only the runs
that may wait for an approval, in memory: several processes would share a database, with
what ``run.to_json()`` returns.

Every visitor spends the key's tokens. The server accepts only the host names of this
machine, unless WEBCHAT_HOSTS lists more (``chat.example,10.0.0.7``); before you set it,
put a proxy with authentication in front.
"""

import json
import os
import random
import secrets

from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.staticfiles import StaticFiles
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
)
from starlette.background import BackgroundTask
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.types import Scope

from asi1 import ASI1Error, AsyncToolRun, ToolError, tool
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
# Answers of the model to one question, each of which may call tools.
MOST_ROUNDS = 5
# Runs that are kept; if there are more, the oldest can no longer be approved.
MOST_RUNS = 100
# The page loads and runs only its own files, and cannot turn text into HTML: a text of
# the model stays text even if the page has a bug.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


# The runs that go on or wait for an approval, by ids that no visitor can guess.
RUNS: dict[str, AsyncToolRun] = {}
# Where the mails of this example go.
OUTBOX: deque[tuple[str, str]] = deque(maxlen=100)
Kind = TypeVar("Kind", bound=BaseModel)


@tool
def roll_dice(count: int, sides: int = 6) -> list[int]:
    """
    Roll dice.

    Args:
        count: How many dice, at most 100.
        sides: The number of sides of each.
    """
    if not (1 <= count <= 100 and sides >= 1):
        raise ToolError("count must be from 1 to 100, and sides at least 1")
    return [random.randint(1, sides) for _ in range(count)]


@tool(needs_approval=True)
def send_mail(to: str, text: str) -> str:
    """
    Send a mail in the user's name.

    Args:
        to: The address.
        text: The text of the mail.
    """
    OUTBOX.append((to, text))
    return "sent"


TOOLS = [roll_dice, send_mail]


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


class Decided(BaseModel):
    """The body of a request: which of a run's pending calls the visitor allows."""

    run: Annotated[str, Field(max_length=100)]
    decisions: Annotated[dict[str, StrictBool], Field(max_length=1_000)]


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


def body_of(kind: type[Kind]) -> Callable[[Request], Awaitable[Kind]]:
    """
    Return a dependency that reads and checks the body of a request.

    FastAPI would read a body of any size and type before it checks anything. So this
    first refuses content types that another site could send without a CORS preflight,
    and stops reading where the body becomes too long.
    """

    async def read(request: Request) -> Kind:
        body = await read_json(request)
        try:
            return kind.model_validate(json.loads(body))
        except ValidationError as error:
            told = error.errors(
                include_url=False, include_context=False, include_input=False
            )
            raise HTTPException(422, told) from None
        except (ValueError, RecursionError):
            raise HTTPException(422, "the body is not valid JSON") from None

    return read


async def read_json(request: Request) -> bytes:
    """Return the body of a request that says that it is JSON, if it is not too long."""
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
    return bytes(body)


@app.post("/chat")
async def chat(
    asked: Annotated[Chat, Depends(body_of(Chat))], client: Client
) -> ChatStreamResponse:
    """Send the run's events; the run ends when the browser disconnects."""
    messages = [turn.model_dump() for turn in asked.messages]
    return sent(
        client.chat.completions.run_tools(
            messages, tools=TOOLS, max_rounds=MOST_ROUNDS, stream=True
        )
    )


@app.post("/decide")
async def decide(
    decided: Annotated[Decided, Depends(body_of(Decided))], client: Client
) -> ChatStreamResponse:
    """Go on with a run that waits for an approval, and send its events."""
    waiting = RUNS.get(decided.run)
    if waiting is None or not waiting.pending:
        raise HTTPException(404, "nothing waits for this approval any more")
    run = client.chat.completions.resume_tools(
        waiting.to_json(),
        tools=TOOLS,
        decisions=decided.decisions,
        max_rounds=MOST_ROUNDS,
        stream=True,
    )
    del RUNS[decided.run]  # so that a second click cannot run the tools again
    return sent(run)


def sent(run: AsyncToolRun) -> ChatStreamResponse:
    """Return the reply that sends *run*, with the id by which it can be approved."""
    while len(RUNS) >= MOST_RUNS:
        del RUNS[next(iter(RUNS))]
    run_id = secrets.token_urlsafe(32)
    RUNS[run_id] = run

    def forget() -> None:
        if not run.pending:
            RUNS.pop(run_id, None)

    return ChatStreamResponse(
        run, headers={"x-run": run_id}, background=BackgroundTask(forget)
    )


app.mount("/", Page(directory=PAGE, html=True))
