"""
Metadata of a reply, in addition to its content: status, headers, attempts, tokens.

Plain data without secrets: cookies and the request's headers are left out. This module
has no ``from __future__ import annotations``, since cattrs reads annotations at run
time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from attrs import field, frozen

from .._fork_lock import run_apart_once
from .base import Model
from .base_types import JSON, Hinted, fields_repr, public


if TYPE_CHECKING:
    from decimal import Decimal


__all__ = [
    "NO_INFO",
    "Attempt",
    "Headers",
    "RateLimits",
    "ResponseInfo",
    "Usage",
    "as_info",
    "cost_of_all",
    "forget",
    "plausible",
    "read_info",
    "sum_of_usage",
    "timeout_message",
]

# A count of more tokens than this, or a negative one, cannot be true.
_MOST_TOKENS = 10**12


@public
@frozen(kw_only=True)
class Attempt:
    """
    One attempt of a call.

    Attributes:
        number: 1 for the first attempt.
        status: The reply's HTTP status; None if no reply came.
        cause: Why the attempt failed, in one line; None if it succeeded.
        sent: False if the request certainly never left this machine. If True, the
            attempt may have been billed, even if it failed.
        elapsed: Seconds that the attempt took.
        wait: Seconds waited before the next attempt; None after the last attempt.
    """

    number: int
    status: int | None = None
    cause: str | None = None
    sent: bool = True
    elapsed: float = 0.0
    wait: float | None = None

    __repr__ = fields_repr


@public
@frozen(kw_only=True)
class RateLimits:
    """
    The values of the ``x-ratelimit-*`` headers; None for a missing header.

    Attributes:
        reset_requests: Time until the request limit resets, as the server wrote it,
            such as "6ms" or "20".
        reset_tokens: Time until the token limit resets, as the server wrote it.
    """

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests: str | None = None
    reset_tokens: str | None = None

    __repr__ = fields_repr


@public
@frozen(kw_only=True)
class ResponseInfo(Hinted):
    """
    Response metadata of a call: status, headers, attempts and times.

    Attributes:
        status: HTTP status of the last reply; None if no reply came.
        request_id: The server's id of the request; None if the server sent none.
        headers: Headers of the last reply, names in lowercase, without cookies. The
            name that you ask for may be in any case, unless the object was unpickled.
        attempts: All attempts, oldest first.
        elapsed: Seconds from the start of the call to its end, waits included; None
            while a stream is open.
        time_to_first_token: Seconds from the start of the call to the first thought or
            text of a stream; None before the first, and for calls without streaming.
        rate_limits: The server's rate limits; None if it sent no rate limit headers.
        cached: Whether the answer comes from the client's cache. Then no request was
            sent, and the call cost nothing; ``usage`` of the answer is that of the
            earlier call, which the server answered.
        model: The model that the request named; None if it named none.
        rates: The price that the client was given for the model, in US dollars for a
            million tokens: input, output, cached input, each a ``Decimal`` or None.
            None if the client was given none; then `PRICES` applies.
    """

    status: int | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    attempts: tuple[Attempt, ...] = ()
    elapsed: float | None = None
    time_to_first_token: float | None = None
    rate_limits: RateLimits | None = None
    cached: bool = False
    model: str | None = None
    rates: tuple[JSON, JSON, JSON] | None = field(default=None, repr=False)

    __repr__ = fields_repr

    @property
    def status_code(self) -> int | None:
        """The status, under the name that it has in httpx."""
        return self.status


# The metadata of all calls before their reply: to create one for each would take long.
NO_INFO = ResponseInfo()


def as_info(response: Any) -> ResponseInfo:
    """Return *response*, metadata or an ``httpx.Response``, as metadata."""
    if isinstance(response, ResponseInfo):
        return response
    status = getattr(response, "status_code", None)
    headers = getattr(response, "headers", None)  # a mock may have any value here
    pairs = headers.items() if isinstance(headers, Mapping) else ()
    info = read_info(0, {str(k).lower(): str(v) for k, v in pairs})
    return attrs.evolve(info, status=status if isinstance(status, int) else None)


def timeout_message(message: object) -> str:
    """
    Return *message*; OpenAI's default text if it is None, or is a request, which
    OpenAI's error takes in this place.
    """
    return message if isinstance(message, str) else "Request timed out."


def forget(request: object) -> None:
    """Do nothing: an error's *request* is not kept, since it may have the API key."""
    del request


