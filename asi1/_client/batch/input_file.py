"""
The input of a batch, which is read twice: to check all lines, then to send them.

A regular file is read where it is. Other input, such as a pipe or a list, is first
copied to a temporary file.
"""

from __future__ import annotations

import os
import stat
import tempfile

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, Self, TypeAlias

from ..._files import FilePath
from ..._models.base_types import JSON
from ..._models.errors import ArgumentError
from ..._models.json_text import dump_json


__all__ = ["BatchLines", "InputFile"]

BatchLines: TypeAlias = FilePath | Iterable[str | bytes | Mapping[str, JSON]]

# The longest line, in bytes: long enough for a request with many images, but shorter
# than most files that have no lines at all.
_LONGEST = 256 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class InputFile:
    """An open input; its lines can be read any number of times."""

    def __init__(
        self, source: BatchLines, go_on: Callable[[], object] = lambda: None
    ) -> None:
        """
        Open the file at the path *source*, or copy the lines of the iterable *source*.

        *go_on* is called after each part of the copy; its exception ends the copying.

        Raises:
            ArgumentError: *source* is neither a path nor an iterable, or has a line
                that is too long.
            OSError: The file cannot be read, or the copy not be written.
        """
        self._file = _opened(source, go_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def is_file(self, path: FilePath) -> bool:
        """Whether *path* is the path of the input file."""
        try:
            found = os.stat(path)  # noqa: PTH116 - as in `_files`
        except OSError:
            return False
        return os.path.samestat(os.fstat(self._file.fileno()), found)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """
        Yield a tuple for each line that is not blank: its number, from 1, and the line.

        Raises:
            ArgumentError: A line is too long.
        """
        self._file.seek(0)
        number = 0
        while line := self._file.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST:
                raise ArgumentError(
                    f"input: line {number} is longer than {_LONGEST >> 20} MiB",
                    argument="input",
                )
            if number == 1:
                line = line.removeprefix(_BOM)
            if line.strip():
                yield number, line


def _opened(source: Any, go_on: Callable[[], object]) -> IO[bytes]:
    if isinstance(source, str | os.PathLike):
        file = open(source, "rb")  # noqa: PTH123, SIM115 - closed by `InputFile`
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        with file:
            return _copied(iter(lambda: file.read(1 << 20), b""), go_on)
    if isinstance(source, bytes | Mapping) or not isinstance(source, Iterable):
        raise ArgumentError(
            "input: must be a path, or an iterable of lines"
            f" (it is {type(source).__name__})",
            argument="input",
        )
    return _copied(map(_line, source), go_on)


def _copied(parts: Iterable[bytes], go_on: Callable[[], object]) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `InputFile`
    try:
        for part in parts:
            go_on()
            copy.write(part)
        copy.flush()
    except BaseException:
        copy.close()
        raise
    return copy


def _line(item: Any) -> bytes:
    """Return *item* of an iterable input as the bytes of one line."""
    if isinstance(item, str):
        item = item.encode("utf-8", "surrogatepass")
    elif isinstance(item, Mapping):
        try:
            item = dump_json(item)
        except ValueError as error:
            raise ArgumentError(
                f"input: a request cannot be written as JSON ({error})",
                argument="input",
            ) from None
    if not isinstance(item, bytes):
        raise ArgumentError(
            "input: must have lines that are str, bytes or dicts, not"
            f" {type(item).__name__}",
            argument="input",
        )
    return item.rstrip(b"\r\n") + b"\n"
