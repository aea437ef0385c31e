"""
asi1 in web frameworks: `fastapi`, `starlette`, `aiohttp`.

Each module needs its framework, which the extra of the same name installs. Nothing
here is imported by asi1 itself.
"""

from __future__ import annotations


__all__: list[str] = []
