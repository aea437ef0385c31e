"""
A fake ASI-1 service, for tests and demos.

`FakeASI1` sends scripted replies and faults, over real sockets or in process;
`cassette` records the replies of a real service and replays them. Import all names from
here. The pytest fixtures are in `asi1.testing.pytest_plugin`, and
``python -m asi1.testing`` runs the server by itself.
"""

from __future__ import annotations

from ._cassette import Cassette, cassette
from ._exchange import CassetteError
from ._fake import FakeASI1
from ._faults.base import Fault
from ._faults.catalogue import FAULTS
from ._plan import Close, Data, End, Head, Listen, Pause, Raw, Repeat, Reset, Stall
from ._request import RecordedRequest


__all__ = [
    "FAULTS",
    "Cassette",
    "CassetteError",
    "Close",
    "Data",
    "End",
    "FakeASI1",
    "Fault",
    "Head",
    "Listen",
    "Pause",
    "Raw",
    "RecordedRequest",
    "Repeat",
    "Reset",
    "Stall",
    "cassette",
]


for _name in __all__:
    if _name != "FAULTS":
        globals()[_name].__module__ = __name__
