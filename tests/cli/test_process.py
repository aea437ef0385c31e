"""The command line in its own process: terminals, Ctrl-C, closed pipes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest


if sys.platform == "win32":
    pytest.skip("needs the terminals and signals of Unix", allow_module_level=True)

import pty


pytestmark = pytest.mark.system


# A program that sets Python's default handler of SIGINT before it calls `main`, since a
# shell makes the test process ignore SIGINT if the tests run in the background, and
# child processes inherit this setting.
LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from asi1.cli import main
sys.exit(main())
"""


def read_all(terminal):
    """Return what a terminal shows until the last program on it has ended."""
    shown = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux raises OSError after the terminal's last program ended
            return shown.decode()
        if not data:
            return shown.decode()
        shown += data


@pytest.fixture
def terminal(monkeypatch):
    """Return both ends of a terminal: one for the test, one for the program."""
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_ask_on_a_terminal_does_not_read_stdin(fake, start, terminal):
    """
    On a terminal, ``asi1 ask`` with a question does not wait for stdin, dims thoughts,
    and writes the text after a blank line.
    """
    ours, theirs = terminal
    fake.reply("Because.", thoughts=["Hm."])

    process = start("ask", "Why?", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = read_all(ours)

    assert 0 == process.wait()
    assert seen.startswith("\x1b[2mHm.\x1b[0m\r\n\r\nBecause.\r\n\x1b[2m")


def test_text_goes_to_a_pipe_and_thoughts_to_the_terminal(fake, start, terminal):
    """
    With stdout in a pipe and stderr on a terminal, the pipe gets the text, and the
    terminal gets the thoughts.
    """
    ours, theirs = terminal
    fake.reply("Because.", thoughts=["Hm."])

    process = start("ask", "Why?", stderr=theirs)
    os.close(theirs)
    seen = read_all(ours)

    assert b"Because.\n" == process.communicate()[0]
    assert re.match(r"\x1b\[2mHm\.\x1b\[0m\r\n\r\n\x1b\[2m\d+ tokens", seen)


def test_demo_dims_thoughts_and_ends_all_dimming(start, terminal):
    """
    The demo dims its thoughts on a terminal, and each ANSI code that starts dimming is
    followed by a reset code.
    """
    ours, theirs = terminal

    process = start("demo", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = read_all(ours)

    assert 0 == process.wait()
    assert "\x1b[2mOtters\x1b[0m" in seen
    assert seen.count("\x1b[2m") == seen.count("\x1b[0m")
    assert seen.endswith('asi1 ask "Why do bumblebees play?"\r\n')


def test_ctrl_c_during_an_answer_keeps_its_text(fake, start):
    """
    After Ctrl-C in the middle of an answer, the text received so far is on stdout, no
    error is written, the exit code is 130, and the connection is closed.
    """
    fake.fault("stall", after_chunks=3)
    process = start("ask", "Why?", python=("-c", LISTENING))
    seen = process.stdout.read(len("one two three"))

    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert (130, b"one two three\n", b"") == (process.returncode, seen + out, err)
    assert "left" == fake.requests[0].wait()


def test_ctrl_c_before_an_answer_is_silent(fake, start):
    """
    After Ctrl-C before the first byte of an answer, the command writes nothing and
    exits with 130.
    """
    fake.fault("stall_before_headers")
    process = start("ask", "Why?", python=("-c", LISTENING))
    while not fake.requests:
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)

    assert (b"", b"") == process.communicate()
    assert 130 == process.returncode


def test_ctrl_c_while_stdin_is_read_is_silent(key, start):
    """
    If Ctrl-C is pressed while the command waits for text from a pipe, the command
    writes nothing and exits with 130.
    """
    # The process prints "reading" first, so that the test sends SIGINT during the read.
    code = (
        "import io, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Told(io.TextIOWrapper):\n"
        "    def read(self):\n"
        "        print('reading', flush=True)\n"
        "        return super().read()\n"
        "sys.stdin = Told(sys.stdin.detach())\n"
        "from asi1.cli import main\n"
        "sys.exit(main())\n"
    )
    process = start("ask", "Why?", python=("-c", code), stdin=subprocess.PIPE)
    seen = process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert (b"reading\n", 130, b"") == (seen, process.returncode, err)


def test_closed_pipe_on_stdout_ends_the_call_and_exits_with_141(fake, start):
    """
    When the reader of stdout closes the pipe in the middle of an answer, ``asi1 ask``
    cancels the call and exits with 141, without a message.
    """
    fake.reply("word " * 2000, chunk_words=1, chunk_delay=0.01)
    process = start("ask", "Why?")
    process.stdout.read(4)
    process.stdout.close()

    assert b"" == process.stderr.read()
    assert 141 == process.wait()
    assert "left" == fake.requests[0].wait()


def test_process_exits_with_1_after_a_failed_call(fake, start):
    """
    If the call fails, the process of ``asi1 ask`` exits with 1.
    """
    fake.fail(400, message="No.")
    process = start("ask", "Why?")
    out, err = process.communicate()

    assert (1, b"", b"asi1: 400: No.\n") == (process.returncode, out, err)


def test_process_without_an_api_key_exits_with_2(start):
    """
    If the key is missing, the process of ``asi1 ask`` exits with 2.
    """
    process = start("ask", "Why?")
    out, err = process.communicate()

    assert (2, b"") == (process.returncode, out)
    assert err.startswith(b"asi1: no API key: ")
