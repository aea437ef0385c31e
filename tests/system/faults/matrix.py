"""
What each fault of `asi1.testing.FAULTS` leads to, by `create` and by `stream`.

Written from what the package promises. Where it does not keep a promise yet the row
says so, and its tests are expected to fail.
"""

from __future__ import annotations

from .connection import CONNECTION
from .dialects import DIALECTS
from .framing import FRAMING
from .outcome import Row
from .status import STATUS
from .streams import STREAMS
from .texts import TEXTS


__all__ = ["MATRIX", "SECTIONS"]

SECTIONS: dict[str, dict[str, Row]] = {
    "The connection": CONNECTION,
    "HTTP": FRAMING,
    "The status": STATUS,
    "The stream": STREAMS,
    "The text": TEXTS,
    "Dialects": DIALECTS,
}
MATRIX: dict[str, Row] = {
    name: row for rows in SECTIONS.values() for name, row in rows.items()
}
