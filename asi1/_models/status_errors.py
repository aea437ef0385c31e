"""
The errors for HTTP statuses other than 2xx.

There is one class for each status that callers may want to handle; `errors` shows the
whole tree.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from .._fork_lock import run_apart_once
from .base_types import public
from .errors import APIError
from .response import ResponseInfo


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
    The server refused the request, with a status other than 2xx.

    Attributes:
        status_code: The HTTP status.
        code: The error's ``code`` in the error body; None if missing. The code and the
            message are looked for in at least the first 512 KiB of the error body.
        body: The error body as JSON, if it has at most 64 KiB; otherwise, or if it is
            not JSON, its first 64 KiB as text; None if empty.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
    """

    status_code: int = 0
    retry_after: float | None = None

    def __attrs_post_init__(self) -> None:
        # True if a test has created the error with the arguments of OpenAI's error.
        if not self.status_code and self.response.status:
            for name, value in _fields_of()(self.response, self.body).items():
                if not getattr(self, name):
                    setattr(self, name, value)
        super().__attrs_post_init__()

    def __str__(self) -> str:
        return f"{self.status_code}: {super().__str__()}"


@public
class BadRequestError(APIStatusError):
    """400: the server rejects the request as invalid."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ContextLengthError(BadRequestError):
    """
    400: the request is longer than the model's context.

    Attributes:
        limit: The model's context size in tokens; None if the error body omits it.
        requested: Prompt tokens of the request; None if the error body omits it.
    """

    limit: int | None = None
    requested: int | None = None


@public
class AuthenticationError(APIStatusError):
    """401: the API key is missing or wrong."""


@public
class PaymentRequiredError(APIStatusError):
    """402: the account needs a payment before it can be used."""


@public
class PermissionDeniedError(APIStatusError):
    """403: the API key does not have permission for this request."""


@public
class NotFoundError(APIStatusError):
    """404: the path or model does not exist."""


@public
class ConflictError(APIStatusError):
    """409: the request conflicts with another request."""


@public
class RequestTooLargeError(APIStatusError):
    """413: the request is larger than the server accepts."""


@public
class UnprocessableEntityError(APIStatusError):
    """422: the request is well-formed, but its values are invalid."""


@public
class RateLimitError(APIStatusError):
    """429: too many requests or tokens; ``retry_after`` may say how long to wait."""


@public
class QuotaExceededError(RateLimitError):
    """429 because the quota or balance is used up: waiting does not help."""


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
    """Return the error class of *status*; the error body may call for a subclass."""
    if status >= 500:
        return InternalServerError
    return ERROR_BY_STATUS.get(status, APIStatusError)


@run_apart_once
def _fields_of() -> Callable[[ResponseInfo, Any], dict[str, Any]]:
    from .openai_errors import fields_of  # noqa: PLC0415 - only for tests of other code

    return fields_of
