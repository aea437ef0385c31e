"""
Integrations: the web frameworks `fastapi`, `starlette` and `aiohttp`; `otel`, which
traces calls with OpenTelemetry; `redis`, for a rate limit of many processes; and `ray`,
for the rows of a data set.

Each module needs its library; the extra of asi1 with the module's name installs it.
asi1 itself does not import these modules.
"""

from __future__ import annotations


__all__: list[str] = []
