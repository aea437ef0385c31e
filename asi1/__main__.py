"""
``python -m asi1``: the command line, for where another program owns the name
``asi1``, or the folder of scripts is not on the path.
"""

from __future__ import annotations

import sys

from .cli import main


__all__: list[str] = []


if __name__ == "__main__":
    sys.exit(main())
