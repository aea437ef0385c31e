"""Merges and compares JSON values in the deltas of tool calls; rarely needed."""

import json

from collections.abc import Mapping, Sequence

from ..._models.base_types import JSON
from ..._models.json_text import json_text, load_json


__all__ = ["merged", "repeats", "updated"]


def merged(texts: Sequence[str]) -> str:
    """Merge the JSON objects *texts*; if one is not an object, return the last text."""
    whole: dict[str, JSON] = {}
    values = []
    for text in texts:
        try:
            value = load_json(text.encode())
        except ValueError:
            return texts[-1]
        if not isinstance(value, dict):
            return texts[-1]
        values.append(value)
        whole |= value
    same = (text for text, value in zip(texts, values, strict=True) if value == whole)
    return next(same, None) or json_text(whole)


def repeats(new: str, old: str) -> bool:
    """Whether *new* is the same JSON as *old*, or *old* is an empty object."""
    if old.strip() in ("{}", new):
        return True
    try:
        values = [load_json(t.encode()) for t in (new, old)]
        # In Python True == 1, so the values are compared as JSON text.
        texts = {json.dumps(value, sort_keys=True) for value in values}
    except ValueError:
        return False
    return len(texts) == 1 and isinstance(values[0], dict)


def updated(
    members: dict[str, JSON] | None, more: Mapping[str, JSON]
) -> tuple[dict[str, JSON] | None, bool]:
    """Return *members* updated with *more*, and whether *more* adds anything new."""
    if not more:
        return members, False
    members = members or {}
    new = [
        not members.get(name) if isinstance(value, str) else members.get(name) != value
        for name, value in more.items()
        if value and not isinstance(value, int | float)
    ]
    members.update(more)
    return members, any(new)
