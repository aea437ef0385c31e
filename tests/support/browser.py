"""Server-sent events as a browser reads them, for the tests of services."""

from __future__ import annotations

import json

from typing import Any


__all__ = ["said", "seen"]


def seen(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the data of each event in a response body; skip comments."""
    assert body.endswith(b"\n\n") or not body
    events = []
    for block in body.decode().split("\n\n")[:-1]:
        if not block.startswith(":"):
            name, data = block.split("\n")
            assert name.startswith("event: ")
            assert data.startswith("data: ")
            events.append((name[7:], json.loads(data[6:])))
    return events


def said(body: bytes) -> str:
    """Return the answer's text, joined from the data of the events named "text"."""
    return "".join(data["text"] for name, data in seen(body) if name == "text")
