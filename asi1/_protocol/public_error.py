"""
What a service tells its own callers of an error, as an HTTP status and a word.

Whoever asks a service may have asked wrongly, and is told so; what is between the
service and ASI-1, such as a refused key, is no fault of theirs and a 502 to them.
"""

from __future__ import annotations

import math
import re

from attrs import frozen

from .._models.base_types import JSON
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ArgumentError,
    ASI1Error,
    ClientClosedError,
    ConversationBusyError,
    StreamClosedError,
    StreamInterruptedError,
)
from .._models.status_errors import APIStatusError


__all__ = ["Failure", "failure"]

# What the server says of a request that a caller may have caused, and how long to wait.
_PASSED_ON = frozenset({400, 413, 422, 429})
_TOO_SLOW = frozenset({408, 504})
# The host that we say first of a connection's failure: nobody else's business.
_HOST = re.compile(r"^\S+: ")
# Characters of a message that are passed on.
_LONGEST = 1000


@frozen
class Failure:
    """
    What a service tells of an error.

    Attributes:
        status: An HTTP status; of upstream failures 502, of timeouts 504.
        code: A word for programs.
        message: For people; says nothing of the service's own mistakes and hosts.
        retry_after: Seconds to wait; None if nobody knows.
        request_id: ASI-1's name for the request; None if it gave none.
    """

    status: int
    code: str
    message: str
    retry_after: float | None = None
    request_id: str | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return the fields, each of them, for JSON."""
        return {
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "retry_after": self.retry_after,
            "request_id": self.request_id,
        }

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the status: ``retry-after``, or none."""
        if self.retry_after is None:
            return {}
        return {"retry-after": str(math.ceil(self.retry_after))}


def failure(error: Exception) -> Failure:
    """Return what may be told of *error*."""
    if isinstance(error, APIError):
        return Failure(
            _status(error),
            _word(error),
            _message(error),
            _wait(error),
            error.request_id,
        )
    if isinstance(error, ArgumentError):
        return Failure(400, _word(error), error.message[:_LONGEST])
    if isinstance(error, ConversationBusyError):
        return Failure(409, _word(error), "the conversation waits for an answer")
    if isinstance(error, ClientClosedError | StreamClosedError):
        return Failure(503, _word(error), "the service is closing")
    code = _word(error) if isinstance(error, ASI1Error) else "internal"
    return Failure(500, code, "the service failed")


def _status(error: APIError) -> int:
    if isinstance(error, APITimeoutError):
        return 504
    if isinstance(error, APIStatusError):
        if error.status_code in _PASSED_ON:
            return error.status_code
        if error.status_code in _TOO_SLOW:
            return 504
    return 502


def _message(error: APIError) -> str:
    message = error.message
    if isinstance(
        error, APIConnectionError | APIResponseError | StreamInterruptedError
    ):
        message = _HOST.sub("", message)
    return message[:_LONGEST]


def _wait(error: APIError) -> float | None:
    wait = error.retry_after if isinstance(error, APIStatusError) else None
    return wait if wait is not None and 0 <= wait < math.inf else None


def _word(error: Exception) -> str:
    """Return the class's name in small letters: ``rate_limit``, ``timeout``."""
    name = type(error).__name__.removeprefix("API").removesuffix("Error")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
