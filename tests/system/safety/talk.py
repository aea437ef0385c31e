"""Each function makes a call, and returns its answer or the error that it raises."""

from __future__ import annotations

from typing import Any

import asi1

from asi1.testing import FakeASI1, RecordedRequest

from .search import KEY


__all__ = ["CREATE_AND_STREAM", "call", "call_blocking", "client_of", "strays"]

CREATE_AND_STREAM = (False, True)


def client_of(fake: FakeASI1, **options: Any) -> asi1.AsyncASI1:
    """Return a client with the key `KEY` that calls *fake* in process."""
    return asi1.AsyncASI1(KEY, fake.base_url, transport=fake.transport, **options)


async def call(client: asi1.AsyncASI1, *, stream: bool, **options: Any) -> Any:
    """Make a call; return its answer or error, and the stream if one was opened."""
    completions, opened = client.chat.completions, None
    options = {"messages": "Hi"} | options
    try:
        if not stream:
            return await completions.create(**options), None
        async with completions.stream(**options) as opened:
            return await opened.get_final_completion(), opened
    except asi1.ASI1Error as error:
        return error, opened


def call_blocking(client: asi1.ASI1, *, stream: bool, **options: Any) -> Any:
    """Make a blocking call; return its answer or error, and the stream if opened."""
    completions, opened = client.chat.completions, None
    options = {"messages": "Hi"} | options
    try:
        if not stream:
            return completions.create(**options), None
        with completions.stream(**options) as opened:
            return opened.get_final_completion(), opened
    except asi1.ASI1Error as error:
        return error, opened


def strays(requests: list[RecordedRequest]) -> list[str]:
    """Return the parts of *requests*, except Authorization, that contain the key."""
    places = []
    for number, request in enumerate(requests):
        parts = {
            "path": request.path,
            "query": request.query,
            "body": request.body.decode("utf-8", "replace"),
            **request.headers,
        }
        if parts.pop("authorization", None) != f"Bearer {KEY}":
            places.append(f"{number}: the authorization is wrong")
        places += [f"{number}: {name}" for name in parts if KEY in parts[name]]
        places += [f"{number}: {name}" for name in parts if KEY in name]
    return places
