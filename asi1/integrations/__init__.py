"""
Integrations with web frameworks (`fastapi`, `starlette`, `aiohttp`) and with
OpenTelemetry (`otel`).

Each module needs its library; the extra of asi1 with the module's name installs it.
asi1 itself does not import these modules.
"""

from __future__ import annotations


__all__: list[str] = []
