"""
Reads how long a reply asks the client to wait before the next attempt.

The headers count first; the error body counts if no header names a wait.
"""

from __future__ import annotations

import math
import re

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice

from .._models.base_types import JSON
from .._settings.validators import is_number


__all__ = ["retry_after", "retry_after_in_body", "wait_of"]

# Matches a number in a retry header. Python's `float` is less strict: it also accepts
# "nan", "1_000" and signs.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][0-9]+)?")
# Matches the comma between the values of repeated headers, which HTTP libraries join; a
# decimal comma, as in "1,5", does not match.
_COMMA = re.compile(r",(?![0-9])")
# Maximum number of values that are read of one header, and of characters in each.
_MOST_VALUES = 64
_LONGEST_VALUE = 64

# Limits for reading an error body: members per object or items per list, nesting
# levels, and values in total.
_MOST_MEMBERS = 100
_DEEPEST = 6
_MOST_READ = 500
# Maximum characters of a message that are searched for a phrase.
_LONGEST_MESSAGE = 64 * 1024
# Members of an error body that are searched, like the body itself, for a wait time or a
# message.
_CONTAINERS = {
    *("data", "detail", "details", "error", "errors", "extensions"),
    *("meta", "metadata", "parameters", "retryinfo", "retry_info"),
}
_MESSAGES = {"description", "detail", "error", "message", "msg", "raw", "reason"}
# Matches the name of a member that has a wait time, in lowercase, without "_" and "-".
_NAME = re.compile(
    r"retry(?:after|delay|in)(?:s|secs?|seconds|(?P<milli>ms|milliseconds))?"
)

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_AMOUNT = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_UNIT = (
    r"(?:milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m"
    r"|hours?|hrs?|h|days?|d)(?![a-z])"
)
_PART = re.compile(rf"({_AMOUNT}) ?({_UNIT})", re.IGNORECASE)
_DURATION = rf"{_AMOUNT} ?{_UNIT}(?:,?(?: and)? ?{_AMOUNT} ?{_UNIT}){{0,4}}"
_WHOLE_DURATION = re.compile(_DURATION, re.IGNORECASE)
# Matches a request to wait, such as "retry after 5s", but not "retrying after 5s",
# which only says what the server did. Bounded repetitions keep the search linear in
# time.
_PHRASE = re.compile(
    r"\b(?:(?:re)?try(?P<told>ing)?|available)"
    r"(?: (?:again|later|it|that|the|this|your|call|requests?)){0,4},?"
    r" (?:in|(?(told)(?!)|after))"
    r"(?: (?:about|another|approximately|around|at least))? ?"
    rf"({_DURATION})"
    r"|\bwait(?: for)?(?: (?:about|another|approximately|around|at least))? ?"
    rf"({_DURATION})"
    r"|\bretry[ _-]?after[\"']? ?[:=]? ?"
    rf"({_DURATION}|{_AMOUNT}(?=[.,;!)\"'}}\]]{{1,3}}(?: |$)|$))",
    re.IGNORECASE,
)
# Matches words directly before a phrase that negate it, such as "not" in "do not retry
# after 5s".
_DENIED = re.compile(
    r"(?:\bnot|n['\u2019]t|\bgave up|\bstopped)(?: (?:currently|to|yet))? \Z",
    re.IGNORECASE,
)
_LONGEST_DENIAL = len("stopped currently ")
# Matches words that a message quotes, such as a part of the request; but not the names
# and values of members in truncated JSON.
_QUOTED = re.compile(
    r"(?<!\w)(?<![\"']:)(?<![\"']: )"
    r"(?:\"[^\"]*\"|'(?:[^']|(?<=\w)'(?=\w))*+'|`[^`]*`)(?!\w| ?[:=])"
    r"|\u201c[^\u201c\u201d]*\u201d"
)


