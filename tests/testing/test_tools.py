"""The public names, the import, and the command line of asi1.testing."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

import asi1
import asi1.testing

from asi1.testing import FAULTS
from asi1.testing.__main__ import main


pytest_plugins = ["asi1.testing.pytest_plugin"]


def test_public_classes_have_the_public_module_name():
    """
    Each public class has asi1.testing as its `__module__`; `__all__` has no name twice.
    """
    names = asi1.testing.__all__
    classes = [getattr(asi1.testing, name) for name in names if name != "FAULTS"]

    assert sorted(names) == sorted(set(names))
    assert {"asi1.testing"} == {cls.__module__ for cls in classes}


@pytest.mark.system
def test_importing_asi1_testing_starts_no_thread():
    """
    Importing asi1.testing starts no thread; only the start of a fake does.
    """
    code = "import threading, asi1.testing; print(threading.active_count())"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        check=True,
        text=True,
    )

    assert ("1\n", "") == (done.stdout, done.stderr)


class WatchedOutput(io.StringIO):
    """A stand-in for sys.stdout; `url` waits for the first line and returns it."""

    def url(self):
        end = time.monotonic() + 10
        while not self.getvalue().endswith("\n") and time.monotonic() < end:
            time.sleep(0.002)
        return self.getvalue().strip()


def run(monkeypatch, arguments, number, **request):
    """
    Run the command line in this thread; send one request to the server that it starts,
    then send the process the signal *number*.
    """
    screen = WatchedOutput()
    monkeypatch.setattr(sys, "stdout", screen)
    responses = []

    def ask():
        try:
            responses.append(httpx.post(screen.url() + "/chat/completions", **request))
        finally:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=ask)
    thread.start()
    code = main(arguments)
    thread.join()
    return code, responses[0]


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ([], 200, "Hello from the fake"),
        (["--reply", "Nine.", "--seed", "7"], 200, "Nine."),
        (["--fault", "html_502"], 502, "Bad Gateway"),
        (["--require-key"], 401, "API key is missing"),
        (["--generation", "2026"], 200, "reasoning_content"),
        (["--generation", "2026", "--reply", "Nine."], 200, "reasoning_content"),
    ],
    ids=["plain", "reply", "fault", "key", "generation", "generation-reply"],
)
def test_command_line_serves_until_a_signal(
    monkeypatch, arguments, status, text, number
):
    """
    ``python -m asi1.testing`` serves as its options say, ends at Ctrl-C or SIGTERM, and
    returns exit code 0.
    """
    before = signal.getsignal(number)

    code, response = run(monkeypatch, arguments, number)

    assert 0 == code
    assert status == response.status_code
    assert text in response.text
    assert before == signal.getsignal(number)


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "text"),
    [([], "Hello from the fake"), (["--reply", "One two three four."], "One two")],
    ids=["built-in", "reply"],
)
def test_chunk_delay_makes_the_server_wait_after_an_event(monkeypatch, arguments, text):
    """
    With `--chunk-delay`, the server waits after each event of a streamed answer,
    whether `--reply` sets the answer's text or not.
    """
    given = [*arguments, "--chunk-delay", "0.05", "--seed", "7"]

    code, response = run(monkeypatch, given, signal.SIGINT, json={"stream": True})

    events = response.text.count("data: ")
    assert 0 == code
    assert text.split()[0] in response.text
    assert 2 < events
    assert (events - 1) * 0.05 <= response.elapsed.total_seconds()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--chunk-delay", "-1"], "--chunk-delay"),
        (["--chunk-delay", "nan"], "--chunk-delay"),
        (["--chunk-delay", "inf"], "--chunk-delay"),
        (["--chunk-delay", "soon"], "--chunk-delay"),
        (["--fault", "html_502", "--chunk-delay", "1"], "--fault"),
        (["--fault", "html_502", "--reply", "Nine."], "--fault"),
    ],
)
def test_invalid_chunk_delay_or_option_ignored_by_fault_is_a_usage_error(
    arguments, told, capsys
):
    """
    An invalid `--chunk-delay`, and an option that `--fault` would ignore, are usage
    errors with exit code 2; no server is started.
    """
    with pytest.raises(SystemExit) as raised:
        main(arguments)

    assert 2 == raised.value.code
    assert told in capsys.readouterr().err


@pytest.mark.system
def test_command_line_prints_its_url_first_and_ends_at_sigterm():
    """
    `python -m asi1.testing` prints its URL first; SIGTERM ends the server without a
    message and with exit code 0.
    """
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "asi1.testing", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().strip()
        status = httpx.post(url + "/chat/completions").status_code
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=120)

    assert (200, ("", ""), 0) == (status, rest, process.returncode)


@pytest.mark.system
@pytest.mark.skipif(
    os.name == "nt", reason="a closed pipe is reported differently on Windows"
)
def test_faults_option_with_a_closed_pipe_prints_no_error():
    """
    If the reader of standard output has closed the pipe, `--faults` exits with code 141
    and prints no error.
    """
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "asi1.testing", "--faults"]
    with os.fdopen(writing, "wb") as gone:
        ended = subprocess.run(
            command, stdout=gone, stderr=subprocess.PIPE, check=False, timeout=240
        )

    assert (141, b"") == (ended.returncode, ended.stderr)


def test_faults_option_lists_all_faults(capsys):
    """
    `--faults` prints one line for each fault, with the fault's options.
    """
    assert 0 == main(["--faults"])
    lines = capsys.readouterr().out.splitlines()

    assert len(FAULTS) == len(lines)
    assert any(
        line.startswith("stall(after_chunks=3, seconds=None): ") for line in lines
    )


def test_port_that_is_in_use_is_reported_with_exit_code_2(fake, capsys):
    """
    A port that another server uses is reported in one line, with exit code 2, and
    leaves the handler of Ctrl-C as it was.
    """
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(SystemExit) as leaving:
        main(["--port", f"{fake.port}"])

    assert 2 == leaving.value.code
    assert f"--port {fake.port}: " in capsys.readouterr().err.splitlines()[-1]
    assert before is signal.getsignal(signal.SIGINT)
