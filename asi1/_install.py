"""
How asi1 and its extras are installed: for messages, and for a test of the pages.

A release to PyPI sets `RELEASED`, and changes nothing else here.
"""

from __future__ import annotations


__all__ = ["RELEASED", "install_command", "install_hint"]

RELEASED = False


def install_command(extras: str = "", *, released: bool = RELEASED) -> str:
    """Return the command that installs asi1, with *extras* such as "cli" or "a,b"."""
    source = "asi1" if released else "."
    return f"pip install '{source}[{extras}]'" if extras else f"pip install {source}"


def install_hint(extras: str = "", *, released: bool = RELEASED) -> str:
    """Return `install_command`, and where it works, for the end of a message."""
    place = "" if released else "in a checkout of asi1, "
    return place + install_command(extras, released=released)
