"""One call, and what it ended with, in the terms of the matrix."""

from __future__ import annotations

import copy
import pickle

from typing import Any

import asi1

from .outcome import Outcome


__all__ = ["KEY", "observed", "observed_blocking"]

KEY = "sk-lighthouse-0123456789"


async def observed(client: asi1.AsyncASI1, form: str) -> Outcome:
    """Make a call; what is no error of a call is not caught."""
    handed: list[str] = []
    completions = client.chat.completions
    try:
        if form == "create":
            answer = await completions.create(messages="Hi")
        else:
            async with completions.stream(messages="Hi") as stream:
                async for chunk in stream:
                    handed.append(chunk.text)  # noqa: PERF401 - it may end in an error
                answer = await stream.get_final_completion()
    except asi1.APIError as error:
        return _failed(error, handed)
    return _answered(answer, handed if form == "stream" else [answer.text])


def observed_blocking(client: asi1.ASI1, form: str) -> Outcome:
    """Make a call of the blocking client."""
    handed: list[str] = []
    completions = client.chat.completions
    try:
        if form == "create":
            answer = completions.create(messages="Hi")
        else:
            with completions.stream(messages="Hi") as stream:
                for chunk in stream:
                    handed.append(chunk.text)  # noqa: PERF401 - it may end in an error
                answer = stream.get_final_completion()
    except asi1.APIError as error:
        return _failed(error, handed)
    return _answered(answer, handed if form == "stream" else [answer.text])


def _answered(answer: asi1.ChatCompletion, handed: list[str]) -> Outcome:
    attempts = answer.response.attempts
    assert answer.text == "".join(handed)
    assert attempts[-1].cause is None
    return Outcome(text="".join(handed), **_account(answer.response))


def _failed(error: asi1.APIError, handed: list[str]) -> Outcome:
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
        text="".join(handed),
        partial=None if partial is None else partial.text,
        heals=asi1.RetryPolicy().may_heal(error),
        **_account(error.response),
    )


def _account(response: asi1.ResponseInfo) -> dict[str, Any]:
    *earlier, last = response.attempts
    assert [*range(1, len(earlier) + 2)] == [a.number for a in response.attempts]
    assert all(a.cause and a.wait is not None for a in earlier)
    assert last.wait is None
    return {
        "status": response.status,
        "tries": len(response.attempts),
        "sent": all(a.sent for a in response.attempts),
    }
