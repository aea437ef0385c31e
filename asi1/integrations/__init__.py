"""
Integrations with web frameworks: `fastapi`, `starlette` and `aiohttp`.

Each module needs its framework, which the extra of the same name installs. asi1 itself
does not import these modules.
"""

from __future__ import annotations


__all__: list[str] = []
