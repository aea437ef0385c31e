"""The requests of one call: one request, or more if the server refuses the first."""

from __future__ import annotations

import uuid

from typing import Protocol

import attrs

from .._models.status_errors import APIStatusError
from .._protocol.request import Request


__all__ = ["OneRequest", "Requests", "idempotency_headers"]


class Requests(Protocol):
    """Provides a call's first request, and another if the server refuses the first."""

    async def first(self, began: float) -> Request:
        """Return the first request; the call began at *began* on the loop's clock."""
        ...

    async def after(self, refusal: APIStatusError) -> Request | None:
        """
        Return the request to send after the server's *refusal* of the last request.

        None if the call must fail with *refusal*.
        """
        ...


@attrs.frozen
class OneRequest:
    """The `Requests` of a call that sends a single request."""

    request: Request

    async def first(self, began: float) -> Request:  # noqa: ARG002 - as `Requests`
        """Return the request."""
        return self.request

    async def after(self, refusal: APIStatusError) -> None:
        """Return None: after a refusal, the call sends no other request."""


def idempotency_headers(key: str | None) -> dict[str, str]:
    """Return the header with the idempotency key of a call; "auto" is a random key."""
    key = str(uuid.uuid4()) if key == "auto" else key
    return {} if key is None else {"idempotency-key": key}
