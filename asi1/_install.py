"""
How to install asi1 and its extras, for messages and for a test of the documentation.

A release to PyPI sets `RELEASED`, and changes nothing else here.
"""

from __future__ import annotations


__all__ = ["RELEASED", "install_command", "install_hint"]

RELEASED = False


def install_command(extras: str = "") -> str:
    """Return the command that installs asi1, with *extras* such as "cli" or "a,b"."""
    source = "asi1" if RELEASED else "."
    return f"pip install '{source}[{extras}]'" if extras else f"pip install {source}"


def install_hint(extras: str = "") -> str:
    """Return `install_command`, and where it works, for the end of an error message."""
    place = "" if RELEASED else "in a checkout of asi1, "
    return f"{place}{install_command(extras)}"
