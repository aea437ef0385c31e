"""
Runs ``python -m asi1``: the same command line as ``asi1``, for machines on which
``asi1`` is not on the PATH, or is the name of another program.
"""

from __future__ import annotations

import sys

from .cli import main


__all__: list[str] = []


if __name__ == "__main__":
    sys.exit(main())
