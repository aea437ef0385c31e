"""The input of a batch: files, pipes and lists."""

from __future__ import annotations

import io
import os
import threading
import tracemalloc

import pytest

import asi1

from asi1._client.batch.input_file import InputFile


def lines_of(source):
    with InputFile(source) as opened:
        first = list(opened.lines())
        assert first == list(opened.lines())
        return first


def test_blank_lines_and_a_bom_are_left_out_of_a_file(tmp_path):
    """
    The lines of a file have the line numbers that an editor shows. Blank lines and a
    byte order mark are left out. The last line may lack its newline.
    """
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n  \ntwo")

    assert [(1, b"one\r\n"), (4, b"two")] == lines_of(path)
    assert [(1, b"one\r\n"), (4, b"two")] == lines_of(str(path))


@pytest.mark.parametrize(
    "source",
    [
        ['{"a":1}', b'{"a":1}\r\n', {"a": 1}],
        io.BytesIO(b'{"a":1}\n' * 3),
        io.StringIO('{"a":1}\n' * 3),
        (line for line in ['{"a":1}'] * 3),
    ],
)
def test_lines_of_an_iterable_can_be_read_twice(source):
    """
    The lines of an open file, a list or a generator, of str, bytes or dicts, can be
    read twice.
    """
    assert [b'{"a":1}'] * 3 == [line.strip() for _, line in lines_of(source)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_copied_and_can_be_read_twice(tmp_path):
    """
    A path may lead to a pipe, such as the pipe of a shell's ``<(...)``. The pipe's
    content is copied, so that its lines can be read twice.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"one\ntwo\n",))
    writer.start()

    assert [(1, b"one\n"), (2, b"two\n")] == lines_of(pipe)
    writer.join()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (7, "must be a path, or an iterable of lines .it is int"),
        (b"in.jsonl", "must be a path, or an iterable of lines .it is bytes"),
        ({"custom_id": "a"}, "must be a path, or an iterable of lines .it is dict"),
        ([7], "must have lines that are str, bytes or dicts, not int"),
        ([{"a": float("nan")}], "a request cannot be written as JSON .nan"),
    ],
)
def test_input_of_a_wrong_type_is_refused(source, told):
    """
    An input that is neither a path nor an iterable of lines raises an `ArgumentError`.
    """
    with pytest.raises(asi1.ArgumentError, match=f"^input: {told}"):
        InputFile(source)


def test_copy_of_an_endless_input_can_be_stopped():
    """
    While an input is copied, a callback is called after each part, and may raise to
    stop the copy, so that a cancelled batch does not fill the disk.
    """
    parts = iter(lambda: "\n", "")
    asked = iter([True, True])

    with pytest.raises(StopIteration):
        InputFile(parts, lambda: next(asked))


def test_reading_a_large_file_takes_little_memory(tmp_path):
    """
    A file is read line by line, so that its size does not matter.
    """
    path = tmp_path / "in.jsonl"
    path.write_bytes((b"x" * 999 + b"\n") * 5000)

    tracemalloc.start()
    with InputFile(path) as opened:
        assert 5000 == sum(1 for _ in opened.lines())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 500_000
