"""A model whose answers depend on the messages alone, for runs with tools."""

from __future__ import annotations

import asyncio
import json

from collections.abc import Sequence
from typing import Any

import anyio
import httpx
import sniffio

import asi1


__all__ = ["ScriptedModel", "call", "cancel_itself", "tool_results"]

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def call(id: str, name: str, **arguments: Any) -> dict[str, Any]:  # noqa: A002
    """Return a tool call as a model writes it."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": id, "type": "function", "function": function}


class ScriptedModel:
    """
    Calls tools, round by round, and then answers "done".

    The number of a round is the number of answers in the request. So a run that goes on
    in another client is given the next answer.

    Attributes:
        rounds: The tool calls of each answer.
        bodies: The requests, as JSON data.
    """

    def __init__(self, *rounds: Sequence[dict[str, Any]]) -> None:
        self.rounds = rounds
        self.bodies: list[Any] = []

    def client(self, kind: Any = asi1.AsyncASI1, **options: Any) -> Any:
        """Return a client that this model answers; the client needs no socket."""
        settings = {"max_retries": 0, **options}
        transport = httpx.MockTransport(self._reply)
        return kind(
            "test-key", "https://model.example/v1", transport=transport, **settings
        )

    def _reply(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        place = [m["role"] for m in body["messages"]].count("assistant")
        calls = self.rounds[place] if place < len(self.rounds) else ()
        finish = "tool_calls" if calls else "stop"
        message = {"role": "assistant", "content": "" if calls else "done"}
        if calls:
            message["tool_calls"] = list(calls)
        head = {"id": f"answer {place}", "model": "scripted", "usage": USAGE}
        if body.get("stream"):
            return self._stream(head, message, finish)
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return httpx.Response(200, json={**head, "choices": [choice]})

    def _stream(
        self, head: dict[str, Any], message: dict[str, Any], finish: str
    ) -> httpx.Response:
        deltas: list[dict[str, Any]] = [{"content": message["content"]}]
        for index, each in enumerate(message.get("tool_calls", ())):
            text = each["function"]["arguments"]
            first = {**each["function"], "arguments": text[:3]}
            deltas.append({"tool_calls": [{**each, "index": index, "function": first}]})
            rest = {"index": index, "function": {"arguments": text[3:]}}
            deltas.append({"tool_calls": [rest]})
        pieces = [{"index": 0, "delta": d, "finish_reason": None} for d in deltas]
        pieces.append({"index": 0, "delta": {}, "finish_reason": finish})
        start = {key: value for key, value in head.items() if key != "usage"}
        chunks = [{**start, "choices": [piece]} for piece in pieces]
        chunks[-1]["usage"] = head["usage"]
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return httpx.Response(
            200,
            headers={"content-type": "text/event-stream"},
            content="".join([*events, "data: [DONE]\n\n"]),
        )


def tool_results(messages: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the ids and contents of the tool messages, in their order."""
    return [
        (message["tool_call_id"], message["content"])
        for message in messages
        if message["role"] == "tool"
    ]


async def cancel_itself() -> None:
    """
    Cancel the calling task of asyncio; under trio, raise a stray `trio.Cancelled`.
    """
    if sniffio.current_async_library() == "asyncio":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await anyio.sleep_forever()
    kept: list[BaseException] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.sleep_forever()
        except BaseException as cancelled:
            kept.append(cancelled)
            raise
    raise kept[0]
