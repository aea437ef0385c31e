"""
Creates errors from the arguments of OpenAI's errors, for tests of users' programs.

``RateLimitError("...", response=httpx.Response(429, ...), body=None)`` has the fields
of an error that a call raises. Loaded for the first such error.
"""

from __future__ import annotations

import math

from collections.abc import Mapping
from typing import Any

from .response import ResponseInfo


__all__ = ["fields_of"]


def fields_of(response: ResponseInfo, body: Any) -> dict[str, Any]:
    """Return the fields of a status error that can be read from its HTTP reply."""
    inner = body.get("error", body) if isinstance(body, Mapping) else {}
    known = inner if isinstance(inner, Mapping) else {}
    return {
        "status_code": response.status,
        "retry_after": _seconds(response.headers),
        **{name: known.get(name) for name in ("code", "type", "param")},
    }


def _seconds(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:  # the header is missing, or is a date
            continue
        if 0 <= seconds < math.inf:
            return seconds
    return None
