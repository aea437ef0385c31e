"""
Turns an error into the status, code and message that a service sends to its callers.

A service reports a caller's own mistakes to the caller. A failure between the service
and ASI-1, such as a refused key, is not the caller's fault and becomes a 502 or 504.
"""

from __future__ import annotations

import math
import re

from attrs import frozen

from .._models.base_types import JSON
from .._models.busy_errors import ConversationBusyError
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ArgumentError,
    ASI1Error,
    ClientClosedError,
    StreamClosedError,
    StreamInterruptedError,
)
from .._models.status_errors import (
    APIStatusError,
    AuthenticationError,
    PermissionDeniedError,
)


__all__ = ["Failure", "failure"]

# Statuses of ASI-1 that the service forwards to its caller: those of the caller's own
# mistakes, and 429, after which the caller can retry.
_FORWARDED = frozenset({400, 413, 422, 429})
_UPSTREAM_TIMEOUT = frozenset({408, 504})
# Matches the host at the start of a connection error's message. The host is removed,
# since callers of the service need not know it.
_HOST = re.compile(r"^\S+: ")
# Maximum number of characters in an error message that a service sends.
_LONGEST = 1000


@frozen
class Failure:
    """
    The parts of an error that a service sends to its callers.

    Attributes:
        status: HTTP status: 502 for upstream failures, 504 for timeouts.
        code: The error's code for programs, such as ``rate_limit``.
        message: The explanation for people, without the service's own mistakes and
            the hosts that it connects to.
        retry_after: Seconds to wait; None if ASI-1 did not ask for a wait.
        request_id: ASI-1's id of the request; None if ASI-1 did not send one.
    """

    status: int
    code: str
    message: str
    retry_after: float | None = None
    request_id: str | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return all fields as a JSON object."""
        return {
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "retry_after": self.retry_after,
            "request_id": self.request_id,
        }

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send with the status: ``retry-after``, or none."""
        if self.retry_after is None:
            return {}
        return {"retry-after": str(math.ceil(self.retry_after))}


def failure(error: Exception) -> Failure:
    """
    Return the parts of *error* that a web service may send to its own callers.

    If ASI-1 refused the key, the message says only that the service is set up wrongly.
    """
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        # ASI-1's message may describe the service's account, key and permissions.
        return Failure(502, "configuration", "the service is set up wrongly")
    if isinstance(error, APIError):
        return Failure(
            _status(error),
            _code(error),
            _message(error),
            _wait(error),
            error.request_id,
        )
    if isinstance(error, ArgumentError):
        return Failure(400, _code(error), error.message[:_LONGEST])
    if isinstance(error, ConversationBusyError):
        return Failure(409, _code(error), "the conversation waits for an answer")
    if isinstance(error, ClientClosedError | StreamClosedError):
        return Failure(503, _code(error), "the service is closing")
    code = _code(error) if isinstance(error, ASI1Error) else "internal"
    return Failure(500, code, "the service failed")


def _status(error: APIError) -> int:
    if isinstance(error, APITimeoutError):
        return 504
    if isinstance(error, APIStatusError):
        if error.status_code in _FORWARDED:
            return error.status_code
        if error.status_code in _UPSTREAM_TIMEOUT:
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


def _code(error: Exception) -> str:
    """Return the error class's name in snake case, such as ``rate_limit``."""
    name = type(error).__name__.removeprefix("API").removesuffix("Error")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
