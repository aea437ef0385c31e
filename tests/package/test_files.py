"""Reading and writing of a user's image files."""

from __future__ import annotations

import pytest

from asi1._files import read_file, write_file


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
def test_file_has_the_bytes_that_were_written_last(tmp_path, kind):
    """
    A file has the bytes that were written last, whether its path is a str or a path
    object. A read returns at most as many bytes as the caller asked for.
    """
    path = kind(tmp_path / "otter.png")

    write_file(path, b"a long otter")
    write_file(path, b"otter")

    assert b"otter" == read_file(path, 100)
    assert b"ot" == read_file(path, 2)


def test_missing_file_and_folder_raise_os_error(tmp_path):
    """
    A file that cannot be opened raises the error of the operating system.
    """
    with pytest.raises(OSError, match="No such file"):
        read_file(tmp_path / "otter.png", 9)
    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path, b"otter")
