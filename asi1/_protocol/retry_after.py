"""Reads how long a reply asks the client to wait before the next attempt."""

from __future__ import annotations

import math
import re

from collections.abc import Mapping
from datetime import UTC


__all__ = ["retry_after"]

# A number in a retry header. The pattern is stricter than Python's `float`, which also
# accepts "nan", "1_000" and signs.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][0-9]+)?")


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """
    Return how many seconds the server asks to wait; None without a valid header.

    ``retry-after-ms`` wins over ``retry-after``, which contains seconds or an HTTP
    date. A value that is negative, zero, infinite, not a number, or a past date is
    ignored.

    Args:
        headers: The reply's headers, names in lowercase.
        wall: The current time, in seconds since 1970.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    # `email.utils` is imported only for a date: it loads slowly, and dates are rare.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        date = parsedate_to_datetime(text)
        # The oldest form of an HTTP date has no time zone; every HTTP date is in GMT.
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - wall
    except (ValueError, OverflowError, IndexError):
        return None
    return seconds if seconds > 0 else None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) and number > 0 else None
