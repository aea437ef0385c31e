"""``asi1 ask``: what is sent, what is written where, and how errors are shown."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from asi1.cli import main

from .conftest import KEY


SKY = "Because blue light\nis scattered more."
THOUGHTS = ["The sky, then.", "Rayleigh."]
COUNTS = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}


def test_stdout_gets_only_the_text_of_the_answer(fake, capsys):
    """
    The answer's text and a newline go to stdout. Token counts, dollars and times go to
    stderr. If stderr is not a terminal, thoughts are not shown.
    """
    fake.reply(SKY, thoughts=THOUGHTS, usage=COUNTS)

    code = main(["ask", "Why is the sky blue?"])
    out, err = capsys.readouterr()

    assert (0, f"{SKY}\n") == (code, out)
    assert re.fullmatch(
        r"49 tokens \(40 in, 9 out\), \$0\.000011, first token after \d+\.\d\d s,"
        r" \d+\.\d\d s in all\n",
        err,
    )
    (request,) = fake.requests
    assert request.json["stream"] is True


def test_option_no_stream_prints_the_same_text_as_a_stream(fake, capsys):
    """
    ``--no-stream`` requests the answer without streaming, and prints the same text as
    without this option.
    """
    fake.reply(SKY, thoughts=THOUGHTS, usage=COUNTS)

    code = main(["ask", "Why is the sky blue?", "--no-stream"])
    out, err = capsys.readouterr()

    assert (0, f"{SKY}\n") == (code, out)
    assert re.fullmatch(
        r"49 tokens \(40 in, 9 out\), \$0\.000011, \d+\.\d\d s in all\n", err
    )
    (request,) = fake.requests
    assert "stream" not in request.json


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_options_missing_on_the_command_line_are_not_sent(options, fake):
    """
    Options missing on the command line are missing in the request, so that the server's
    defaults apply.
    """
    assert 0 == main(["ask", "Why?", *options])

    (request,) = fake.requests
    assert {"messages", "model"} == set(request.json) - {"stream"}


@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--json"]])
def test_options_on_the_command_line_are_sent(options, fake):
    """
    The model, temperature and token limit given as options are sent, even a zero.
    """
    wanted = ["--model", "asi1", "--temperature", "0", "--max-tokens", "0"]

    assert 0 == main(["ask", "Why?", *wanted, *options])

    (request,) = fake.requests
    sent = [request.json[name] for name in ("model", "temperature", "max_tokens")]
    assert ["asi1", 0, 0] == sent


def test_json_option_prints_the_json_that_the_server_sent(fake, capsys):
    """
    ``--json`` prints only the JSON that the server sent, on one line, including fields
    that asi1 does not know.
    """
    body = {"choices": [{"message": {"content": "Gänse\nund"}}], "mood": ["fine"]}
    fake.reply_json(json.dumps(body, indent=2).encode())

    code = main(["ask", "Why?", "--json", "--thoughts"])
    out, err = capsys.readouterr()

    assert (0, "", 1) == (code, err, out.count("\n"))
    assert body == json.loads(out)
    assert "Gänse" in out


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
@pytest.mark.parametrize("text", ["one", "one\n", "one\n\n", ""])
def test_newline_is_added_to_an_answer_only_if_missing(options, text, fake, capsys):
    """
    A newline is added if the text does not end in one; an empty answer prints nothing.
    """
    fake.reply(text)

    assert 0 == main(["ask", "Why?", *options])
    assert (text if text[-1:] in {"", "\n"} else f"{text}\n") == capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_terminal_shows_dimmed_thoughts_and_undimmed_text(options, fake, on_terminal):
    """
    A terminal shows dimmed thoughts, a blank line, the text, and dimmed token counts.
    """
    fake.reply(SKY, thoughts=THOUGHTS, usage=COUNTS)

    seen, code = on_terminal(["ask", "Why?", *options])

    assert 0 == code
    seen = seen.replace("\x1b[0m\x1b[2m", "")
    thoughts, _, rest = seen.partition("\n\n")
    assert "\x1b[2mThe sky, then.\nRayleigh.\x1b[0m" == thoughts
    assert rest.startswith(f"{SKY}\n\x1b[2m49 tokens")
    assert rest.endswith(" s in all\x1b[0m\n")


@pytest.mark.parametrize(
    ("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", None)]
)
def test_variable_no_color_or_a_dumb_terminal_turns_ansi_codes_off(
    name, value, fake, on_terminal, monkeypatch
):
    """
    If NO_COLOR is set, or TERM is unset or "dumb", a terminal gets no ANSI codes.
    """
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    fake.reply(SKY, thoughts=THOUGHTS)

    seen, code = on_terminal(["ask", "Why?"])

    assert 0 == code
    assert "\x1b" not in seen
    assert seen.startswith(f"The sky, then.\nRayleigh.\n\n{SKY}\n")


@pytest.mark.parametrize(
    ("name", "value"), [("NO_COLOR", ""), ("TERM", "vt220"), ("WT_SESSION", "7")]
)
def test_thoughts_have_ansi_codes_on_a_terminal_that_supports_them(
    name, value, fake, on_terminal, monkeypatch
):
    """
    Thoughts on a terminal have ANSI codes if TERM is set and not "dumb", or if Windows
    Terminal has set WT_SESSION; an empty NO_COLOR has no effect.
    """
    if name == "WT_SESSION":
        monkeypatch.delenv("TERM")
    monkeypatch.setenv(name, value)
    fake.reply(SKY, thoughts=THOUGHTS)

    seen, code = on_terminal(["ask", "Why?"])

    assert 0 == code
    assert seen.startswith("\x1b[2mThe")


@pytest.mark.parametrize("options", [["--no-thoughts"], ["-q"], ["-q", "--thoughts"]])
def test_options_no_thoughts_and_quiet_hide_thoughts(options, fake, on_terminal):
    """
    With ``--no-thoughts`` or ``-q`` a terminal shows no thoughts. With ``-q`` it shows
    no token counts either.
    """
    fake.reply(SKY, thoughts=THOUGHTS)

    seen, code = on_terminal(["ask", "Why?", *options])

    assert 0 == code
    assert seen.startswith(f"{SKY}\n")
    assert ("-q" in options) == (seen == f"{SKY}\n")


def test_thoughts_option_writes_thoughts_even_without_a_terminal(fake, capsys):
    """
    ``--thoughts`` writes thoughts to stderr even if stderr is not a terminal, without
    ANSI codes.
    """
    fake.reply(SKY, thoughts=THOUGHTS)

    assert 0 == main(["ask", "Why?", "--thoughts"])
    out, err = capsys.readouterr()

    assert f"{SKY}\n" == out
    assert err.startswith("The sky, then.\nRayleigh.\n\n")


def test_thoughts_in_the_middle_of_an_answer_have_lines_of_their_own(fake, on_terminal):
    """
    Newlines separate thoughts in the middle of an answer from the answer's text.
    """
    pieces = [{"thought": "Hm."}, {"text": "Yes."}, {"thought": "Or?"}, {"text": "No."}]
    events = [
        {
            "thought": piece.get("thought", ""),
            "choices": [{"delta": {"content": piece.get("text", "")}}],
        }
        for piece in pieces
    ]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    fake.stream_of(f"{stream}data: [DONE]\n\n".encode())

    seen, code = on_terminal(["ask", "Why?", "--thoughts"])

    assert 0 == code
    seen = re.sub(r"\x1b\[\dm", "", seen)
    assert seen.startswith("Hm.\n\nYes.\nOr?\n\nNo.\nthe server counted no tokens")


def test_token_counts_after_thoughts_without_text_start_a_new_line(fake, capsys):
    """
    If an answer has thoughts but no text, the token counts start a new line on stderr.
    """
    fake.reply("", thoughts=THOUGHTS)

    assert 0 == main(["ask", "Why?", "--thoughts"])
    out, err = capsys.readouterr()

    assert "" == out
    assert "Rayleigh.\n\n" in err


def test_finish_reason_other_than_stop_is_shown_after_the_token_counts(fake, capsys):
    """
    A finish reason other than "stop", such as "length", is shown after the token
    counts.
    """
    fake.reply(SKY, finish_reason="length", usage={})

    assert 0 == main(["ask", "Why?"])
    _, err = capsys.readouterr()

    assert err.startswith("the server counted no tokens, ")
    assert err.endswith(" in all, ended by 'length'\n")


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_quiet_option_still_warns_of_a_truncated_answer(options, fake, capsys):
    """
    Even with ``-q``, standard error says if the token limit has cut off the answer; the
    exit code is 0.
    """
    fake.reply(SKY, finish_reason="length")

    assert 0 == main(["ask", "Why?", "-q", *options])

    told = "the answer is cut off: it has reached the token limit\n"
    assert (f"{SKY}\n", told) == tuple(capsys.readouterr())


def test_terminal_shows_control_characters_as_symbols(fake, on_terminal):
    """
    On a terminal, control characters of the text are shown as symbols, and carriage
    returns are omitted, so that a model cannot control the terminal.
    """
    fake.reply("a\x1b[2Jb\x07c\x9bd\x7f\te\r\n")

    seen, code = on_terminal(["ask", "Why?", "-q"])

    assert 0 == code
    assert "a\u241b[2Jb\u2407c\ufffdd\ufffd\te\n" == seen


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_terminal_gets_no_bidirectional_or_invisible_characters(
    options, fake, on_terminal
):
    """
    A terminal gets no bidirectional controls and no invisible characters, neither in
    thoughts nor in the text. Joiners in emoji, and in scripts that need them, stay.
    """
    hidden = "a\u202eb\u2066c\u200b\ufeff\u200fd\U0001f468\u200d\U0001f469"
    shown = "a\ufffdb\ufffdcd\U0001f468\u200d\U0001f469"
    fake.reply(hidden, thoughts=[hidden], chunk_words=1)

    seen, code = on_terminal(["ask", "Why?", *options])

    assert 0 == code
    assert 2 == seen.count(shown)
    assert not set("\u202e\u2066\u200b\ufeff\u200f") & set(seen)


def test_json_on_a_terminal_escapes_hidden_characters(fake, on_terminal):
    """
    ``--json`` on a terminal writes hidden characters as JSON escapes: they do not reach
    the terminal, and the JSON means the same.
    """
    fake.reply("a\x1b[2J\u202eb\x7f\x9b")

    seen, code = on_terminal(["ask", "Why?", "--json"])

    assert 0 == code
    assert seen.rstrip("\n").isprintable()
    text = json.loads(seen)["choices"][0]["message"]["content"]
    assert "a\x1b[2J\u202eb\x7f\x9b" == text


def test_answer_is_written_unchanged_if_stdout_is_not_a_terminal(fake, capsys):
    """
    If stdout is not a terminal, control characters of an answer are written unchanged.
    """
    fake.reply("a\x1b[2Jb\r\n")

    assert 0 == main(["ask", "Why?"])
    assert "a\x1b[2Jb\r\n" == capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_characters_missing_in_the_encoding_are_escaped(options, fake, monkeypatch):
    """
    Characters that stdout's encoding cannot represent are escaped as in JSON, so that
    the output of ``--json`` stays valid JSON.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", newline="\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    fake.reply("Gänse \U0001f986 \u20ac")

    assert 0 == main(["ask", "Why?", *options])

    written = stdout.buffer.getvalue().decode("latin-1")
    assert "Gänse \\ud83e\\udd86 \\u20ac" in written
    if options:
        text = json.loads(written)["choices"][0]["message"]["content"]
        assert "Gänse \U0001f986 \u20ac" == text


