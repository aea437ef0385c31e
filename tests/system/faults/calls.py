"""Make one call, and describe how the call ended as an `Outcome`."""

from __future__ import annotations

import copy
import pickle

from typing import Any

import asi1

from .outcome import Outcome


__all__ = ["KEY", "observed", "observed_blocking"]

KEY = "sk-lighthouse-0123456789"


async def observed(client: asi1.AsyncASI1, form: str) -> Outcome:
    """Make a call and return its outcome; only an `asi1.APIError` is caught."""
    received: list[str] = []
    completions = client.chat.completions
    try:
        if form == "create":
            answer = await completions.create(messages="Hi")
        else:
            async with completions.stream(messages="Hi") as stream:
                async for chunk in stream:
                    received.append(chunk.text)  # noqa: PERF401 - the stream may raise
                answer = await stream.get_final_completion()
    except asi1.APIError as error:
        return _failed(error, received)
    return _answered(answer, received if form == "stream" else [answer.text])


def observed_blocking(client: asi1.ASI1, form: str) -> Outcome:
    """Make a call of the blocking client and return the outcome of the call."""
    received: list[str] = []
    completions = client.chat.completions
    try:
        if form == "create":
            answer = completions.create(messages="Hi")
        else:
            with completions.stream(messages="Hi") as stream:
                for chunk in stream:
                    received.append(chunk.text)  # noqa: PERF401 - the stream may raise
                answer = stream.get_final_completion()
    except asi1.APIError as error:
        return _failed(error, received)
    return _answered(answer, received if form == "stream" else [answer.text])


def _answered(answer: asi1.ChatCompletion, received: list[str]) -> Outcome:
    attempts = answer.response.attempts
    assert answer.text == "".join(received)
    assert attempts[-1].cause is None
    return Outcome(text="".join(received), **_metadata_of(answer.response))


def _failed(error: asi1.APIError, received: list[str]) -> Outcome:
    partial = getattr(error, "partial", None)
    assert error == pickle.loads(pickle.dumps(error)) == copy.copy(error)
    assert KEY.encode() not in pickle.dumps(error)
    assert error.message
    assert f"{type(error).__name__}: {error}" == error.response.attempts[-1].cause
    if isinstance(error, asi1.APIStatusError):
        assert error.response.status == error.status_code
    return Outcome(
        error=type(error),
        phase=getattr(error, "phase", None),
        text="".join(received),
        partial=None if partial is None else partial.text,
        heals=asi1.RetryPolicy().may_heal(error),
        **_metadata_of(error.response),
    )


def _metadata_of(response: asi1.ResponseInfo) -> dict[str, Any]:
    *earlier, last = response.attempts
    assert [*range(1, len(earlier) + 2)] == [a.number for a in response.attempts]
    assert all(a.cause and a.wait is not None for a in earlier)
    assert last.wait is None
    return {
        "status": response.status,
        "attempts": len(response.attempts),
        "sent": all(a.sent for a in response.attempts),
    }
