"""
How asi1 and its extras are installed: for error messages, and for a test of the
documentation.

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
    """Return the end of an error message: the install command, and where to run it."""
    place = "" if released else "in a checkout of asi1, "
    return place + install_command(extras, released=released)
