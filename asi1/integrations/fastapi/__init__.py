"""
asi1 in FastAPI: the names of `asi1.integrations.starlette`, and a dependency `Client`.

    app = FastAPI(
        lifespan=lifespan(), exception_handlers={ASI1Error: error_response}
    )

    @app.post("/chat")
    async def chat(question: Question, client: Client) -> ChatStreamResponse:
        return ChatStreamResponse(
            client.chat.completions.stream(messages=question.text)
        )
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from ... import AsyncASI1
from ..._install import install_hint


try:
    from fastapi import Depends
except ImportError as _missing:
    raise ImportError(
        f"asi1.integrations.fastapi needs FastAPI: {install_hint('fastapi')}"
    ) from _missing

from ..starlette import ChatStreamResponse, error_response, get_client, lifespan


__all__ = ["ChatStreamResponse", "Client", "error_response", "get_client", "lifespan"]

# FastAPI passes the application's client to each parameter annotated with `Client`.
Client: TypeAlias = Annotated[AsyncASI1, Depends(get_client)]
