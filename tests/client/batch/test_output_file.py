"""The output file of a batch contains only complete rows, whatever happens."""

from __future__ import annotations

import os
import sys

import pytest

import asi1

from asi1._client.batch.output_file import OutputFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.jsonl"


def opened(path):
    """Open an output file as a batch does, and accept all of its content."""
    output = OutputFile(path)
    output.mend(path.stat().st_size, line_end=False)
    return output


def test_rows_are_appended_to_an_existing_file(path):
    """
    Rows are appended to a file; a new file is made if none is there.
    """
    for rows in ([b"1\n", b"2\n"], [b"3\n"]):
        with opened(path) as output:
            output.append(rows)

    with OutputFile(path) as output:
        assert [(0, b"1\n"), (2, b"2\n"), (4, b"3\n")] == list(output.lines())


def test_output_that_is_open_is_refused_to_a_second_batch(path):
    """
    While a batch has an output open, opening it again is refused. Once the output is
    closed, it can be opened again.
    """
    with OutputFile(path), pytest.raises(asi1.ArgumentError, match="another batch"):
        OutputFile(path)

    with OutputFile(path):
        pass


@pytest.mark.parametrize("place", [".", os.devnull])
def test_output_that_is_not_a_regular_file_is_refused(place):
    """
    A folder or a device cannot be an output, since a later run could not read it.
    """
    with pytest.raises(asi1.ArgumentError, match="is not a regular file"):
        OutputFile(place)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be moved")
@pytest.mark.parametrize("change", ["moved", "deleted", "replaced"])
def test_output_that_was_moved_is_not_written_to(change, path, tmp_path):
    """
    If the file was moved, deleted or replaced during a batch, writing fails: the rows
    would not be found where the user looks for them.
    """
    with opened(path) as output:
        if change == "deleted":
            path.unlink()
        else:
            path.rename(tmp_path / "moved")
        if change == "replaced":
            path.write_text("")

        with pytest.raises(OSError, match="was moved or deleted") as caught:
            output.append([b"1\n"])

    assert os.path.realpath(path) == caught.value.filename


def test_compact_replaces_the_file_and_keeps_its_mode_and_its_link(path, tmp_path):
    """
    `compact` replaces the file by a file that has only the lines to keep. The mode of
    the file does not change, and a symbolic link still leads to it.
    """
    link = tmp_path / "link"
    path.write_bytes(b"1\n2\n3\n")
    path.chmod(0o640)
    link.symlink_to(path)

    with opened(link) as output:
        output.compact(lambda at, line: at != 2 and line != b"3\n")

    assert b"1\n" == path.read_bytes()
    assert (0o640, True) == (path.stat().st_mode & 0o777, link.is_symlink())
    assert {"out.jsonl", "link"} == {each.name for each in tmp_path.iterdir()}


def test_failed_compact_leaves_the_old_file_and_nothing_else(path, tmp_path):
    """
    If `compact` cannot write the new file, the old file does not change, and no other
    file is left.
    """
    path.write_bytes(b"1\n2\n")

    def fails(at, line):
        raise OSError("no space")

    with opened(path) as output, pytest.raises(OSError, match="no space"):
        output.compact(fails)

    assert b"1\n2\n" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
