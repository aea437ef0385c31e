"""Prints a page of docs/ that is made from what tests have seen."""

from __future__ import annotations

import argparse
import sys

from collections.abc import Callable


__all__ = ["print_page"]


def print_page(name: str, markdown: Callable[[], str]) -> int:
    """
    Run ``python -m tests.system.NAME --markdown``, which prints a page of docs/.

    Args:
        name: The folder in tests/system, and the page in docs/.
        markdown: Returns the content of the page.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tests.system.{name}")
    parser.add_argument("--markdown", action="store_true", required=True)
    parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(markdown())
    return 0
