"""
The output file of a batch: locked, append-only, and synced to disk after each write.

Only `OutputFile.compact` replaces the file: after a run that sent some requests again,
it removes their older rows.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import FileIO
from typing import Self

from ..._files import FilePath
from ..._models.errors import ArgumentError
from .file_lock import lock_file


__all__ = ["OutputFile"]

_BINARY = getattr(os, "O_BINARY", 0)


class OutputFile:
    """
    An output file that this process has locked.

    Attributes:
        path: The path of the file itself: symbolic links are resolved.
        end: The offset at which the last complete row ends; set by `mend`, which must
            be called once.
    """

    def __init__(self, path: FilePath) -> None:
        """
        Open the file, create it if it is missing, and lock it.

        Raises:
            ArgumentError: Another batch writes to the file, or *path* is not that of a
                regular file.
            OSError: The file cannot be opened.
        """
        self.path = os.path.realpath(path)
        self.end = 0
        self._file = _open_locked(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """
        Yield a tuple for each line of the file: the offset at which it begins, and the
        line.
        """
        at = 0
        with open(self.path, "rb") as reader:  # noqa: PTH123 - as in `_files`
            for line in reader:
                yield at, line
                at += len(line)

    def mend(self, end: int, *, line_end: bool) -> None:
        """
        Cut the file off at offset *end*, behind which is only a part of a row.

        With *line_end*, add the line end that the complete row before *end* lacks.
        """
        self.end = end
        if os.fstat(self._file.fileno()).st_size > end:
            self._file.truncate(end)
            os.fsync(self._file.fileno())
        if line_end:
            self.append([b"\n"])

    def append(self, rows: Iterable[bytes]) -> None:
        """
        Append *rows*, and return when they are on the disk.

        Raises:
            OSError: The rows cannot be written, and none of them is in the file.
        """
        data = memoryview(b"".join(rows))
        end = self.end + len(data)
        try:
            self._check_place()
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # Cut off a row that was written in part. The next run would do so, but
            # another program may read the file before that.
            with suppress(OSError):
                self._file.truncate(self.end)
            error.filename = error.filename or self.path
            raise
        self.end = end

    def _check_place(self) -> None:
        """Raise OSError if the path no longer leads to the open file."""
        if not _is_at(self._file, self.path):
            raise OSError(
                errno.ENOENT,
                "the file was moved or deleted during the batch",
                self.path,
            )

    def compact(self, keeps: Callable[[int, bytes], bool]) -> None:
        """
        Replace the file by a new one with only the lines for which *keeps* is true.

        The replacement is atomic: a killed process leaves the old file or the new one.

        Raises:
            OSError: The new file cannot be written; the old one has not changed.
        """
        place = f"{self.path}.asi1-new"
        try:
            with open(place, "wb") as new:  # noqa: PTH123 - as in `_files`
                new.writelines(line for at, line in self.lines() if keeps(at, line))
                new.flush()
                os.fsync(new.fileno())
            shutil.copymode(self.path, place)
            self._check_place()
            if os.name == "nt":  # Windows cannot replace an open file
                self._file.close()
            os.replace(place, self.path)  # noqa: PTH105 - as in `_files`
        except BaseException:
            with suppress(OSError):
                os.unlink(place)  # noqa: PTH108 - as in `_files`
            raise
        _sync_folder(self.path)


def _open_locked(path: str) -> FileIO:
    while True:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH110, PTH116
            raise ArgumentError(
                f"output: {path} is not a regular file", argument="output"
            )
        created = not os.path.exists(path)  # noqa: PTH110 - as in `_files`
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o666
        )
        file = FileIO(descriptor, "r+")
        if not lock_file(file):
            file.close()
            raise ArgumentError(
                f"output: another batch is writing to {path}", argument="output"
            )
        if _is_at(file, path):
            if created:
                _sync_folder(path)
            return file
        # A batch that just ended has replaced the file: open the new file.
        file.close()


def _is_at(file: FileIO, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _sync_folder(path: str) -> None:
    """Sync the folder of *path*, so that the file keeps its name after a crash."""
    # Windows cannot open folders, and some file systems cannot sync them.
    with suppress(OSError):
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
