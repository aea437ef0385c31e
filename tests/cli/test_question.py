"""Where the question comes from: the command line, a pipe, or both."""

from __future__ import annotations

import io
import os
import sys

import pytest

from asi1.cli import main

from .conftest import Terminal


def asked(fake):
    """Return the one question that reached the server."""
    (request,) = fake.requests
    (message,) = request.json["messages"]
    assert "user" == message["role"]
    return message["content"]


def test_the_question_of_the_command_line(fake):
    """
    The question is sent as one message of the user, white space around it left out.
    """
    assert 0 == main(["ask", " Why is the sky blue?\n"])

    assert "Why is the sky blue?" == asked(fake)


@pytest.mark.parametrize("words", [["ask"], ["ask", "-"], ["ask", ""]])
@pytest.mark.parametrize(
    "text", ["Why?\n", "Why?", "\ufeffWhy?\r\n", "\n\nWhy?\n\n"], ids=ascii
)
def test_the_question_of_a_pipe(words, text, fake, piped):
    """
    Without a question, or with ``-``, what is piped in is the question, without a byte
    order mark and empty lines around it.
    """
    piped(text)

    assert 0 == main(words)

    assert "Why?" == asked(fake)


def test_a_question_about_what_is_piped_in(fake, piped):
    """
    Text that is piped in stands below the question, after a blank line, its inner form
    and first indent as they were.
    """
    piped("    def f():\n\n        pass\n")

    assert 0 == main(["ask", "What does this do?"])

    assert "What does this do?\n\n    def f():\n\n        pass" == asked(fake)


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
def test_an_empty_pipe_adds_nothing(text, fake, piped):
    """
    Beside a question, a pipe with nothing in it is as good as none.
    """
    piped(text)

    assert 0 == main(["ask", "Why?"])

    assert "Why?" == asked(fake)


def closed():
    stream = io.StringIO("never")
    stream.close()
    return stream


def write_only():
    return io.TextIOWrapper(io.BufferedWriter(io.BytesIO()))


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param(lambda: None, id="none"),
        pytest.param(closed, id="closed"),
        pytest.param(write_only, id="write-only"),
        pytest.param(lambda: Terminal("never"), id="terminal"),
    ],
)
def test_standard_input_that_nobody_piped_into(stdin, fake, monkeypatch, capsys):
    """
    Standard input that is closed, cannot be read or is a terminal is let alone beside
    a question; without one, there is none.
    """
    monkeypatch.setattr(sys, "stdin", stdin())

    assert 0 == main(["ask", "Why?"])
    capsys.readouterr()
    code = main(["ask"])
    out, err = capsys.readouterr()

    assert "Why?" == asked(fake)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: no question: ")


def test_a_dash_reads_what_is_typed(fake, monkeypatch):
    """
    ``-`` reads a terminal too, to its end.
    """
    monkeypatch.setattr(sys, "stdin", Terminal("Why?\n"))

    assert 0 == main(["ask", "-"])

    assert "Why?" == asked(fake)


@pytest.mark.parametrize("words", [["ask"], ["ask", "-"], ["ask", "  "]])
def test_no_question_at_all(words, fake, piped, capsys):
    """
    An empty question is told in one line with exit code 2, and nothing is sent.
    """
    piped(" \n")

    code = main(words)
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: no question: ")
    assert [] == fake.requests


def test_a_pipe_with_no_text_in_it(fake, monkeypatch, capsys):
    """
    Invalid UTF-8 on standard input is one line and exit code 2; nothing is sent.
    """
    binary = io.TextIOWrapper(io.BytesIO(b"\x89PNG\r\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", binary)

    code = main(["ask", "What is in this?"])

    told = "asi1: standard input is not valid utf-8\n"
    assert (2, "", told) == (code, *capsys.readouterr())
    assert [] == fake.requests


@pytest.mark.system
def test_a_real_pipe(fake, start):
    """
    A process reads the pipe that it was started with.
    """
    reader, writer = os.pipe()
    process = start("ask", "And this?", "-q", stdin=reader)
    os.close(reader)
    os.write(writer, "Gänseblümchen\n".encode())
    os.close(writer)
    process.communicate()

    assert 0 == process.returncode
    assert "And this?\n\nGänseblümchen" == asked(fake)


def test_the_system_message_comes_first(fake):
    """
    ``--system`` is the first of two messages.
    """
    assert 0 == main(["ask", "Why?", "--system", "Be brief."])

    (request,) = fake.requests
    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ] == request.json["messages"]
