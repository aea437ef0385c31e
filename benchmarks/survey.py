"""The type that the `parse` cases read: nested classes and lists, in 2 KB of JSON."""

from attrs import frozen


@frozen
class Otter:
    """One animal."""

    name: str
    age: int
    weight: float
    tagged: bool
    habits: list[str]


@frozen
class Place:
    """Where a raft was seen."""

    name: str
    latitude: float
    longitude: float


@frozen
class Raft:
    """Otters that rest together."""

    place: Place
    otters: list[Otter]
    note: str | None = None


@frozen
class Survey:
    """What was seen in one year."""

    year: int
    rafts: list[Raft]
