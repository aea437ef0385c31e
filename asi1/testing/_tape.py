"""
The file of a cassette: one line of JSON per exchange; exchanges are only appended.

Several processes may append to one file. An incomplete last line, left by a killed
process, is ignored, and removed when the next exchange is appended.
"""

from __future__ import annotations

import os

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

from attrs import define, field

from .._client.batch.file_lock import lock_file
from ._difference import nearest
from ._exchange import Asked, CassetteError, Exchange


__all__ = ["Tape"]


@define(eq=False)
class Tape:
    """
    The exchanges in a cassette's file; several threads may use this object.

    Attributes:
        path: The file.
        anew: Whether the first exchange that is added replaces all exchanges in the
            file.
    """

    path: Path
    anew: bool = False
    _exchanges: list[tuple[int, Exchange]] | None = field(default=None, init=False)
    # The exchanges that were not taken, the next one last, by the key of their request.
    _left: dict[tuple[str, str, str], list[Exchange]] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def take(self, asked: Asked) -> Exchange | None:
        """
        Return the next recorded exchange of this request; None if none is left.

        Raises:
            CassetteError: The file cannot be read.
        """
        with self._lock:
            self._loaded()
            same = self._left.get(asked.key)
            return same.pop() if same else None

    def add(self, exchange: Exchange) -> None:
        """
        Add *exchange* to the end of the file, which is created with its folder.

        Raises:
            CassetteError: The file cannot be written.
        """
        with self._lock, self._translated("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                lock_file(file, wait=True)
                if self.anew:
                    file.truncate(0)
                    self.anew = False
                file.write(_mended(file) + exchange.line().encode())

    def explain(self, asked: Asked) -> str:
        """Return the reason why `take` found no exchange of this request."""
        with self._lock:
            recorded = self._loaded()
        target = f"{asked.method} {asked.url}"
        if not recorded:
            state = "is empty" if self.path.exists() else "does not exist"
            return f"{self.path} {state}, so it has no recording of {target}"
        same = sum(each.asked.key == asked.key for _, each in recorded)
        if same:
            return (
                f"{self.path} has {same} recording{'s' * (same > 1)} of {target}, each"
                " of which was replayed: this is the same request once more"
            )
        place, lines = nearest(asked, [each.asked for _, each in recorded])
        number = recorded[place][0]
        shown = "".join(f"\n  {line}" for line in lines)
        return (
            f"{self.path} has no recording of this request: {target}\nThe nearest"
            f" recorded request, in line {number}, differs:{shown}\nThe mode"
            " 'replay-or-record' would record it."
        )

    def _loaded(self) -> list[tuple[int, Exchange]]:
        if self._exchanges is None:
            with self._translated("read"):
                data = self.path.read_bytes() if self.path.exists() else b""
            self._exchanges = list(self._read(data[: _whole_end(data)]))
            for _, exchange in reversed(self._exchanges):
                self._left.setdefault(exchange.asked.key, []).append(exchange)
        return self._exchanges

    def _read(self, data: bytes) -> Iterator[tuple[int, Exchange]]:
        for number, line in enumerate(data.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                yield number, Exchange.of_line(line.decode())
            except ValueError as error:
                raise CassetteError(f"{self.path}, line {number}: {error}") from None

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CassetteError(f"{self.path} cannot be {done} ({reason})") from None


def _mended(file: IO[bytes]) -> bytes:
    """
    Remove an incomplete last line of *file*.

    Returns:
        A line feed, if the last line is complete but for its line feed; otherwise b"".
    """
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    if file.read() == b"\n":
        return b""
    file.seek(0)
    end = _whole_end(data := file.read())
    file.truncate(end)
    return b"" if data[:end].endswith(b"\n") or not end else b"\n"


def _whole_end(data: bytes) -> int:
    """Return where the last complete line ends, even if its line feed is missing."""
    start = data.rfind(b"\n") + 1
    try:
        Exchange.of_line(data[start:].decode())
    except ValueError:
        return start
    return len(data)
