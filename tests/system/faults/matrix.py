"""
How `create` and `stream` end under each fault of `asi1.testing.FAULTS`.

The rows are written by hand from the package's documented behaviour; they are not
recorded from its actual behaviour.
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
