"""
The command line: ``asi1 demo`` and ``asi1 ask``.

The commands use only the public API of asi1. Importing this package loads no other
library, so that ``asi1 --version`` and ``asi1 --help`` are fast.
"""

from __future__ import annotations

from ._main import main


__all__ = ["main"]
