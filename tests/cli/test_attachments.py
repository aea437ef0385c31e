"""What ``asi1 ask`` sends with the question: files and images."""

from __future__ import annotations

import pytest

from asi1.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run the test in an empty folder, and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(fake):
    """Return the content of the only message that was sent."""
    (request,) = fake.requests
    (message,) = request.json["messages"]
    return message["content"]


def test_files_follow_the_question_and_piped_text_under_their_names(
    fake, folder, piped
):
    """
    The question is followed by the piped text, and then by the text of each file in its
    order. The text of a file stands under the file's name, in a fence that the text
    cannot end.
    """
    (folder / "a.py").write_bytes(b"\xef\xbb\xbfdef f():\r\n    pass\r\n")
    (folder / "b.md").write_text("````\nnested\n````")
    piped("piped\n")

    assert 0 == main(["ask", "Why?", "-f", "a.py", "--file", "b.md"])

    first = "a.py:\n```\ndef f():\n    pass\n```"
    second = "b.md:\n`````\n````\nnested\n````\n`````"
    assert f"Why?\n\npiped\n\n{first}\n\n{second}" == content(fake)


def test_file_may_be_sent_without_a_question(fake, folder):
    """
    A file may be sent without a question on the command line.
    """
    (folder / "question.txt").write_text("Why?")

    assert 0 == main(["ask", "-f", "question.txt"])

    assert "question.txt:\n```\nWhy?\n```" == content(fake)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing", "the file missing cannot be read: No such file or directory"),
        (".", "the file . cannot be read: Is a directory"),
        ("a\0b", "the file a\u2400b cannot be read: embedded null byte"),
        ("zeros", "the file zeros is not a text in UTF-8 (-i sends an image)"),
        ("latin", "the file latin is not a text in UTF-8 (-i sends an image)"),
        ("large", "the file large is larger than 4 MiB"),
    ],
)
def test_file_that_cannot_be_sent_is_reported_in_one_line(
    fake, folder, capsys, name, told
):
    """
    A file that cannot be read, is not text, or is too large is reported in one line
    with exit code 2; nothing is sent.
    """
    (folder / "zeros").write_bytes(b"a\0b")
    (folder / "latin").write_bytes(b"\xe9")
    (folder / "large").write_bytes(b"a" * (4 * 1024**2 + 1))

    assert 2 == main(["ask", "Why?", "-f", name])

    assert f"asi1: {told}\n" == capsys.readouterr().err
    assert [] == fake.requests


def test_images_are_sent_with_the_question(fake, folder):
    """
    Images are given as paths or URLs; an image file is sent as a ``data:`` URL.
    """
    (folder / "dot.gif").write_bytes(b"GIF89a\1\0\1\0\0\0\0;")

    assert 0 == main(
        ["ask", "What?", "-i", "dot.gif", "--image", "https://a.example/b"]
    )

    text, first, second = content(fake)
    assert {"type": "text", "text": "What?"} == text
    assert first["image_url"]["url"].startswith("data:image/gif;base64,")
    assert "https://a.example/b" == second["image_url"]["url"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["What?", "-i", "missing.png"],
            "images[0]: cannot be read from 'missing.png'",
        ),
        (["What?", "-i", "text.png"], "images[0]: is not a PNG, JPEG, GIF or WebP"),
        (["-i", "text.png"], "no question: "),
    ],
)
def test_image_that_cannot_be_sent_is_reported_in_one_line(
    fake, folder, capsys, words, told
):
    """
    A missing image file, a file that is not an image, and an image without a question
    are reported in one line with exit code 2.
    """
    (folder / "text.png").write_text("no image")

    assert 2 == main(["ask", *words])

    err = capsys.readouterr().err
    assert (1, []) == (err.count("\n"), fake.requests)
    assert err.startswith(f"asi1: {told}")
