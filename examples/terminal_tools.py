"""
Tools for a chat in the terminal, which asks before each call.

    export ASI_ONE_API_KEY=...
    cd examples && asi1 chat --tools terminal_tools:TOOLS
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from asi1 import ToolError


def now() -> str:
    """Return the date and time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def files(pattern: str = "*") -> list[str]:
    """List the files of the working directory whose names fit a pattern."""
    return sorted(path.name for path in Path.cwd().glob(pattern) if path.is_file())


def read(name: str) -> str:
    """Return the text of a file of the working directory."""
    path = Path.cwd() / name
    if path.parent != Path.cwd() or not path.is_file():
        raise ToolError(f"there is no file {name}; there are {', '.join(files())}")
    return path.read_text("utf-8", "replace")[:20_000]


TOOLS = [now, files, read]
