"""The lines that ``asi1 batch`` prints: its progress and its summary."""

from __future__ import annotations

import math

from collections.abc import Sequence

import asi1

from ._view import dollars


__all__ = ["opening_lines", "progress_words", "summary_lines"]

_BETWEEN = ", "


def opening_lines(summary: asi1.BatchSummary) -> list[str]:
    """Return the lines to print before the first request is sent."""
    lines = [f"{_requests(summary.total)}, {summary.left:,} to send"]
    if summary.earlier:
        lines[0] += f", {summary.earlier:,} finished earlier"
    if summary.changed:
        lines.append(
            f"{_requests(summary.changed)} changed since the last run: sent again"
        )
    return lines


def progress_words(summary: asi1.BatchSummary, width: int | None = None) -> str:
    """
    Return one line about a running batch.

    Args:
        summary: The batch so far.
        width: Maximum characters of the line; less important parts are left out. None
            for no limit.
    """
    finished = summary.done + summary.failed
    sent = finished - summary.earlier
    rate = sent / summary.seconds if summary.seconds > 0 else 0.0
    left = f"{_duration(summary.left / rate)} left" if rate and summary.left else ""
    failed = f"{summary.failed:,} failed" if summary.failed else ""
    tokens = f"{summary.total_tokens:,} tokens"
    # The parts in the order of the line. Each number says how soon a part is left out:
    # the part with the highest number first.
    parts = [
        (0, f"{summary.done:,}/{summary.total:,} done"),
        (1, failed),
        (4, tokens),
        (3, dollars(summary.cost)),
        (5, f"{rate:.1f}/s"),
        (2, left),
    ]
    return _fitting([part for part in parts if part[1]], width)


def _fitting(parts: Sequence[tuple[int, str]], width: int | None) -> str:
    while True:
        line = _BETWEEN.join(text for _, text in parts)
        if width is None or len(line) <= width:
            return line
        if len(parts) == 1:
            return line[: max(width, 0)]
        least = max(parts)
        parts = [part for part in parts if part is not least]


def summary_lines(summary: asi1.BatchSummary) -> list[str]:
    """Return the lines to print after a batch has ended."""
    first = f"{summary.done:,} of {_requests(summary.total)} done"
    if summary.failed:
        errors = sorted(summary.errors.items(), key=lambda pair: (-pair[1], pair[0]))
        named = _BETWEEN.join(f"{count:,} {name}" for name, count in errors)
        first += f", {summary.failed:,} failed ({named})"
    if summary.left:
        first += f", {summary.left:,} not sent or not finished"
    if summary.earlier:
        first += f"; {summary.earlier:,} finished earlier"
    tokens = (
        f"{summary.total_tokens:,} tokens ({summary.prompt_tokens:,} in,"
        f" {summary.completion_tokens:,} out)"
    )
    parts = [tokens, dollars(summary.cost), f"{summary.seconds:.1f} s"]
    lines = [first, _BETWEEN.join(part for part in parts if part)]
    if summary.failed and not summary.left:
        lines.append("to send the failed requests again, add --retry-failed")
    return lines


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
