"""What all commands share: usage, exit codes, failed output, and a fast start."""

from __future__ import annotations

import io
import os
import runpy
import signal
import sys

from pathlib import Path

import pytest

import asi1

from asi1.cli import main


class Interrupted(io.StringIO):
    """Standard input whose read raises KeyboardInterrupt, as Ctrl-C does."""

    def read(self, *_):
        raise KeyboardInterrupt


@pytest.fixture
def pipe_without_reader():
    """Return the writing end of a pipe that has no reader."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_version_is_printed(capsys):
    """
    ``asi1 --version`` prints "asi1" and the package's version, and exits with 0.
    """
    code = main(["--version"])

    assert (0, f"asi1 {asi1.__version__}\n", "") == (code, *capsys.readouterr())


def test_no_command_prints_help_and_exits_with_2(capsys):
    """
    ``asi1`` without a command prints its help on stderr and exits with 2.
    """
    code = main([])
    out, err = capsys.readouterr()

    assert (2, "") == (code, out)
    assert err.startswith("usage: asi1 ")
    assert "demo" in err
    assert "ask" in err


@pytest.mark.parametrize("words", [["--help"], ["ask", "--help"], ["batch", "--help"]])
def test_help_lists_the_exit_codes(words, capsys):
    """
    ``--help`` prints help on stdout that lists the exit codes, and exits with 0.
    """
    code = main(words)
    out, err = capsys.readouterr()

    assert (0, "") == (code, err)
    told = out.partition("exit codes:\n")[2].splitlines()
    assert ["0", "1", "2", "130", "141"] == [line.split()[0] for line in told]


def test_help_of_demo_says_that_the_demo_needs_no_api_key(capsys):
    """
    ``asi1 demo --help`` says that the demo needs no key and no network.
    """
    code = main(["demo", "--help"])

    assert 0 == code
    assert "no key, no network" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sing"], "invalid choice: 'sing'"),
        (["--sing"], "unrecognized arguments: --sing"),
        (["ask", "Why?", "Because."], "unrecognized arguments: Because."),
        (["ask", "Why?", "--temperature", "hot"], "invalid float value: 'hot'"),
        (["ask", "Why?", "--max-tokens", "1.5"], "invalid int value: '1.5'"),
        (["ask", "Why?", "--temp", "1"], "unrecognized arguments: --temp"),
    ],
)
def test_wrong_usage_is_shown_in_one_line(words, told, capsys):
    """
    Arguments that cannot be parsed are reported in one line, which names the arguments
    and ``--help``; the exit code is 2.
    """
    code = main(words)
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: ")
    assert told in err
    assert "--help)" in err


def test_main_without_arguments_reads_sys_argv(monkeypatch, capsys):
    """
    ``main()`` without arguments, as the console script calls it, reads ``sys.argv``.
    """
    monkeypatch.setattr(sys, "argv", ["/usr/bin/asi1", "--version"])

    assert 0 == main()
    assert capsys.readouterr().out.startswith("asi1 ")


@pytest.mark.system
def test_python_m_asi1_runs_the_same_command_as_asi1(start):
    """
    ``python -m asi1`` calls itself asi1 in its messages, and exits with the code of
    `main`.
    """
    process = start()
    out, err = process.communicate()

    assert (2, b"") == (process.returncode, out)
    assert err.startswith(b"usage: asi1 ")


def test_main_module_exits_with_the_code_of_main(monkeypatch, capsys):
    """
    Run as a program, `asi1.__main__` exits with the code that `main` returns.
    """
    monkeypatch.setattr(sys, "argv", ["asi1", "ask"])

    with pytest.raises(SystemExit) as leaving:
        runpy.run_module("asi1", run_name="__main__")

    assert 2 == leaving.value.code


@pytest.mark.system
def test_importing_the_main_module_runs_nothing(start):
    """
    ``import asi1.__main__`` runs no command, unlike ``python -m asi1``.
    """
    process = start(python=("-c", "import asi1.__main__"))

    assert (b"", b"") == process.communicate()
    assert 0 == process.returncode


@pytest.mark.system
@pytest.mark.parametrize("words", ["--version", "--help", "ask --help", "batch --help"])
def test_version_and_help_import_no_library_that_calls_need(words, start):
    """
    ``--version`` and ``--help`` are fast: they import no library that a call needs.
    """
    code = (
        "import sys; from asi1.cli import main; main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )

    _, err = start(*words.split(), python=("-c", code)).communicate()

    loaded = {name.partition(".")[0] for name in err.decode().split()}
    assert "asi1" in loaded
    assert set() == loaded & {"anyio", "attrs", "attr", "cattrs", "h11", "httpx"}
    assert set() == loaded & {"asyncio", "httpx_sse", "orjson", "ssl"}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("the\nmoon  is\x1b[2J away"), "the moon is\u241b[2J away"),
        (RuntimeError("no sk-not-to-be-seen-7d1f here"), "no *** here"),
        (RuntimeError(), ""),
    ],
)
def test_unexpected_error_is_shown_in_one_line(error, line, key, monkeypatch, capsys):
    """
    An exception that asi1 does not expect is reported in one line that names its class;
    the API key and control characters are replaced. The exit code is 1.
    """

    class Broken:
        def isatty(self):
            raise error

    monkeypatch.setattr(sys, "stdin", Broken())

    code = main(["ask", "Why?"])

    told = f"asi1: RuntimeError: {line}".rstrip() + "\n"
    assert (1, "", told) == (code, *capsys.readouterr())


@pytest.mark.system
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_is_reported_in_one_line(unbuffered, start, monkeypatch):
    """
    If output cannot be written because the disk is full, that error is reported in one
    line, with exit code 1; Python adds no message of its own at exit.
    """
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        process = start("--help", stdout=full)
        _, err = process.communicate()

    assert (1, 1) == (process.returncode, err.count(b"\n")), err
    assert err.startswith(b"asi1: OSError: ")


@pytest.mark.system
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_into_a_closed_pipe_exits_with_141_silently(
    unbuffered, start, pipe_without_reader, monkeypatch
):
    """
    If the reader of stdout has closed the pipe, ``--help`` exits with 141 silently.
    """
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = start("--help", stdout=pipe_without_reader)
    _, err = process.communicate()

    assert (141, b"") == (process.returncode, err)


@pytest.mark.system
@pytest.mark.parametrize("words", [["ask"], ["sing"]])
def test_closed_pipe_on_stderr_keeps_the_exit_code(words, start, pipe_without_reader):
    """
    If stderr is a closed pipe, a missing key or unknown command still exits with 2.
    """
    process = start(*words, stderr=pipe_without_reader)

    assert b"" == process.communicate()[0]
    assert 2 == process.returncode


def test_ask_succeeds_if_the_standard_streams_are_none(fake, monkeypatch):
    """
    If stdin, stdout and stderr are None, as under ``pythonw``, ``asi1 ask`` succeeds.
    """
    with monkeypatch.context() as place:
        for name in ("stdin", "stdout", "stderr"):
            place.setattr(sys, name, None)
        codes = [main(["ask", "Why?"]), main(["ask"]), main(["--version"])]

    assert [0, 2, 0] == codes
    assert 1 == len(fake.requests)


@pytest.mark.parametrize(("words", "code"), [(["ask", "Why?"], 141), (["ask"], 2)])
def test_second_flush_of_a_failed_standard_stream_raises_nothing(
    words, code, fake, pipe_without_reader, monkeypatch
):
    """
    After writing to a standard stream has failed, flushing the stream again, as Python
    does at exit, raises nothing.
    """
    stream = os.fdopen(pipe_without_reader, "w", closefd=False)
    with monkeypatch.context() as place:
        place.setattr(sys, "stdout", stream)
        place.setattr(sys, "stderr", stream)

        assert code == main(words)

    stream.close()


def test_failing_stdout_without_a_descriptor_prints_no_traceback(fake, monkeypatch):
    """
    If `sys.stdout` is an object that has no file descriptor and fails to write, no
    traceback is printed.
    """

    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    assert 141 == main(["ask", "Why?", "-q"])


def test_ctrl_c_exits_with_130(key, monkeypatch, capsys):
    """
    A KeyboardInterrupt ends the command silently with exit code 130.
    """
    monkeypatch.setattr(sys, "stdin", Interrupted())
    before = signal.getsignal(signal.SIGINT)

    assert (130, "", "") == (main(["ask"]), *capsys.readouterr())
    assert before == signal.getsignal(signal.SIGINT)


def test_ctrl_c_during_the_exit_raises_nothing(key, monkeypatch):
    """
    After Ctrl-C has ended ``main()``, a second Ctrl-C does not raise KeyboardInterrupt,
    which would print a traceback during the program's exit.
    """
    monkeypatch.setattr(sys, "argv", ["asi1", "ask"])
    monkeypatch.setattr(sys, "stdin", Interrupted())
    signal.signal(signal.SIGINT, signal.default_int_handler)

    assert 130 == main()
    assert signal.default_int_handler is not signal.getsignal(signal.SIGINT)


@pytest.mark.system
def test_closed_standard_streams_do_not_change_the_exit_codes(start):
    """
    A process started without stdin, stdout and stderr has the same exit codes as one
    that has them.
    """
    closed = "import os, sys; [os.close(i) for i in range(3)];"
    closed += "os.execv(sys.executable, [sys.executable, '-m', 'asi1', *sys.argv[1:]])"

    assert 0 == start("--version", python=("-c", closed)).wait()
    assert 2 == start("ask", "Why?", python=("-c", closed)).wait()
