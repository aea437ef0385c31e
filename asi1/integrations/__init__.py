"""
Integrations with web frameworks: `fastapi`, `starlette` and `aiohttp`.

Each module needs its framework; the extra of asi1 with the module's name installs it.
asi1 itself does not import these modules.
"""

from __future__ import annotations


__all__: list[str] = []
