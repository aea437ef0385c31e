"""How long a reply asks the client to wait before the next try."""

from __future__ import annotations

import math
import re

from collections.abc import Mapping
from datetime import UTC


__all__ = ["retry_after"]

# Python reads more as a number than HTTP means.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][0-9]+)?")


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """
    Read how long the server asks to wait, in seconds; None if it says nothing usable.

    ``retry-after-ms`` wins over ``retry-after``, which holds seconds or an HTTP date.
    A value that is negative, zero, past, infinite or not a number counts as nothing.

    Args:
        headers: Of the reply, names in lowercase.
        wall: The time now, in seconds since 1970.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    # It takes long to load, and servers hardly ever send dates.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        date = parsedate_to_datetime(text)
        # The oldest form of a date names no zone; all of them are in GMT.
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - wall
    except (ValueError, OverflowError, IndexError):
        return None
    return seconds if seconds > 0 else None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) and number > 0 else None
