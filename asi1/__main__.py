"""
``python -m asi1``: the same command line as ``asi1``, for machines on which another
program has the name ``asi1``, or the folder of scripts is not on the PATH.
"""

from __future__ import annotations

import sys

from .cli import main


__all__: list[str] = []


if __name__ == "__main__":
    sys.exit(main())
