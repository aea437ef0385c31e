"""``asi1 batch``: files, options, exit codes and the progress line."""

from __future__ import annotations

import io
import json
import signal
import sys

import pytest

from asi1.cli import main


if sys.platform == "win32":
    pytest.skip("needs the signals of Unix", allow_module_level=True)


# A program that handles Ctrl-C even if it was started in the background.
LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from asi1.cli import main
sys.exit(main())
"""


def line(name, **body):
    message = {"role": "user", "content": name}
    value = {
        "custom_id": name,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"messages": [message], **body},
    }
    return json.dumps(value) + "\n"


@pytest.fixture
def batch(tmp_path):
    """
    Return a function that runs ``asi1 batch`` with a request for each name, which is
    the request's custom id and prompt, and returns the exit code. The function's
    attribute ``output`` is the path of the output file.
    """

    def run(names, *options, source=tmp_path / "in.jsonl"):
        if source != "-":
            source.write_text("".join(map(line, names)))
        return main(["batch", str(source), "-o", str(run.output), *options])

    run.output = tmp_path / "out.jsonl"
    return run


def rows(batch):
    return [json.loads(row) for row in batch.output.read_text().splitlines()]


def test_batch_writes_rows_to_a_file_and_its_summary_to_stderr(fake, batch, capsys):
    """
    The rows go to the output file and the summary to stderr; stdout stays empty. A
    second run sends no request, and says so.
    """
    fake.reply("Hello", usage={"prompt_tokens": 5, "completion_tokens": 2}, times=None)

    first = batch("abc")
    told = capsys.readouterr()
    second = batch("abc")
    again = capsys.readouterr()

    assert (0, 0, "", "") == (first, second, told.out, again.out)
    assert ["a", "b", "c"] == sorted(row["custom_id"] for row in rows(batch))
    assert told.err.startswith("3 requests, 3 to send\n3 of 3 requests done\n21 tokens")
    assert again.err.startswith("3 requests, 0 to send, 3 finished earlier\n3 of 3 ")
    assert 3 == len(fake.requests)


def test_batch_exits_with_1_if_requests_failed_and_retries_on_demand(
    fake, batch, capsys
):
    """
    A failed request makes the exit code 1, even in later runs, until ``--retry-failed``
    has sent it again with success.
    """
    fake.fail(400, message="no\x1b[2J")

    codes = [batch("ab"), batch("ab"), batch("ab", "--retry-failed"), batch("ab")]

    assert [1, 1, 0, 0] == codes
    assert 3 == len(fake.requests)
    err = capsys.readouterr().err
    assert 2 == err.count("1 of 2 requests done, 1 failed (1 BadRequestError)")
    assert 2 == err.count("to send the failed requests again, add --retry-failed\n")
    assert "\x1b" not in err


def test_model_base_url_and_quiet_options_are_used(fake, batch, capsys):
    """
    ``--model`` applies to all requests, ``--base-url`` overrides the environment, and
    ``-q`` prints nothing.
    """
    options = ["--model", "asi1", "--concurrency", "2", "--rpm", "60", "--tpm", "90000"]

    assert 0 == batch("ab", *options, "--base-url", fake.base_url, "-q")

    assert ("", "") == capsys.readouterr()
    assert {"asi1"} == {request.json["model"] for request in fake.requests}


def test_batch_goes_on_if_stderr_is_a_closed_pipe(fake, batch, monkeypatch):
    """
    If the reader of standard error closes the pipe, the batch shows no more progress,
    answers all requests, and ends with the exit code of a closed pipe.
    """

    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    fake.reply("Yes.", times=None)
    monkeypatch.setattr("sys.stderr", Gone())

    assert 141 == batch(["a", "b"])
    assert {"a", "b"} == {row["custom_id"] for row in rows(batch)}


def test_batch_reads_requests_from_a_pipe(fake, batch, monkeypatch):
    """
    With ``-`` as input, the requests come from standard input.
    """
    stdin = io.TextIOWrapper(io.BytesIO(line("a\u00fc").encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    assert 0 == batch((), source="-")

    assert ["a\u00fc"] == [row["custom_id"] for row in rows(batch)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "aa",
            "asi1: input: line 2 has the custom_id of line 1, 'a'; nothing was sent",
        ),
        ("a --concurrency 0", "asi1: concurrency: "),
        ("a --concurrency x", "asi1: argument --concurrency: invalid int"),
        ("a --rpm 0", "asi1: rate_limit: "),
        ("a --budget much", "asi1: budget: usd must be a number of US dollars"),
        ("a --model ", "asi1: model: "),
        ("a --base-url nowhere", "asi1: base_url: "),
        ("a -o no/such/folder", "folder: No such file or directory; nothing was sent"),
        ("a -o .", "is not a regular file"),
    ],
)
def test_wrong_usage_exits_with_2_and_sends_nothing(words, told, fake, batch, capsys):
    """
    Wrong options, input files and output files are reported in one line; the exit code
    is 2.
    """
    names, *options = words.split(" ")

    assert 2 == batch(names, *options)

    out, err = capsys.readouterr()
    assert ("", 1, []) == (out, err.count("\n"), fake.requests)
    assert told in err


@pytest.mark.parametrize("words", [["no.jsonl", "-o", "x"], ["no.jsonl"], []])
def test_missing_files_exit_with_2(words, key, capsys):
    """
    A command line that names a missing input file, or no files, exits with 2.
    """
    assert 2 == main(["batch", *words])

    assert 1 == capsys.readouterr().err.count("\n")


def test_missing_api_key_exits_with_2(tmp_path, capsys):
    """
    Without an API key the command exits with 2, before it opens a file.
    """
    output = tmp_path / "out"

    assert 2 == main(["batch", "in.jsonl", "-o", str(output)])

    assert capsys.readouterr().err.startswith("asi1: no API key: ")
    assert not output.exists()


def test_wrong_api_key_ends_the_batch_and_says_how_to_go_on(fake, batch, capsys):
    """
    A wrong key ends the batch with exit code 1. No request counts as failed because of
    the API key, so that the same command can be run again.
    """
    fake.fail(401, message="wrong key")

    assert 1 == batch("ab", "--concurrency", "1")
    *_, last = capsys.readouterr().err.splitlines()
    assert "asi1: 401: wrong key; to go on, run the same command again" == last
    assert [] == rows(batch)
    assert 0 == batch("ab")


def test_used_up_budget_ends_the_batch_with_exit_code_1(fake, batch, capsys):
    """
    A batch that has used up its budget ends with exit code 1 and a line that names the
    amounts; the summary says what the batch has spent.
    """
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    fake.reply("Hello", usage=usage, times=None)

    assert 1 == batch("abc", "--budget", "0.1805", "--concurrency", "1")

    *_, spent, last = capsys.readouterr().err.splitlines()
    assert "1,000,000 tokens (1,000,000 in, 0 out), $0.1800, " in spent
    assert "could pass the budget of $0.1805: $0.18" in last
    assert last.endswith("; to go on, run the same command again")
    assert 1 == len(fake.requests)


def test_terminal_codes_in_a_custom_id_do_not_reach_the_terminal(
    fake, batch, on_terminal
):
    """
    A custom id with terminal codes is shown with symbols in their place.
    """
    name = "\x1b[2J\u202e"
    source = batch.output.with_name("in.jsonl")
    source.write_text(line(name) * 2)

    seen, code = on_terminal(["batch", str(source), "-o", str(batch.output)])

    assert 2 == code
    assert "\x1b[2J" not in seen
    assert "\u202e" not in seen


@pytest.mark.system
@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_or_sigterm_ends_the_batch_and_keeps_its_answers(
    signal_name, fake, start, tmp_path
):
    """
    Ctrl-C and SIGTERM end the batch: running requests are cancelled, answers that have
    arrived are kept, a line says how to go on, and the exit code is 130.
    """
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(map(line, "abcdef")))
    fake.reply("early")
    fake.fault("stall_before_headers", times=None)
    process = start(
        *("batch", source, "-o", output, "--concurrency", "2"),
        python=("-c", LISTENING),
    )
    while len(fake.requests) < 3:
        assert process.poll() is None

    process.send_signal(getattr(signal, signal_name))
    out, err = process.communicate()

    lines = err.decode().splitlines()
    assert (130, b"", 1) == (process.returncode, out, output.read_bytes().count(b"\n"))
    assert "1 of 6 requests done, 5 not sent or not finished" == lines[-3]
    assert (
        "asi1: interrupted; running requests were cancelled;"
        " to go on, run the same command again"
    ) == lines[-1]
    assert "left" == fake.requests[-1].wait()


def test_progress_on_a_terminal_is_one_line_that_is_erased_at_the_end(
    fake, batch, on_terminal, monkeypatch
):
    """
    On a terminal, rich draws one line, erases it at the end, and shows the cursor
    again. With NO_COLOR, the terminal gets the lines that a pipe gets, without codes.
    """
    pytest.importorskip("rich", reason="rich is not installed")
    words = [str(batch.output.with_name("in.jsonl")), "-o", str(batch.output)]
    batch("ab", "-q")

    seen, code = on_terminal(["batch", *words])
    monkeypatch.setenv("NO_COLOR", "1")
    plain, _ = on_terminal(["batch", *words])

    assert 0 == code
    assert 1 == seen.count("\x1b[?25l") == seen.count("\x1b[?25h")
    assert "\x1b[2K" in seen.partition("\x1b[?25l")[2]
    assert "2 of 2 requests done; 2 finished earlier\n" in seen
    assert plain.startswith("2 requests, 0 to send, 2 finished earlier\n2 of 2 requ")
    assert "\x1b" not in plain
