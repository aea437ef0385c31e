"""
The two types of httpx that users meet: ``http_client=`` and ``transport=``.

Type checkers see them; a running program does not load httpx for its annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias


__all__ = ["HTTPClient", "HTTPTransport"]

if TYPE_CHECKING:
    import httpx

    HTTPClient: TypeAlias = httpx.AsyncClient
    HTTPTransport: TypeAlias = httpx.AsyncBaseTransport
else:
    HTTPClient = HTTPTransport = Any
