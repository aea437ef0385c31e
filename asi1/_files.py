"""
Reads and writes files at the user's request: images, and the files of the command line.

All other files are opened by a batch, an answer cache, a cassette or `asi1 chat`.
"""

from __future__ import annotations

import os

from typing import TypeAlias


__all__ = ["FilePath", "read_file", "write_file"]

FilePath: TypeAlias = str | os.PathLike[str]


def read_file(path: FilePath, most: int) -> bytes:
    """
    Return the first *most* bytes of a file, or all of them if there are fewer.

    *path* may name a device without an end, such as ``/dev/zero``.

    Raises:
        OSError: The file cannot be read.
        ValueError: *path* is not a valid path.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes long to load
        return file.read(most)


def write_file(path: FilePath, data: bytes) -> None:
    """
    Write *data* to a file; an existing file is replaced.

    Raises:
        OSError: The file cannot be written.
        ValueError: *path* is not a valid path.
    """
    with open(path, "wb") as file:  # noqa: PTH123 - pathlib takes long to load
        file.write(data)