def test_lone_surrogate_in_an_answer_is_written_as_u_fffd(fake, monkeypatch):
    """
    A lone surrogate, which UTF-8 cannot represent, is written as U+FFFD, and the rest
    of the answer is still written.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    body = {"choices": [{"message": {"content": "Ha\ud83elf"}}]}
    fake.reply_json(json.dumps(body).encode())

    assert 0 == main(["ask", "Why?", "--no-stream"])
    assert "Ha\ufffdlf\n".encode() == stdout.buffer.getvalue()


def test_missing_api_key_prints_how_to_get_and_set_a_key(capsys, monkeypatch):
    """
    If the API key is missing or blank, ``asi1 ask`` prints one line that says where to
    get a key and how to set it, and exits with 2.
    """
    monkeypatch.setenv("ASI_ONE_API_KEY", " ")

    code = main(["ask", "Why?"])
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: no API key: ")
    assert "https://asi1.ai, then set the environment variable ASI_ONE_API_KEY" in err
    assert "asi1 demo" in err


def test_missing_api_key_is_reported_before_stdin_is_read(piped, capsys):
    """
    A missing API key is reported before standard input is read, as a pipe may be slow.
    """
    piped("Why?")

    assert 2 == main(["ask"])
    assert "Why?" == sys.stdin.read()


@pytest.mark.parametrize("name", ["ASI_ONE_API_KEY", "ASI1_API_KEY"])
def test_api_key_is_read_from_each_environment_variable(name, fake, monkeypatch):
    """
    ``asi1 ask`` reads the API key from each environment variable that the client reads.
    """
    monkeypatch.delenv("ASI_ONE_API_KEY")
    monkeypatch.setenv(name, KEY)

    assert 0 == main(["ask", "Why?"])

    (request,) = fake.requests
    assert f"Bearer {KEY}" == request.headers["authorization"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--temperature", "5"], "temperature: must be a number from 0 to 2"),
        (["--temperature", "nan"], "temperature: "),
        (["--max-tokens", "-1"], "max_tokens: must be a whole number of at least 0"),
        (["--model", ""], "model: "),
    ],
)
def test_option_out_of_range_exits_with_2(options, told, fake, capsys):
    """
    An option whose value is out of range is reported in one line with exit code 2; no
    request is sent.
    """
    code = main(["ask", "Why?", *options])
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith(f"asi1: {told}")
    assert [] == fake.requests


def test_invalid_base_url_is_reported_with_its_variable(key, monkeypatch, capsys):
    """
    An invalid base URL in an environment variable is reported with the variable's name
    and exit code 2.
    """
    monkeypatch.setenv("ASI1_BASE_URL", "gopher://asi1.ai")

    code = main(["ask", "Why?"])
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: the environment variable ASI1_BASE_URL: ")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ({"status": 400, "message": "No\nsuch  field."}, "400: No such field."),
        (
            {"status": 401, "message": "Who?"},
            "401: Who? (is the key in ASI_ONE_API_KEY valid?",
        ),
        ({"status": 401, "message": f"Bad key {KEY}"}, "401: Bad key ***"),
        ({"status": 402, "message": "\x1b[2JPay."}, "402: \u241b[2JPay."),
        (
            {"status": 429, "message": "Slow down.", "retry_after": 300},
            "429: Slow down. (the server asks to wait 300 s)",
        ),
    ],
)
@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--json"]])
def test_error_status_is_shown_in_one_line(options, refusal, told, fake, capsys):
    """
    Status and message of an error response are shown in one line on stderr, with the
    API key removed; the exit code is 1.
    """
    fake.fail(**refusal)

    code = main(["ask", "Why?", *options])
    out, err = capsys.readouterr()

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith(f"asi1: {told}")
    assert KEY not in err


@pytest.mark.parametrize("name", ["ASI_ONE_API_KEY", "ASI1_API_KEY"])
@pytest.mark.parametrize("short", ["k", "any", "test-ke"])
def test_api_key_of_less_than_8_characters_is_not_redacted(
    name, short, fake, monkeypatch, capsys
):
    """
    An API key of less than 8 characters is not redacted, since words of a message may
    contain it and must stay readable. A longer key is redacted.
    """
    monkeypatch.delenv("ASI_ONE_API_KEY")
    for key, told in ((short, f"Unknown key {short} for any"), (KEY, "Bad ***")):
        monkeypatch.setenv(name, key)
        fake.fail(status=400, message=told.replace("***", KEY))

        assert 1 == main(["ask", "Why?"])

        assert f"400: {told}" in capsys.readouterr().err


@pytest.mark.system
def test_refused_connection_is_shown_in_one_line(fake, capsys):
    """
    A refused connection is reported in one line on stderr, with exit code 1.
    """
    fake.stop()

    code = main(["ask", "Why?"])
    out, err = capsys.readouterr()

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith(f"asi1: 127.0.0.1:{fake.port}: ")


@pytest.mark.parametrize(
    "fault", ["truncated_no_length", "reset_mid_body", "fin_mid_chunk"]
)
def test_interrupted_stream_shows_its_text_and_exits_with_1(fault, fake, capsys):
    """
    If a stream is interrupted, stdout has the text that arrived before, stderr has the
    error in one line, and the exit code is 1.
    """
    fake.fault(fault, after_chunks=3)

    code = main(["ask", "Why?"])
    out, err = capsys.readouterr()

    assert (1, "one two three\n", 1) == (code, out, err.count("\n"))
    assert err.startswith("asi1: ")


def test_error_of_an_interrupted_stream_starts_a_new_line(fake, on_terminal):
    """
    On a terminal, the error of an interrupted stream starts a new line after the text.
    """
    fake.fault("truncated_no_length", after_chunks=3)

    seen, code = on_terminal(["ask", "Why?"])

    assert 1 == code
    assert seen.startswith("one two three\nasi1: the stream ended")


@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--json"]])
def test_character_split_over_two_chunks_is_written_complete(
    fake, monkeypatch, options
):
    """
    A surrogate pair that the server split over two chunks is written as one character.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    fake.fault("half_characters")

    assert 0 == main(["ask", "Why?", *options])

    written = stdout.buffer.getvalue().decode()
    assert "three \U0001f986 four" in written
