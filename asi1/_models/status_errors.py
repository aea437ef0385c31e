"""
The errors of a status: the server answered, and refused.

One class for each status that a caller may treat in its own way; the tree is drawn in
`errors`.
"""

from collections.abc import Mapping

from attrs import define

from .base_types import JSON, public
from .errors import APIError


__all__ = [
    "ERROR_BY_STATUS",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "ContextLengthError",
    "InternalServerError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "RequestTooLargeError",
    "UnprocessableEntityError",
    "error_class",
]


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIStatusError(APIError):
    """
    The server refused, with a status that is no success.

    Attributes:
        status_code: HTTP status.
        code: The server's own word for it, if it has one.
        type: The server's kind of error, if it tells.
        param: The request field the server names, if it does.
        body: The reply's JSON, or its text, at most 64 KiB; None for none.
        retry_after: Seconds the server asks to wait; None if it does not.
    """

    status_code: int = 0
    code: str | None = None
    type: str | None = None
    param: str | None = None
    body: JSON = None
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.status_code}: {self.message}"


@public
class BadRequestError(APIStatusError):
    """400: the server does not take the request as it is."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ContextLengthError(BadRequestError):
    """
    400: the request holds more than the model can read at once.

    Attributes:
        limit: Tokens the model can read and write, if the server tells.
        requested: Prompt tokens of the request, if the server tells.
    """

    limit: int | None = None
    requested: int | None = None


@public
class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


@public
class PaymentRequiredError(APIStatusError):
    """402: the account has to be paid first."""


@public
class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


@public
class NotFoundError(APIStatusError):
    """404: no such path or model."""


@public
class ConflictError(APIStatusError):
    """409: the request clashes with another."""


@public
class RequestTooLargeError(APIStatusError):
    """413: the request is longer than the server takes."""


@public
class UnprocessableEntityError(APIStatusError):
    """422: the request is well formed, and wrong."""


@public
class RateLimitError(APIStatusError):
    """429: too many requests or tokens; ``retry_after`` may say when to come back."""


@public
class QuotaExceededError(RateLimitError):
    """429 for a quota or balance that is used up: waiting does not help."""


@public
class InternalServerError(APIStatusError):
    """500 and above: the server failed."""


ERROR_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def error_class(status: int) -> type[APIStatusError]:
    """Return the class of a status; a quota and a full context need the body too."""
    if status >= 500:
        return InternalServerError
    return ERROR_BY_STATUS.get(status, APIStatusError)
