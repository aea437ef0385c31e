"""Says how a request differs from the nearest request in a cassette."""

from __future__ import annotations

import json

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any

from ._exchange import Asked


__all__ = ["nearest"]

# How many differences are counted, and how many are shown, at most.
_COUNTED = 100
_SHOWN = 6
# How many characters of a value are shown, and how many of these before the first
# difference.
_LONGEST = 60
_BEFORE = 20
_MISSING = object()


def nearest(asked: Asked, recorded: Sequence[Asked]) -> tuple[int, list[str]]:
    """
    Return the index of the request in *recorded* that is nearest to *asked*.

    Also return the first differences of the two requests, one per line.
    """
    found = [list(islice(_differences(each, asked), _COUNTED)) for each in recorded]
    target = asked.method, asked.target
    best = min(
        range(len(recorded)),
        key=lambda place: (
            (recorded[place].method, recorded[place].target) != target,
            len(found[place]),
        ),
    )
    lines, more = found[best][:_SHOWN], len(found[best]) - _SHOWN
    return best, [*lines, f"and {more} more"] if more > 0 else lines


def _differences(old: Asked, new: Asked) -> Iterator[str]:
    if (old.method, old.target) != (new.method, new.target):
        requests = (f"{each.method} {each.target}" for each in (old, new))
        yield _line("the request", *requests)
    yield from _in_values("$", old.compared, new.compared)


def _in_values(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            pair = old.get(name, _MISSING), new.get(name, _MISSING)
            yield from _in_values(f"{path}.{name}", *pair)
    elif isinstance(old, list) and isinstance(new, list):
        for place, pair in enumerate(zip_longest(old, new, fillvalue=_MISSING)):
            yield from _in_values(f"{path}[{place}]", *pair)
    elif old is _MISSING or new is _MISSING or _text(old) != _text(new):
        yield _line(path, old, new)


def _line(path: str, old: Any, new: Any) -> str:
    texts = [_text(old), _text(new)]
    same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(0, same - _BEFORE) if max(map(len, texts)) > _LONGEST else 0
    was, sent = (_excerpt(text, start) for text in texts)
    return f"{path}: recorded {was}, sent {sent}"


def _excerpt(text: str, start: int) -> str:
    part = text[start : start + _LONGEST]
    before, after = "..." * (start > 0), "..." * (start + _LONGEST < len(text))
    return f"{before}{part}{after}"


def _text(value: Any) -> str:
    return "nothing" if value is _MISSING else json.dumps(value, ensure_ascii=False)
