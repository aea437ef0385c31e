"""The command line as a whole: what it answers to, exit codes, a quick start."""

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
    """Standard input at which Ctrl-C is pressed."""

    def read(self, *_):
        raise KeyboardInterrupt


@pytest.fixture
def unread():
    """Return the end of a pipe that nobody will ever read."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_the_version_is_told(capsys):
    """
    ``asi1 --version`` prints the name and the version, and succeeds.
    """
    code = main(["--version"])

    assert (0, f"asi1 {asi1.__version__}\n", "") == (code, *capsys.readouterr())


def test_the_bare_name_gets_help_and_is_no_success(capsys):
    """
    ``asi1`` alone prints its help on stderr and exits with 2.
    """
    code = main([])
    out, err = capsys.readouterr()

    assert (2, "") == (code, out)
    assert err.startswith("usage: asi1 ")
    assert "demo" in err
    assert "ask" in err


@pytest.mark.parametrize("words", [["--help"], ["ask", "--help"]])
def test_help_names_the_exit_codes(words, capsys):
    """
    Help goes to stdout, succeeds, and tells what each exit code means.
    """
    code = main(words)
    out, err = capsys.readouterr()

    assert (0, "") == (code, err)
    told = out.partition("exit codes:\n")[2].splitlines()
    assert ["0", "1", "2", "130", "141"] == [line.split()[0] for line in told]


def test_help_of_the_demo(capsys):
    """
    ``asi1 demo --help`` says that it needs no key and no network.
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
def test_wrong_usage_is_told_in_one_line(words, told, capsys):
    """
    What cannot be parsed gets one line that names it and the help, and exit code 2.
    """
    code = main(words)
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: ")
    assert told in err
    assert "--help)" in err


def test_no_argument_means_the_words_of_the_process(monkeypatch, capsys):
    """
    ``main()`` reads ``sys.argv``, as the console script calls it.
    """
    monkeypatch.setattr(sys, "argv", ["/usr/bin/asi1", "--version"])

    assert 0 == main()
    assert capsys.readouterr().out.startswith("asi1 ")


@pytest.mark.system
def test_python_m_asi1_is_the_same(start):
    """
    ``python -m asi1`` calls itself asi1, and hands on the exit code.
    """
    process = start()
    out, err = process.communicate()

    assert (2, b"") == (process.returncode, out)
    assert err.startswith(b"usage: asi1 ")


def test_the_module_exits_with_the_code(monkeypatch, capsys):
    """
    Run as a program, `asi1.__main__` exits with what `main` returns.
    """
    monkeypatch.setattr(sys, "argv", ["asi1", "ask"])

    with pytest.raises(SystemExit) as leaving:
        runpy.run_module("asi1", run_name="__main__")

    assert 2 == leaving.value.code


@pytest.mark.system
def test_importing_the_module_runs_nothing(start):
    """
    ``import asi1.__main__`` does nothing.
    """
    process = start(python=("-c", "import asi1.__main__"))

    assert (b"", b"") == process.communicate()
    assert 0 == process.returncode


@pytest.mark.system
@pytest.mark.parametrize("words", ["--version", "--help", "ask --help"])
def test_nothing_heavy_is_loaded_before_a_command_runs(words, start):
    """
    Version and help come without any of the libraries that a call needs.
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
def test_what_nobody_expected_is_told_in_one_line(
    error, line, key, monkeypatch, capsys
):
    """
    Any other exception is one line with its class, without the key and control
    characters, and exit code 1.
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
def test_a_full_disk_is_told_once(unbuffered, start, monkeypatch):
    """
    Output that cannot be written is one line and exit code 1, without Python's own
    complaint after it.
    """
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        process = start("--help", stdout=full)
        _, err = process.communicate()

    assert (1, 1) == (process.returncode, err.count(b"\n")), err
    assert err.startswith(b"asi1: OSError: ")


@pytest.mark.system
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_left_is_no_news(unbuffered, start, unread, monkeypatch):
    """
    With nobody at the other end of the pipe, help exits with 141 and says nothing.
    """
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = start("--help", stdout=unread)
    _, err = process.communicate()

    assert (141, b"") == (process.returncode, err)


@pytest.mark.system
@pytest.mark.parametrize("words", [["ask"], ["sing"]])
def test_nobody_to_complain_to(words, start, unread):
    """
    Where the reader of stderr has left too, the exit code alone tells of an error.
    """
    process = start(*words, stderr=unread)

    assert b"" == process.communicate()[0]
    assert 2 == process.returncode


def test_streams_that_python_has_closed_do_no_harm(fake, monkeypatch):
    """
    With None for stdin, stdout and stderr, a call is made all the same.
    """
    with monkeypatch.context() as place:
        for name in ("stdin", "stdout", "stderr"):
            place.setattr(sys, name, None)
        codes = [main(["ask", "Why?"]), main(["ask"]), main(["--version"])]

    assert [0, 2, 0] == codes
    assert 1 == len(fake.requests)


@pytest.mark.parametrize(("words", "code"), [(["ask", "Why?"], 141), (["ask"], 2)])
def test_what_cannot_be_written_to_is_let_go(words, code, fake, unread, monkeypatch):
    """
    After a stream has failed, flushing it once more, as Python does at its end, is no
    failure.
    """
    stream = os.fdopen(unread, "w", closefd=False)
    with monkeypatch.context() as place:
        place.setattr(sys, "stdout", stream)
        place.setattr(sys, "stderr", stream)

        assert code == main(words)

    stream.close()


def test_streams_without_a_number_are_let_go_too(fake, monkeypatch):
    """
    A stand-in for stdout that is no file of the system, and fails, is no traceback.
    """

    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    assert 141 == main(["ask", "Why?", "-q"])


def test_ctrl_c_is_130(key, monkeypatch, capsys):
    """
    A KeyboardInterrupt ends in silence and exit code 130.
    """
    monkeypatch.setattr(sys, "stdin", Interrupted())
    before = signal.getsignal(signal.SIGINT)

    assert (130, "", "") == (main(["ask"]), *capsys.readouterr())
    assert before == signal.getsignal(signal.SIGINT)


def test_a_second_ctrl_c_does_not_disturb_the_end(key, monkeypatch):
    """
    The program itself ignores Ctrl-C once it has been interrupted.
    """
    monkeypatch.setattr(sys, "argv", ["asi1", "ask"])
    monkeypatch.setattr(sys, "stdin", Interrupted())
    before = signal.getsignal(signal.SIGINT)
    try:
        code = main()
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert (130, signal.SIG_IGN) == (code, after)


@pytest.mark.system
def test_closed_streams_do_no_harm(start):
    """
    Started with stdin, stdout and stderr closed, the exit codes are the usual ones.
    """
    closed = "import os, sys; [os.close(i) for i in range(3)];"
    closed += "os.execv(sys.executable, [sys.executable, '-m', 'asi1', *sys.argv[1:]])"

    assert 0 == start("--version", python=("-c", closed)).wait()
    assert 2 == start("ask", "Why?", python=("-c", closed)).wait()
