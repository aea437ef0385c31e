"""
How a reply came: the account that every result, stream and error carries.

Plain data only, and no secrets: cookies are left out, and the request's own headers
are never kept.
"""

from collections.abc import Mapping

from attrs import field, frozen

from .base_types import public


__all__ = ["Attempt", "RateLimits", "ResponseInfo", "read_info"]


@public
@frozen(kw_only=True)
class Attempt:
    """
    One try of a call.

    Attributes:
        number: 1 for the first.
        status: The reply's HTTP status; None if no reply came.
        cause: Why it failed, in one line; None if it did not.
        sent: False if the request surely never left this machine. A failed try with
            True may have been billed.
        elapsed: Seconds that the try took.
        wait: Seconds waited after it, before the next try; None after the last.
    """

    number: int
    status: int | None = None
    cause: str | None = None
    sent: bool = True
    elapsed: float = 0.0
    wait: float | None = None


@public
@frozen(kw_only=True)
class RateLimits:
    """
    What the ``x-ratelimit-*`` headers say; None where there is none.

    Attributes:
        reset_requests: Until the count of requests starts anew, as sent ("6ms", "20").
        reset_tokens: The same for tokens.
    """

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests: str | None = None
    reset_tokens: str | None = None


@public
@frozen(kw_only=True)
class ResponseInfo:
    """
    How a reply came.

    Attributes:
        status: HTTP status of the last reply; None if there was none.
        request_id: The server's name for the request, if it gave one.
        headers: Of the last reply, names in lowercase, without cookies.
        attempts: Every try, oldest first.
        elapsed: Seconds from the call to its end, waits included; None while a stream
            is still open.
        time_to_first_token: Seconds from the call to the first thought or text of a
            stream; None without one.
        rate_limits: None if the server sent no such headers.
    """

    status: int | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    attempts: tuple[Attempt, ...] = ()
    elapsed: float | None = None
    time_to_first_token: float | None = None
    rate_limits: RateLimits | None = None


def read_info(status: int, headers: Mapping[str, str]) -> ResponseInfo:
    """Return the account of a reply; *headers* have lowercase names."""
    kept = {k: v for k, v in headers.items() if not k.startswith("set-cookie")}
    return ResponseInfo(
        status=status,
        request_id=kept.get("x-request-id") or kept.get("request-id"),
        headers=kept,
        rate_limits=_rate_limits(kept),
    )


def _rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    if not any(name.startswith("x-ratelimit-") for name in headers):
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
