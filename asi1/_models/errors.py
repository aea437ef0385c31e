"""
Every exception that leaves this package.

    ASI1Error
    ├── ConfigurationError          set up wrongly; nothing was sent
    │   └── ArgumentError               one argument of one call is wrong
    ├── APIError                    a call failed
    │   ├── APIConnectionError          no usable reply arrived
    │   │   └── APITimeoutError             a time limit passed; ``phase`` says which
    │   ├── APIStatusError              the server refused
    │   │   ├── BadRequestError             400
    │   │   │   └── ContextLengthError          more than the model can read at once
    │   │   ├── AuthenticationError         401
    │   │   ├── PaymentRequiredError        402
    │   │   ├── PermissionDeniedError       403
    │   │   ├── NotFoundError               404
    │   │   ├── ConflictError               409
    │   │   ├── RequestTooLargeError        413
    │   │   ├── UnprocessableEntityError    422
    │   │   ├── RateLimitError              429
    │   │   │   └── QuotaExceededError          used up: waiting does not help
    │   │   └── InternalServerError         500 and above
    │   ├── APIResponseError            a 2xx reply that is not an answer
    │   └── StreamError                 a stream broke; ``partial`` holds what came
    │       ├── StreamTruncatedError        it ended before the answer did
    │       ├── StreamInterruptedError      the connection broke
    │       ├── StreamDecodeError           an event was no chunk
    │       └── ServerStreamError           the server reported an error in it
    ├── ClientClosedError           closed before the call, or during it
    ├── StreamClosedError           closed before a read, or during it
    ├── StreamConsumedError         read a second time
    ├── StreamBusyError             read by two at once
    └── ConversationBusyError       asked while it waits for an answer

Errors hold plain data, never an object of the HTTP library: they pickle, copy and
compare, and they never hold the key. Those of a status are in `status_errors`.
"""

from typing import Any

from attrs import define, field

from .base_types import JSON, public
from .completion import ChatCompletion
from .response import ResponseInfo


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APITimeoutError",
    "ASI1Error",
    "ArgumentError",
    "ClientClosedError",
    "ConfigurationError",
    "ConversationBusyError",
    "ServerStreamError",
    "StreamBusyError",
    "StreamClosedError",
    "StreamConsumedError",
    "StreamDecodeError",
    "StreamError",
    "StreamInterruptedError",
    "StreamTruncatedError",
]

# attrs writes the constructors; identity, text and pickling are the root's own.


@public
@define(slots=False, eq=False, repr=False, auto_exc=False)
class ASI1Error(Exception):
    """
    Root of the tree: catch this to catch everything that asi1 raises.

    Attributes:
        message: What happened, for people.
    """

    message: str

    def __attrs_post_init__(self) -> None:
        Exception.__init__(self, self.message)

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.message))

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle names public classes only, so that it is read by versions of asi1
        # whose private modules differ, as the workers of a cluster may have them.
        return type(self).__new__, (type(self), self.message), dict(self.__dict__)


@public
@define(slots=False, eq=False, repr=False, auto_exc=False)
class ConfigurationError(ASI1Error, ValueError):
    """The client was set up wrongly; nothing was sent. Never holds a secret's value."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ArgumentError(ConfigurationError, TypeError):
    """
    An argument of one call is wrong; nothing was sent.

    Attributes:
        argument: Its name, with the place inside it: ``messages[2].role``.
    """

    argument: str = ""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIError(ASI1Error):
    """
    A call failed.

    Attributes:
        response: How far it came: status, headers, every attempt, times.
    """

    response: ResponseInfo = field(factory=ResponseInfo)

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, None if it gave none."""
        return self.response.request_id


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIConnectionError(APIError):
    """
    No usable reply arrived.

    Attributes:
        sent: False if the request surely never left this machine; with True the server
            may have worked on it, and may bill it.
        retryable: False for what another try cannot heal, such as a bad certificate.
    """

    sent: bool = True
    retryable: bool = True


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APITimeoutError(APIConnectionError):
    """
    A time limit passed.

    Attributes:
        phase: Which one: "connect", "write", "pool", "first_token", "idle", "total".
        elapsed: Seconds since the call began.
        partial: What a stream had brought by then; None without one.
    """

    phase: str = "total"
    elapsed: float = 0.0
    partial: ChatCompletion | None = None


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class APIResponseError(APIError):
    """
    A reply arrived with a status of success, and is not an answer.

    Attributes:
        code: The word of an error object in the reply, if there is one.
        type: Its kind, likewise.
        body: The reply's JSON, or at most 64 KiB of its text; None for none.
    """

    code: str | None = None
    type: str | None = None
    body: JSON = None


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class StreamError(APIError):
    """
    A stream broke after it had begun.

    Attributes:
        partial: The answer as far as it came: text, thoughts, tool calls, usage. A
            tool call in it may be cut.
    """

    partial: ChatCompletion = field(factory=ChatCompletion)


@public
class StreamTruncatedError(StreamError):
    """The stream ended in good order, before the answer was finished."""


@public
class StreamInterruptedError(StreamError):
    """The connection broke in the middle of the stream."""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class StreamDecodeError(StreamError):
    """
    An event of the stream is no chunk, or is too large.

    Attributes:
        snippet: The beginning of its data, at most 200 characters.
    """

    snippet: str = ""


@public
@define(slots=False, eq=False, repr=False, auto_exc=False, kw_only=True)
class ServerStreamError(StreamError):
    """
    The server reported an error inside the stream.

    Attributes:
        code: The server's own word for it, if it has one.
        type: The server's kind of error, if it tells.
        body: The event's JSON, or its text.
    """

    code: str | None = None
    type: str | None = None
    body: JSON = None


@public
class ClientClosedError(ASI1Error):
    """The client was closed, before the call or during it, or others cancelled it."""


@public
class StreamClosedError(ASI1Error):
    """The stream was closed, before a read or during it, or others cancelled it."""


@public
class StreamConsumedError(ASI1Error):
    """The stream was read to its end before; it cannot be read again."""


@public
class StreamBusyError(ASI1Error):
    """Somebody else is reading the stream at this moment."""


@public
class ConversationBusyError(ASI1Error):
    """The conversation waits for an answer; it has one turn at a time."""
