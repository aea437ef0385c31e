"""Where ``asi1 ask`` takes the question from: the command line, a pipe, or both."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from asi1.cli import main

from .conftest import Terminal


def question_sent(fake):
    """Return the question of the only request that the fake has received."""
    (request,) = fake.requests
    (message,) = request.json["messages"]
    assert "user" == message["role"]
    return message["content"]


def test_question_from_the_command_line_is_stripped(fake):
    """
    The question is sent as one user message, without the white space around it.
    """
    assert 0 == main(["ask", " Why is the sky blue?\n"])

    assert "Why is the sky blue?" == question_sent(fake)


@pytest.mark.parametrize("words", [["ask"], ["ask", "-"], ["ask", ""]])
@pytest.mark.parametrize(
    "text", ["Why?\n", "Why?", "\ufeffWhy?\r\n", "\n\nWhy?\n\n"], ids=ascii
)
def test_question_from_a_pipe_is_stripped(words, text, fake, piped):
    """
    If the question on the command line is missing, empty or ``-``, the piped text is
    the question, without a byte order mark and without empty lines around the text.
    """
    piped(text)

    assert 0 == main(words)

    assert "Why?" == question_sent(fake)


def test_piped_text_follows_the_question(fake, piped):
    """
    Piped text follows the question after a blank line; the indent of the text's first
    line and blank lines within the text do not change.
    """
    piped("    def f():\n\n        pass\n")

    assert 0 == main(["ask", "What does this do?"])

    assert "What does this do?\n\n    def f():\n\n        pass" == question_sent(fake)


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
def test_piped_white_space_adds_nothing_to_the_question(text, fake, piped):
    """
    A pipe with white space only does not change the question.
    """
    piped(text)

    assert 0 == main(["ask", "Why?"])

    assert "Why?" == question_sent(fake)


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
def test_stdin_that_is_not_a_pipe_is_not_read(stdin, fake, monkeypatch, capsys):
    """
    Standard input is not read if it is missing, closed, not readable or a terminal. If
    the command line has no question either, the exit code is 2.
    """
    monkeypatch.setattr(sys, "stdin", stdin())

    assert 0 == main(["ask", "Why?"])
    capsys.readouterr()
    code = main(["ask"])
    out, err = capsys.readouterr()

    assert "Why?" == question_sent(fake)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: no question: ")


def test_dash_as_question_reads_stdin_even_from_a_terminal(fake, monkeypatch):
    """
    If the question on the command line is ``-``, the question is read from standard
    input until its end, even if standard input is a terminal.
    """
    monkeypatch.setattr(sys, "stdin", Terminal("Why?\n"))

    assert 0 == main(["ask", "-"])

    assert "Why?" == question_sent(fake)


@pytest.mark.parametrize("words", [["ask"], ["ask", "-"], ["ask", "  "]])
def test_empty_question_exits_with_2(words, fake, piped, capsys):
    """
    An empty question is reported in one line with exit code 2; no request is sent.
    """
    piped(" \n")

    code = main(words)
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: no question: ")
    assert [] == fake.requests


def test_stdin_that_is_not_utf8_exits_with_2(fake, monkeypatch, capsys):
    """
    Invalid UTF-8 on standard input is reported in one line with exit code 2; no request
    is sent.
    """
    binary = io.TextIOWrapper(io.BytesIO(b"\x89PNG\r\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", binary)

    code = main(["ask", "What is in this?"])

    told = "asi1: standard input is not valid utf-8\n"
    assert (2, "", told) == (code, *capsys.readouterr())
    assert [] == fake.requests


class Told(io.StringIO):
    """Standard error that sets the event `told` when text is written to it."""

    def __init__(self):
        super().__init__()
        self.told = threading.Event()

    def write(self, text):
        super().write(text)
        self.told.set()


@pytest.mark.system
@pytest.mark.parametrize("words", [["ask", "Why?"], ["ask"], ["ask", "-", "-q"]])
def test_stderr_says_that_the_command_waits_for_a_silent_pipe(
    words, fake, monkeypatch, capsys
):
    """
    While a pipe stays open and silent, one line on stderr says what the command waits
    for; once the pipe ends, the question is sent.
    """
    err = Told()

    class Silent(io.StringIO):
        def read(self, *_):
            assert err.told.wait(60)
            return "Because?\n"

    monkeypatch.setattr(sys, "stdin", Silent())
    monkeypatch.setattr(sys, "stderr", err)

    code = main(words)

    first, *_ = err.getvalue().splitlines()
    assert 0 == code
    assert first.startswith("asi1: waiting for the end of standard input")
    assert question_sent(fake).endswith("Because?")
    assert "waiting" not in capsys.readouterr().out


def test_no_message_appears_while_a_question_is_typed_on_a_terminal(fake, monkeypatch):
    """
    While a user types the question on a terminal, no timer runs that would write a line
    to the terminal.
    """
    running = []

    class Typing(Terminal):
        def read(self, *_):
            running.extend(threading.enumerate())
            return "Why?\n"

    monkeypatch.setattr(sys, "stdin", Typing())

    assert 0 == main(["ask", "-"])

    assert not [thread for thread in running if isinstance(thread, threading.Timer)]


@pytest.mark.system
def test_process_reports_the_wait_for_an_open_pipe_and_ends_at_ctrl_c(key, start):
    """
    `asi1 ask` in its own process writes to stderr that it waits for an open, silent
    pipe. Ctrl-C then ends the process with exit code 130, and no more is written.
    """
    process = start("ask", "Why?", stdin=subprocess.PIPE)
    first = process.stderr.readline()

    process.send_signal(signal.SIGINT)
    process.wait()
    rest = process.stdout.read() + process.stderr.read()

    assert first.startswith(b"asi1: waiting for the end of standard input")
    assert (130, b"") == (process.returncode, rest)


@pytest.mark.system
def test_process_appends_piped_text_to_the_question(fake, start):
    """
    ``asi1 ask`` in its own process reads a pipe on standard input, and sends the piped
    text after the question.
    """
    reader, writer = os.pipe()
    process = start("ask", "And this?", "-q", stdin=reader)
    os.close(reader)
    os.write(writer, "Gänseblümchen\n".encode())
    os.close(writer)
    process.communicate()

    assert 0 == process.returncode
    assert "And this?\n\nGänseblümchen" == question_sent(fake)


def test_system_option_is_sent_as_the_first_message(fake):
    """
    ``--system`` sends a system message before the question.
    """
    assert 0 == main(["ask", "Why?", "--system", "Be brief."])

    (request,) = fake.requests
    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ] == request.json["messages"]
