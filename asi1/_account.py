"""Floor 3. The account of a reply, out of its status and headers; the plain reply."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ._errors import APIResponseError
from ._json import load_json
from ._response import RateLimits, ResponseInfo
from ._types import JSON, public


__all__ = ["RawReply", "read_info"]


@public
@frozen(kw_only=True)
class RawReply:
    """
    The reply of an endpoint that asi1 has no method for.

    Attributes:
        content: The body.
        response: How it came.
    """

    content: bytes
    response: ResponseInfo

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> JSON:
        """
        Read the body as JSON.

        Raises:
            APIResponseError: It is none.
        """
        try:
            return load_json(self.content)
        except ValueError as error:
            raise APIResponseError(
                f"the reply is no JSON ({error})",
                body=self.text[: 64 * 1024],
                response=self.response,
            ) from None


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
