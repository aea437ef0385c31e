"""
Every exception that this package raises.

    ASI1Error
    ├── ConfigurationError          invalid settings; nothing more is sent
    │   └── ArgumentError               an argument of a call is invalid
    ├── APIError                    a call failed
    │   ├── APIConnectionError          no usable reply arrived
    │   │   └── APITimeoutError             a timeout passed; ``phase`` says which
    │   ├── APIStatusError              a status other than 2xx
    │   │   ├── BadRequestError             400
    │   │   │   └── ContextLengthError          longer than the model's context
    │   │   ├── AuthenticationError         401
    │   │   ├── PaymentRequiredError        402
    │   │   ├── PermissionDeniedError       403
    │   │   ├── NotFoundError               404
    │   │   ├── ConflictError               409
    │   │   ├── RequestTooLargeError        413
    │   │   ├── UnprocessableEntityError    422
    │   │   ├── RateLimitError              429
    │   │   │   └── QuotaExceededError          quota used up: waiting does not help
    │   │   └── InternalServerError         500 and above
    │   ├── APIResponseError            a 2xx reply that is not an answer
    │   └── StreamError                 a stream broke; ``partial`` is the answer so far
    │       ├── StreamTruncatedError        it ended before the answer was complete
    │       ├── StreamInterruptedError      the connection broke
    │       ├── StreamDecodeError           an event is not a valid chunk
    │       └── ServerStreamError           the server sent an error event
    ├── OutputError                 an answer did not become the requested value
    │   ├── OutputTruncatedError        it ends before the value is complete
    │   │   └── ThoughtBudgetError          the model's thoughts used up all tokens
    │   ├── OutputRefusedError          the model refused to answer
    │   └── OutputInvalidError          it is not JSON, or does not fit the type
    ├── BudgetExceededError         a request could exceed a budget; it was not sent
    ├── MaxRoundsError              the model called tools in every round
    ├── ToolError                   raised by your tool, for the model to read
    ├── ClientClosedError           the client was closed before or during the call
    ├── CallCancelledError          the caller was cancelled; only hooks see this error
    ├── StreamClosedError           the stream was closed before or during the read
    ├── StreamConsumedError         the stream was read a second time
    ├── StreamBusyError             another reader is reading the stream
    └── ConversationBusyError       another turn is waiting for its answer

Errors are plain data without the API key, so they can be pickled, copied and compared.
`busy_errors`, `output_errors`, `status_errors` and ``tools.errors`` define more.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from .._fork_lock import run_apart_once
from .base_types import JSON, Hinted, public
from .completion import ChatCompletion
from .response import ResponseInfo, as_info, forget, timeout_message


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APITimeoutError",
    "ASI1Error",
    "ArgumentError",
    "CallCancelledError",
    "ClientClosedError",
    "ConfigurationError",
    "ServerStreamError",
    "StreamClosedError",
    "StreamDecodeError",
    "StreamError",
    "StreamInterruptedError",
    "StreamTruncatedError",
]


@public
@define(slots=False, eq=False, repr=False, auto_exc=False)
class ASI1Error(Exception):
    """
    Base class of all errors: catch it to catch everything that asi1 raises.

    ``str`` and ``print`` show the message without control characters.

    Attributes:
        message: What happened, as readable text; may quote the server unchanged.
    """

    message: str

    def __attrs_post_init__(self) -> None:
        Exception.__init__(self, self.message)

    def __str__(self) -> str:
        message = self.message
        return message if message.isprintable() else _visible()(message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.message))

    def __reduce__(self) -> tuple[Any, ...]:
        # The process that loads a pickle may run a version of asi1 with other private
        # modules, so a pickle names only public classes.
        return type(self).__new__, (type(self), self.message), dict(self.__dict__)


@public
@define(slots=False, eq=False, repr=False, auto_exc=False)
class ConfigurationError(ASI1Error, ValueError):
    """A client setting is invalid; nothing more is sent. The text shows no secrets."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ArgumentError(ConfigurationError, TypeError):
    """
    An argument of a call is invalid; nothing was sent.

    Attributes:
        argument: The argument, and the path to its invalid part: ``messages[2].role``.
    """

    argument: str = ""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIError(ASI1Error):
    """
    A call failed.

    So that tests of programs can create them, these errors take an ``httpx.Response``
    and a *request* as OpenAI's errors do; the *request* is not kept.

    Attributes:
        response: The response metadata: status, headers, all attempts, times.
        code: The ``code`` of the server's error; None if it sent none.
        type: The ``type`` of the server's error; None if it sent none.
        param: The request field that the server's error names; None if it names none.
        body: What the server sent in place of an answer; None if it sent nothing.
    """

    _request: None = field(
        default=None, converter=forget, alias="request", repr=False, kw_only=False
    )
    response: ResponseInfo = field(factory=ResponseInfo, converter=as_info)
    code: str | None = None
    type: str | None = None
    param: str | None = None
    body: JSON = None

    @property
    def request_id(self) -> str | None:
        """The server's id of the request; None if the server sent none."""
        return self.response.request_id

    if not TYPE_CHECKING:
        __getattr__ = Hinted.__getattr__


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIConnectionError(APIError):
    """
    No usable reply arrived.

    Attributes:
        sent: False if the request certainly never left this machine. If True, the
            server may have processed and billed the request.
        retryable: False if a retry cannot help, such as with a bad certificate.
    """

    message: str = field(default="Connection error.", kw_only=False)
    _request: None = field(default=None, converter=forget, alias="request", repr=False)
    sent: bool = True
    retryable: bool = True


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APITimeoutError(APIConnectionError):
    """
    A timeout passed.

    Attributes:
        phase: "connect", "write", "pool", "first_token", "idle" or "total".
        elapsed: Seconds from the start of the call to the timeout.
        partial: The answer so far, if a chunk of a stream has arrived; otherwise None.
    """

    message: str = field(default=None, converter=timeout_message, kw_only=False)
    phase: str = "total"
    elapsed: float = 0.0
    partial: ChatCompletion | None = None


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIResponseError(APIError):
    """
    A reply with a 2xx status is not an answer.

    Attributes:
        body: The reply's body as JSON, or else its first 64 KiB as text; None if empty.
        retryable: Whether the reply is an error that may pass, such as a rate limit.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
    """

    retryable: bool = False
    retry_after: float | None = None


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class StreamError(APIError):
    """
    A stream failed after it had begun.

    Attributes:
        partial: The answer so far; a tool call in it may be incomplete.
    """

    partial: ChatCompletion = field(factory=ChatCompletion)


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class StreamTruncatedError(StreamError):
    """
    The stream ended cleanly, but before the answer was complete.

    Attributes:
        retryable: Whether a requested stream ended before the first part of its answer.
    """

    retryable: bool = False


@public
class StreamInterruptedError(StreamError):
    """The connection broke in the middle of the stream."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class StreamDecodeError(StreamError):
    """
    An event of the stream is not a valid chunk, or is too large.

    Attributes:
        snippet: The first characters of the event's data, at most 200.
    """

    snippet: str = ""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ServerStreamError(StreamError):
    """
    The server sent an error event inside the stream.

    Attributes:
        body: The event's data as JSON, or as text if it is not valid JSON.
        retryable: Whether the error may pass, such as a rate limit, and came before
            the first part of the answer.
        retry_after: Seconds that the server asks to wait; None if it does not ask.
    """

    retryable: bool = False
    retry_after: float | None = None


@public
class ClientClosedError(ASI1Error):
    """The client was closed before or during a call, or the call task was cancelled."""


@public
class CallCancelledError(ASI1Error):
    """The caller was cancelled, or no longer waits; only hooks see this error."""


@public
class StreamClosedError(ASI1Error):
    """The stream was closed before or during a read, or its call task was cancelled."""


@run_apart_once
def _visible() -> Callable[[str], str]:
    from .visible import visible  # noqa: PLC0415 - few messages have control characters

    return visible
