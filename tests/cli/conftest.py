"""Fixtures for the tests of the command line: a terminal, a server and a process."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest

from asi1.cli import main


KEY = "sk-not-to-be-seen-7d1f"
READ_BY_ASI1 = (
    *("ASI", "COLUMNS", "NO_COLOR", "TERM", "WT_SESSION"),
    *("PYTHONIOENCODING", "PYTHONUNBUFFERED"),
)


class Terminal(io.StringIO):
    """A text stream in memory whose `isatty` returns True."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """Remove the environment variables that the command line reads."""
    for name in os.environ:
        if name.startswith(READ_BY_ASI1) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def usual_handler():
    """After the test, restore the handler of Ctrl-C, which ``main()`` replaces."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def key(bare_environment, monkeypatch):
    """Set an API key in the environment, and return the key."""
    monkeypatch.setenv("ASI_ONE_API_KEY", KEY)
    return KEY


@pytest.fixture
def fake(fake, key, monkeypatch):
    """Run a fake server, and set its URL as the API's base URL in the environment."""
    monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)
    return fake


@pytest.fixture
def on_terminal(monkeypatch):
    """
    Return a function that runs a command line on a terminal, and returns the text that
    the terminal got and the exit code.

    The terminal supports ANSI codes and is both stdout and stderr.
    """
    monkeypatch.setenv("TERM", "xterm")

    def run(words):
        terminal = Terminal()
        with monkeypatch.context() as place:
            place.setattr(sys, "stdout", terminal)
            place.setattr(sys, "stderr", terminal)
            code = main(words)
        return terminal.getvalue(), code

    return run


@pytest.fixture
def piped(monkeypatch):
    """Return a function that replaces standard input by a pipe with the given text."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture
def start():
    """
    Return a function that starts ``python -m asi1`` in a process of its own.

    Without an option `stdin`, the process's standard input is empty. The process is
    killed after the test.
    """
    running = []

    def begin(*args, python=("-m", "asi1"), **options):
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        }
        process = subprocess.Popen([sys.executable, *python, *args], **options)
        running.append(process)
        return process

    yield begin

    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
