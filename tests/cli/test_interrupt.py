"""Ctrl-C at each stage of the command line: loading, asking, answering, exiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from asi1.cli import main
from asi1.cli._interrupt import (
    cancel_on_interrupt,
    quit_on_interrupt,
    stop_on_signals,
)


# A program that runs one command line many times, each time in a forked child. Each
# child sends itself SIGINT after a different number of executed lines of Python code,
# counted from the first line of `asi1.cli._main`. The first child sends no SIGINT: it
# counts all lines. The program prints a line for each interrupted child that wrote a
# traceback, or ended with neither exit code 130 nor SIGINT; finally it prints the
# number of interrupted children.
AT_MANY_MOMENTS = """
import os, signal, sys, tempfile

MOMENTS = 14
words = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
notes, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
null = os.open(os.devnull, os.O_RDWR)

def interrupt_at(moment):
    seen, begun = 0, False
    def trace(frame, event, _):
        nonlocal seen, begun
        begun = begun or frame.f_code.co_filename.endswith(MAIN)
        if event == "line" and begun:
            seen += 1
            if moment is None:
                os.pwrite(notes.fileno(), b"%9d" % seen, 0)
            if seen == moment:
                os.pwrite(notes.fileno(), b"interrupted", 0)
                os.kill(os.getpid(), signal.SIGINT)
        return trace
    sys.settrace(trace)

MAIN = os.path.join("asi1", "cli", "_main.py")
moments, interrupted = [None], 0
for moment in moments:
    for file in (notes, errors):
        os.ftruncate(file.fileno(), 0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    child = os.fork()
    if not child:
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(errors.fileno(), 2)
        sys.argv = ["asi1", *words]
        interrupt_at(moment)
        from asi1.cli import main
        sys.exit(main())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    note, told = os.pread(notes.fileno(), 99, 0), os.pread(errors.fileno(), 9999, 0)
    if moment is None:
        lines = int(note)
        moments += [1 + lines * n // MOMENTS for n in range(MOMENTS)]
        moments += [lines - 30, lines - 300]  # while Python exits
    elif note == b"interrupted":
        interrupted += 1
        # Python ends by the signal itself, -2, once it has taken the handler away.
        silent = not (b"Traceback" in told or b"KeyboardInterrupt" in told)
        if code not in (130, -2) or not silent:
            print("line", moment, "of", lines, "ended with", code, told.decode())
print(interrupted)
"""

# A program that calls `quit_on_interrupt` while SIGINT has Python's default handler,
# and then sends SIGINT to itself.
QUITTING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from asi1.cli._interrupt import quit_on_interrupt
quit_on_interrupt()
try:
    signal.raise_signal(signal.SIGINT)
finally:
    print("not reached", flush=True)
"""

# A program that takes too long to end after the first signal.
STOPPING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from asi1.cli._interrupt import quit_on_interrupt, stop_on_signals
quit_on_interrupt()
with stop_on_signals():
    try:
        print("begun", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("stopping", flush=True)
        time.sleep(600)
    finally:
        print("not reached", flush=True)
"""

# Modules that may be loaded before the command line handles Ctrl-C.
SMALL = {"__future__", "_signal", "_thread", "asi1", "atexit"}


@pytest.fixture
def handler():
    """Return a function that sets the handler of Ctrl-C until the end of the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda what: signal.signal(signal.SIGINT, what)
    signal.signal(signal.SIGINT, before)


@pytest.mark.system
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
@pytest.mark.parametrize("words", ["--version", "sing", "demo", "ask Why?"])
def test_ctrl_c_at_any_moment_ends_the_program_silently(words, fake):
    """
    After Ctrl-C at any of many moments, from the import of a command's modules to the
    exit of Python, the program prints no traceback and exits with 130.
    """
    fake.reply("Because.", thoughts=["Hm."], times=None)

    done = subprocess.run(
        [sys.executable, "-c", AT_MANY_MOMENTS, *words.split()],
        capture_output=True,
        text=True,
        check=False,
    )

    *failed, interrupted = done.stdout.splitlines() or [""]
    assert ([], "") == (failed, done.stderr)
    assert int(interrupted) > 12


@pytest.mark.system
def test_command_line_loads_no_library_before_it_handles_ctrl_c(start):
    """
    ``from asi1.cli import main`` loads only a few small modules, since Ctrl-C during
    that import prints a traceback.
    """
    code = (
        "import sys; before = set(sys.modules); from asi1.cli import main;"
        "print(*sorted(set(sys.modules) - before))"
    )

    out, err = start(python=("-c", code)).communicate()

    assert b"" == err
    assert [] == [n for n in out.decode().split() if n.partition(".")[0] not in SMALL]


@pytest.mark.system
def test_ctrl_c_ends_the_process_with_130_before_a_call(start):
    """
    After `quit_on_interrupt`, Ctrl-C ends the process and raises no exception.
    """
    process = start(python=("-c", QUITTING))

    assert (b"", b"") == process.communicate()
    assert 130 == process.returncode


@pytest.mark.system
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_a_process_that_is_stopping(first, second, start):
    """
    In a ``with stop_on_signals()`` block, the first Ctrl-C or SIGTERM raises
    KeyboardInterrupt; the second ends the process at once, with exit code 130.
    """
    process = start(python=("-c", STOPPING))
    assert b"begun\n" == process.stdout.readline()

    process.send_signal(first)
    assert b"stopping\n" == process.stdout.readline()
    process.send_signal(second)

    assert (b"", b"") == process.communicate()
    assert 130 == process.returncode


def test_stop_on_signals_restores_the_earlier_signal_handlers(handler):
    """
    After a ``with stop_on_signals()`` block, Ctrl-C ends the process again, and SIGTERM
    has the handler that it had before.
    """
    handler(signal.default_int_handler)
    quit_on_interrupt()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        assert before != (
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
        )
        signal.raise_signal(signal.SIGTERM)

    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))


def test_ctrl_c_during_a_call_raises_keyboard_interrupt(handler):
    """
    In a ``with cancel_on_interrupt()`` block, Ctrl-C raises KeyboardInterrupt. After
    the block, Ctrl-C ends the process again.
    """
    handler(signal.default_int_handler)
    quit_on_interrupt()
    quitting = signal.getsignal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), cancel_on_interrupt():
        signal.raise_signal(signal.SIGINT)

    assert signal.default_int_handler is not quitting
    assert quitting is signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("usual", [signal.SIG_IGN, lambda *_: None])
def test_ignored_ctrl_c_and_custom_handlers_are_kept(usual, handler):
    """
    If the process ignores Ctrl-C, as under ``nohup``, or has a handler of its own,
    neither `quit_on_interrupt` nor `cancel_on_interrupt` replaces that handler.
    """
    handler(usual)

    quit_on_interrupt()
    with cancel_on_interrupt():
        assert usual == signal.getsignal(signal.SIGINT)

    assert usual == signal.getsignal(signal.SIGINT)


def test_main_with_arguments_does_not_change_the_handler_of_ctrl_c(handler, capsys):
    """
    `main` with arguments, as another program may call it, does not change the handler
    of Ctrl-C.
    """
    handler(signal.default_int_handler)

    assert 0 == main(["--version"])

    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_handler_of_ctrl_c_does_not_change_outside_the_main_thread(handler):
    """
    In a thread other than the main thread, where Python cannot set a signal handler,
    the handler of Ctrl-C does not change, and no error is raised.
    """
    handler(signal.default_int_handler)
    done = []

    def work():
        quit_on_interrupt()
        with cancel_on_interrupt():
            done.append("all of it")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert ["all of it"] == done
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
