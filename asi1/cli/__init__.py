"""
The command line: ``asi1 demo`` and ``asi1 ask``.

A user of the public package like any other. Importing it loads nothing heavy, so that
``asi1 --version`` and ``asi1 --help`` come at once.
"""

from __future__ import annotations

from ._main import main


__all__ = ["main"]
