"""
Reads and writes the files of images, at the user's request.

asi1 opens no other file of a user.
"""

from __future__ import annotations

import os

from typing import TypeAlias


__all__ = ["FilePath", "read_file", "write_file"]

FilePath: TypeAlias = str | os.PathLike[str]


def read_file(path: FilePath, most: int) -> bytes:
    """
    Return at most the first *most* bytes of a file; it may be an endless device.

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