class Headers(dict[str, str]):
    """Headers, with lowercase names, that can be looked up by a name in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __reduce__(self) -> tuple[type, tuple[dict[str, str]]]:
        return dict, (dict(self),)  # a pickle must not name a private class


def read_info(
    status: int, headers: Mapping[str, str], model: str | None = None
) -> ResponseInfo:
    """Return the metadata of a reply; *headers* must have lowercase names."""
    kept = Headers(headers)
    for name in headers:
        if name.startswith("set-cookie"):
            del kept[name]
    return ResponseInfo(
        status=status,
        request_id=headers.get("x-request-id") or headers.get("request-id"),
        headers=kept,
        rate_limits=_rate_limits(headers),
        model=model,
    )


def _rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    if "x-ratelimit-" not in "\n".join(headers):
        return None

    def count(name: str) -> int | None:
        text = headers.get(f"x-ratelimit-{name}", "")
        return (
            int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
        )

    limits = RateLimits(
        limit_requests=count("limit-requests"),
        limit_tokens=count("limit-tokens"),
        remaining_requests=count("remaining-requests"),
        remaining_tokens=count("remaining-tokens"),
        reset_requests=headers.get("x-ratelimit-reset-requests"),
        reset_tokens=headers.get("x-ratelimit-reset-tokens"),
    )
    return limits if limits != RateLimits() else None


@public
@frozen(kw_only=True, repr=False)
class Usage(Model):
    """
    The tokens that a call used. Prompt tokens include the text that the server adds.

    Attributes:
        reasoning_tokens: Completion tokens spent on thoughts; None if the server does
            not report them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None

    @property
    def cached_tokens(self) -> int:
        """The prompt tokens that the server had cached; 0 if it reports none."""
        details = self.extra.get("prompt_tokens_details")
        found = None
        if details and isinstance(details, Mapping):
            found = details.get("cached_tokens")
        if found is None:
            found = self.extra.get("prompt_cache_hit_tokens")
        return max(min(found, self.prompt_tokens), 0) if type(found) is int else 0


def plausible(usage: Usage | None) -> Usage | None:
    """Return *usage*; None if its counts cannot be true, and so are ignored."""
    if usage is None:
        return None
    prompt, answer = usage.prompt_tokens, usage.completion_tokens
    fits = 0 <= prompt <= _MOST_TOKENS and 0 <= answer <= _MOST_TOKENS
    return usage if fits and (prompt or answer) else None


def sum_of_usage(one: Usage, two: Usage) -> Usage:
    """Return the sums of two calls' token counts; a sum is None if both counts are."""
    cached = one.cached_tokens + two.cached_tokens
    thoughts = [
        u.reasoning_tokens for u in (one, two) if u.reasoning_tokens is not None
    ]
    return Usage(
        prompt_tokens=one.prompt_tokens + two.prompt_tokens,
        completion_tokens=one.completion_tokens + two.completion_tokens,
        total_tokens=one.total_tokens + two.total_tokens,
        reasoning_tokens=sum(thoughts) if thoughts else None,
        extra={"prompt_tokens_details": {"cached_tokens": cached}} if cached else {},
    )


class _Answer(Protocol):
    @property
    def cost(self) -> "Decimal | None": ...


def cost_of_all(answers: Iterable[_Answer | None]) -> "Decimal | None":
    """Return the sum of the costs of *answers*; None if one of them is not known."""
    costs = [None if answer is None else answer.cost for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return _sum_of_costs()(known) if known and len(known) == len(costs) else None


@run_apart_once
def _sum_of_costs() -> "Callable[[Iterable[Decimal]], Decimal]":
    from .cost import sum_of_costs  # noqa: PLC0415 - rarely needed

    return sum_of_costs