def wait_of(headers: Mapping[str, str], body: JSON, wall: float) -> float | None:
    """Return the seconds that a reply asks to wait; None if it names no wait."""
    return retry_after(headers, wall) or retry_after_in_body(body)


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """
    Return how many seconds the headers ask to wait; None without a valid header.

    ``retry-after-ms`` wins over ``retry-after``, which contains seconds or an HTTP
    date. A date is compared to the reply's own ``date``, since the server's clock may
    differ from this machine's. Of several values in one header, the longest wait
    counts. A value that is negative, zero, infinite, not a number, or a past date is
    ignored.

    Args:
        headers: The reply's headers, names in lowercase, the values of a repeated
            header joined by commas.
        wall: The current time, in seconds since 1970; used for a reply without a date.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    milliseconds = _longest(map(_number, _values(headers.get("retry-after-ms", ""))))
    if milliseconds is not None:
        return milliseconds / 1000
    now: float | None = None
    waits: list[float | None] = []
    for text in _values(headers.get("retry-after", "")):
        wait = _number(text)
        if wait is None and (date := _date(text)) is not None:
            if now is None:
                sent = [_date(value) for value in _values(headers.get("date", ""))]
                now = min((at for at in sent if at is not None), default=wall)
            wait = date - now
        waits.append(wait)
    return _longest(waits)


def _values(text: str) -> Iterator[str]:
    """Yield a header's values, split at each comma, even the one within a date."""
    for piece in _COMMA.split(text, _MOST_VALUES)[:_MOST_VALUES]:
        value = piece.strip()
        if len(value) <= _LONGEST_VALUE:
            yield value


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _date(text: str) -> float | None:
    """Return an HTTP date in seconds since 1970; None if *text* is not a date."""
    try:
        date = parsedate_to_datetime(text)
        # HTTP dates are in GMT, but their oldest format does not name the time zone.
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, IndexError):
        return None


def _longest(waits: Iterable[float | None]) -> float | None:
    valid = (wait for wait in waits if wait is not None and 0 < wait < math.inf)
    return max(valid, default=None)


def retry_after_in_body(body: JSON) -> float | None:
    """
    Return how many seconds an error body asks to wait; None if it does not ask.

    A member such as ``retry_after``, ``retry_after_ms`` or ``retryDelay`` counts, else
    a phrase of a message, such as "try again in 1m30s". Of several waits, the longest
    counts.

    Args:
        body: The body as JSON, or as text if it is not JSON; None if it is empty.

    Source: https://cloud.google.com/apis/design/errors#error_payloads
    """
    members: list[float | None] = []
    messages: list[str] = []
    for name, value in islice(_read(body), _MOST_READ):
        if key := _NAME.fullmatch(name.replace("_", "").replace("-", "")):
            members.append(_member(value, 1000 if key["milli"] else 1))
        elif isinstance(value, str) and (not name or name in _MESSAGES):
            messages.append(value)
    wait = _longest(members)
    return _longest([_phrase(text) for text in messages]) if wait is None else wait


def _read(body: JSON) -> Iterator[tuple[str, JSON]]:
    """
    Yield the lowercase name and the value of each member of *body* and its containers.

    Containers are the members in `_CONTAINERS`. The body itself and the items of lists
    have the name "".
    """
    level: list[tuple[str, JSON]] = [("", body)]
    for _ in range(_DEEPEST):
        below: list[tuple[str, JSON]] = []
        for name, value in level:
            yield name, value
            if name and name not in _CONTAINERS:
                continue
            if isinstance(value, dict):
                members = islice(value.items(), _MOST_MEMBERS)
                below += [(str(key).lower(), inner) for key, inner in members]
            elif isinstance(value, list):
                below += [("", item) for item in value[:_MOST_MEMBERS]]
        level = below[:_MOST_READ]


def _member(value: JSON, per_second: int) -> float | None:
    """Return a member's seconds; a number without a unit is divided by *per_second*."""
    if isinstance(value, dict):  # a `Duration` message of protocol buffers
        seconds = _member(value.get("seconds"), 1) or 0.0
        return seconds + (_member(value.get("nanos"), 10**9) or 0.0)
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_VALUE:
            return None
        if _WHOLE_DURATION.fullmatch(text):
            return _duration(text)
        number = _number(text)
        return None if number is None else number / per_second
    return value / per_second if is_number(value) else None


def _phrase(text: str) -> float | None:
    """Return the longest wait that a message asks for."""
    text = _QUOTED.sub("", " ".join(text[:_LONGEST_MESSAGE].split()))
    return _longest(
        _duration(found[found.lastindex or 0])
        for found in _PHRASE.finditer(text)
        if not _DENIED.search(
            text, max(0, found.start() - _LONGEST_DENIAL), found.start()
        )
    )


def _duration(text: str) -> float:
    """Return the seconds of "1m30s", "350 ms", "2 seconds", or of "35"."""
    parts = _PART.findall(text)
    return sum(_seconds(*part) for part in parts) if parts else float(text)


def _seconds(amount: str, unit: str) -> float:
    if unit.lower().startswith(("ms", "mil")):
        return float(amount) / 1000
    return float(amount) * _SECONDS[unit[0].lower()]
