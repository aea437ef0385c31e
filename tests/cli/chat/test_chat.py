"""``asi1 chat``: turns, commands, tools, errors, and how it ends."""

from __future__ import annotations

import json
import os
import stat
import sys

from pathlib import Path

import pytest

from asi1._install import install_hint
from asi1.cli import main

from ..test_process import LISTENING, read_all


TOOLS = '''
ran = []
def mail(to: str) -> str:
    """Send a mail."""
    ran.append(to)
    return "sent"
def broken() -> str:
    raise ValueError("it \\x1b[2J broke")
'''
CALL = [{"name": "mail", "arguments": {"to": "a\x1b[2J\u202e\u200bda"}}]


def echo(request):
    """Return the number of a request's messages, and the last of these messages."""
    messages = request.json["messages"]
    return f"{len(messages)}: {messages[-1]['content']}"


@pytest.fixture
def fake(fake):
    """Run a fake server whose answers repeat the question."""
    fake.reply(echo, times=None)
    return fake


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Import the module of tools from the working directory, and return it."""
    (tmp_path / "chat_tools.py").write_text(TOOLS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    import chat_tools

    yield chat_tools
    del sys.modules["chat_tools"]


def sent(fake, number=-1):
    """Return the messages of request *number*, by default of the last request."""
    return fake.requests[number].json["messages"]


def test_each_turn_sends_the_earlier_turns(chat, fake):
    """
    A chat shows each answer and a line of token counts, sends all earlier turns with
    each turn, and ends with exit code 0 at Ctrl-D.
    """
    rows, code = chat("one\rtwo\r", "--system", "Be brief.", "--model", "asi1")

    assert 0 == code
    assert rows[0] == "asi1 chat with asi1; /help lists the commands"
    assert ["2: one", "4: two"] == rows[1:5:2]
    assert "tokens" in rows[2]
    assert ["system", "user", "assistant", "user"] == [m["role"] for m in sent(fake)]
    assert "asi1" == fake.requests[0].json["model"]


def test_markdown_and_dimmed_thoughts_are_shown(chat, fake):
    """
    An answer is shown as markdown, with its thoughts dimmed above it. ``--no-thoughts``
    hides the thoughts, and ``-q`` the token counts.
    """
    for _ in range(2):
        fake.reply("**Bees** play.", thoughts=["Hm."])

    rows, _ = chat("Why?\r")
    assert ["Hm.", "", "Bees play."] == rows[1:4]
    assert "\x1b[2mHm.\x1b[0m" in chat.written
    assert "\x1b[1mBees\x1b[0m" in chat.written

    rows, _ = chat("Why?\r", "--no-thoughts", "-q")
    assert ["Bees play.", "Ctrl-D or /exit leaves", ""] == rows[1:]


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_variable_no_color_or_a_dumb_terminal_turns_colors_off(
    chat, fake, monkeypatch, name, value
):
    """
    If the variable TERM is "dumb", the answer is plain text. If NO_COLOR is set, the
    answer has no colors.
    """
    monkeypatch.setenv(name, value)
    fake.reply("`a` [b](http://c)")

    rows, _ = chat("Why?\r")

    assert ("`a` [b](http://c)" if name == "TERM" else "a b (http://c)") == rows[1]
    if name == "TERM":
        assert "\x1b" not in chat.written
    assert "\x1b[3" not in chat.written
    assert "\x1b[9" not in chat.written


def test_failed_call_prints_one_line_and_keeps_the_question_for_editing(chat, fake):
    """
    A failed call is reported in one line without control characters, and is not added
    to the conversation. The user's message stands in the input line again, for another
    try.
    """
    fake.fail(400, message="The \x1b[2J moon is down.")

    rows, code = chat("one\r, again\r")

    assert 0 == code
    assert "asi1: 400: The \u241b[2J moon is down." == rows[1]
    assert "1: one, again" == rows[2]


def test_partial_answer_of_a_broken_stream_is_not_in_the_conversation(chat, fake):
    """
    The text that arrived before a stream broke stays on the terminal, but is not a part
    of the conversation.
    """
    fake.fault("truncated_no_length", after_chunks=3)

    rows, _ = chat("one\r\x03two\r")

    assert "one two three" == rows[1]
    assert "this turn is not a part of the conversation" in rows
    assert [{"role": "user", "content": "two"}] == sent(fake)


def test_answer_without_text_is_reported_in_one_line(chat, fake):
    """
    If an answer has no text, one line says so, or shows the refusal that the model has
    sent.
    """
    fake.reply("")
    body = {"choices": [{"message": {"content": "", "refusal": "\x1b[2JNo."}}]}
    fake.reply_json(json.dumps(body).encode())

    rows, _ = chat("one\rtwo\r")

    assert "no text" in rows
    assert "the model refuses: \u241b[2JNo." in rows


@pytest.mark.system
def test_conversation_is_saved_and_loaded(chat, fake, tmp_path):
    """
    ``/save`` writes a file that only its owner can read. ``/load`` and ``--load``
    continue the saved conversation, with its model and system message. ``/save``
    without a path then writes the same file again.
    """
    chat("one\r/save talk.json\r", "--system", "Be brief.", "--model", "asi1")
    assert 0o600 == stat.S_IMODE((tmp_path / "talk.json").stat().st_mode)

    rows, _ = chat("/load talk.json\r/system\rtwo\r")
    assert "loaded 3 messages from talk.json; the model is asi1" in rows
    assert "Be brief." in rows
    assert (4, "asi1") == (len(sent(fake)), fake.requests[-1].json["model"])

    rows, _ = chat("three\r/save\r", "--load", "talk.json", "--model", "asi1-mini")
    assert "saved to talk.json" in rows
    assert (4, "asi1-mini") == (len(sent(fake)), fake.requests[-1].json["model"])
    assert 5 == len(json.loads((tmp_path / "talk.json").read_text())["messages"])


@pytest.mark.parametrize(
    "before", ["/system Old.\none\n", "one\n", "/system Old.\n", ""]
)
def test_system_option_changes_a_loaded_conversation(fake, piped, tmp_path, before):
    """
    ``--system`` with ``--load`` sets the system message of the loaded conversation,
    whether it has one or not; ``/save`` alone writes to the same file.
    """
    path = tmp_path / "talk.json"
    piped(f"{before}/save {path}\n")
    assert 0 == main(["chat"])

    piped("two\n/save\n/new\nthree\n")
    assert 0 == main(["chat", "--load", str(path), "--system", "Be brief."])

    for number in (-2, -1):
        system = [m["content"] for m in sent(fake, number) if m["role"] == "system"]
        assert ["Be brief."] == system
    kept = json.loads(path.read_text())["messages"]
    assert ["Be brief."] == [m["content"] for m in kept if m["role"] == "system"]


@pytest.mark.system
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/load missing", "missing cannot be read: No such file or directory"),
        ("/load .", ". cannot be read: Is a directory"),
        ("/load", "name a file, as in /save talk.json"),
        ("/load notes", "notes: saved: is not a conversation saved by asi1"),
        ("/save notes", "notes exists, and is not a saved conversation"),
        ("/save no/such", "no/such cannot be written: No such file or directory"),
        ("/model ", "the model is asi1-mini; known are asi1, "),
        ("/undo", "there is nothing to undo"),
        ("/tools", "there are no tools: start with --tools"),
        ("/cost", "0 tokens so far (0 in, 0 out)"),
        ("/system", "there is no system message: /system TEXT sets one"),
        ("/sing a song", "/sing is not a command: /help lists them"),
    ],
)
def test_command_that_fails_says_why_in_one_line(chat, tmp_path, command, told):
    """
    A command of the chat that fails, or has nothing to do, says so in one line, changes
    no file, and sends nothing.
    """
    (tmp_path / "notes").write_text("notes")

    rows, code = chat(f"{command}\r")

    assert 0 == code
    assert told in rows[1]
    assert "notes" == (tmp_path / "notes").read_text()


@pytest.mark.system
def test_loaded_file_sends_no_control_character_to_the_terminal(chat, fake, tmp_path):
    """
    The system message and the model of a loaded file are shown without control
    characters.
    """
    chat("one\r/save talk.json\r", "--system", "SYSTEM", "--model", "MODEL")
    text = (tmp_path / "talk.json").read_text()
    for word in ("SYSTEM", "MODEL"):
        text = text.replace(word, f"{word}\\u001b[2J\\u202e")
    (tmp_path / "talk.json").write_text(text)

    rows, _ = chat("/load talk.json\r/system\r/model\r", "--load", "talk.json")

    assert rows[0].startswith("asi1 chat with MODEL\u241b[2J\ufffd")
    assert "SYSTEM\u241b[2J\ufffd" in rows
    assert "\u202e" not in chat.written


@pytest.mark.system
def test_commands_change_the_conversation(chat, fake):
    """
    ``/undo`` removes the last turn and ``/new`` all turns. ``/model`` changes the
    model, and ``/system`` the system message, even in the middle of a conversation.
    """
    chat("one\rtwo\r/undo\rthree\r/system Be brief.\rfour\r/system Rhyme.\rfive\r")
    texts = [[m["content"] for m in sent(fake, n)] for n in range(5)]
    assert ["one", "1: one", "two"] == texts[1]
    assert ["one", "1: one", "three"] == texts[2]
    assert ["Be brief.", "four"] == texts[3][-2:]
    assert ["Rhyme.", "four"] == texts[4][-4:-2]

    chat("one\r/clear\r/model asi1\rtwo\r", "--system", "Be brief.")
    assert ["Be brief.", "two"] == [m["content"] for m in sent(fake)]
    assert "asi1" == fake.requests[-1].json["model"]


def test_message_that_begins_with_a_path_is_not_a_command(chat, fake):
    """
    A message that begins with a path, or with a space before the slash, is sent.
    """
    chat("/etc/passwd?\r /help\r")

    assert ["/etc/passwd?", " /help"] == [sent(fake, n)[-1]["content"] for n in (0, 1)]


def test_help_lists_every_command(chat):
    """
    ``/help`` names each command and the keys.
    """
    from asi1.cli._chat.commands import names

    rows, _ = chat("/help\r")

    text = "\n".join(rows)
    assert [] == [name for name in names() if name not in text]
    assert "Ctrl-J" in text


@pytest.mark.system
@pytest.mark.parametrize(
    ("keys", "result"),
    [
        ("y\r", "sent"),
        ("always\r", "sent"),
        ("\r", "the user does not allow this call"),
        ("not today\r", "not today"),
    ],
)
def test_tool_of_a_chat_runs_only_after_the_user_says_yes(
    chat, fake, tools, keys, result
):
    """
    A tool call is shown with its arguments, in which hidden characters are escaped. The
    tool runs only if the user says yes; any other answer is sent to the model as the
    reason why the tool did not run.
    """
    fake.reply("I'll mail.", tool_calls=CALL)

    rows, _ = chat(f"Mail Ada.\r{keys}", "--tools", "chat_tools:mail")

    assert (result == "sent") == bool(tools.ran)
    assert 'The model calls mail({"to": "a\\u001b[2J\\u202e\\u200bda"})' in rows
    assert result in sent(fake)[-1]["content"]
    assert any("in 2 answers" in row for row in rows)


@pytest.mark.system
def test_tool_that_is_always_allowed_runs_without_a_question(chat, fake, tools):
    """
    After the user's answer "always", and with ``--yes``, a tool runs without a
    question.
    """
    fake.reply("", tool_calls=CALL)
    fake.reply("done")
    fake.reply("", tool_calls=CALL)
    rows, _ = chat("Mail Ada.\ra\rAgain.\r", "--tools", "chat_tools:mail")
    assert 2 == len(tools.ran)
    assert any(row.startswith("mail returned: sent") for row in rows)

    fake.reply("", tool_calls=[{"name": "broken", "arguments": {}}])
    rows, _ = chat("Break.\r", "--tools", "chat_tools:broken", "--yes")
    assert any("ValueError: it \\u001b[2J broke" in row for row in rows)


@pytest.mark.system
@pytest.mark.parametrize("pressed", ["\x03", "\x04"])
def test_ctrl_c_or_ctrl_d_at_the_question_for_a_tool_ends_the_turn(
    chat, fake, tools, pressed
):
    """
    Ctrl-C and Ctrl-D at the question whether a tool may run end the turn: nothing runs,
    the turn is not a part of the conversation, and the user's message stands in the
    input line again.
    """
    fake.reply("", tool_calls=CALL)

    rows, code = chat(
        f"Mail Ada.\r{pressed} Or not?\r/tools mail off\r", "--tools", "chat_tools:mail"
    )

    assert (0, []) == (code, tools.ran)
    assert "stopped" in rows
    assert "Mail Ada. Or not?" == sent(fake)[-1]["content"]
    assert "mail: is not offered to the model" in rows


def test_failed_turn_names_the_tools_that_ran(chat, fake, tools):
    """
    If a turn fails after a tool ran, the report names the tool, since the tool's effect
    stays.
    """
    fake.reply("", tool_calls=CALL)
    fake.fail(400, message="No.")

    rows, _ = chat("Mail.\r", "--tools", "chat_tools:mail", "--yes")

    assert "tools that ran all the same, or still run: mail" in rows


def test_chat_reads_messages_and_commands_from_a_pipe(
    fake, piped, capsys, tmp_path, monkeypatch
):
    """
    If standard input is not a terminal, each line is a message or a command; standard
    output gets the answers, and rich and prompt_toolkit are not needed.
    """
    for name in ("rich", "prompt_toolkit"):
        monkeypatch.setitem(sys.modules, name, None)
    piped("\ufeffone\r\n\n/model asi1\ntwo\n/exit\nthree\n")

    code = main(["chat", "-q"])

    assert (0, "1: one\nthe model is asi1\n3: two\n", "") == (
        code,
        *capsys.readouterr(),
    )
    assert 2 == len(fake.requests)


def test_quiet_chat_still_warns_of_an_answer_at_the_token_limit(fake, piped, capsys):
    """
    With ``-q``, standard error says only which answers the token limit has cut off.
    """
    fake.reply("This is", finish_reason="length")
    fake.reply("All.")
    piped("one\ntwo\n")

    assert 0 == main(["chat", "-q"])

    told = "the answer is cut off: it has reached the token limit\n"
    assert ("This is\nAll.\n", told) == tuple(capsys.readouterr())


def test_cost_command_shows_dollars_if_the_price_is_known(fake, piped, capsys):
    """
    ``/cost`` tells the tokens of the conversation, the dollars of all calls since the
    chat began, and how many requests have no known price.
    """
    fake.clear()
    usage = {"prompt_tokens": 1000, "completion_tokens": 2000, "total_tokens": 3000}
    fake.reply("Hi", usage=usage, times=None)
    piped("one\n/cost\n/model odd\ntwo\n/cost\n")

    assert 0 == main(["chat", "-q"])

    out = capsys.readouterr().out.splitlines()
    tokens = "3000 tokens so far (1000 in, 2000 out); $0.0011 since the start"
    assert tokens == out[1]
    assert out[4].endswith(
        " $0.0011 since the start; the price of 1 request is not known"
    )


@pytest.mark.parametrize(
    ("lines", "ended"),
    [
        ("one\ntwo\n", (1, "asi1: 400: No.\n")),
        (
            "/load missing\none\n",
            (2, "asi1: missing cannot be read: No such file or directory\n"),
        ),
    ],
)
def test_first_failure_of_a_piped_chat_ends_the_program(
    fake, piped, capsys, lines, ended
):
    """
    If standard input is not a terminal, the first failure ends the program with the
    exit code for this failure.
    """
    fake.fail(400, message="No.")
    piped(lines)

    assert ended == (main(["chat"]), capsys.readouterr().err)
    assert len(fake.requests) < 2


def test_piped_chat_refuses_tool_calls(fake, tools, piped, capsys):
    """
    If standard input is not a terminal, the user cannot be asked, so no tool runs
    without ``--yes``.
    """
    fake.reply("", tool_calls=CALL)
    piped("Mail Ada.\n")

    assert 0 == main(["chat", "--tools", "chat_tools:mail"])

    assert [] == tools.ran
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--load", "missing"], "missing cannot be read"),
        (["--temperature", "7"], "temperature: "),
        (["--context", "0"], "budget: "),
        (["--tools", "x"], "--tools x: must be MODULE:FUNCTION"),
        (["--key-env", "MY_KEY"], "no API key: "),
        (["--base-url", "gopher://x"], "base_url: "),
    ],
)
def test_invalid_option_exits_with_2(fake, piped, capsys, words, told):
    """
    An invalid option is reported in one line, with exit code 2, before the first turn.
    """
    piped("one\n")

    code = main(["chat", *words])
    out, err = capsys.readouterr()

    assert (2, "", 1) == (code, out, err.count("\n"))
    assert told in err
    assert [] == fake.requests


@pytest.mark.parametrize("name", ["rich", "prompt_toolkit"])
def test_missing_library_is_named_with_its_install_command(
    fake, on_terminal, monkeypatch, name
):
    """
    Without rich or prompt_toolkit, ``asi1 chat`` on a terminal prints one line that
    says how to install them.
    """
    for module in [m for m in sys.modules if m.startswith(("asi1.cli._chat.", name))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)

    class Keys:
        def isatty(self):
            return True

        def fileno(self):
            raise OSError

    monkeypatch.setattr(sys, "stdin", Keys())

    seen, code = on_terminal(["chat"])

    told = f"asi1: asi1 chat needs rich and prompt_toolkit: {install_hint('cli')}\n"
    assert (2, told) == (code, seen)


@pytest.mark.system
def test_context_option_limits_the_turns_that_are_sent(chat, fake):
    """
    ``--context`` limits the tokens of a request: older turns are left out of the
    request, and stay in the saved file.
    """
    long = "word " * 150

    chat(f"{long}\rtwo\r/save talk.json\r", "--context", "300", "-q")

    assert ["two"] == [m["content"] for m in sent(fake)]
    assert 4 == len(json.loads(Path("talk.json").read_text())["messages"])


@pytest.mark.system
@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_ctrl_c_stops_the_answer_and_not_the_program(
    libraries, fake, start, monkeypatch, tmp_path
):
    """
    On a real terminal, Ctrl-C in the middle of an answer ends the answer, and the text
    so far is a part of the conversation. Keys pressed meanwhile are not shown. Ctrl-D
    leaves the chat, and the terminal is as it was before.
    """
    import fcntl
    import pty
    import struct
    import termios

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    fake.fault("stall", after_chunks=3)
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = start("chat", python=("-c", OWN_TERMINAL + LISTENING), **streams)
    until(ours, PROMPT)
    os.write(ours, b"one\r")
    until(ours, "three")
    os.write(ours, b"zzz\x03")
    seen = until(ours, PROMPT)
    os.write(ours, b"two\r")
    seen += until(ours, "3: two")
    # The read that returned the answer may have returned the prompt after it.
    if PROMPT not in seen.rpartition("3: two")[2]:
        seen += until(ours, PROMPT)
    os.write(ours, b"\x04")

    assert 0 == process.wait()
    assert before == termios.tcgetattr(theirs)
    os.close(theirs)
    seen += read_all(ours)
    os.close(ours)
    assert "stopped; the answer so far stays in the conversation (/undo)" in seen
    assert "zzz" not in seen
    assert ["one", "one two three", "two"] == [m["content"].strip() for m in sent(fake)]


# Makes standard input the terminal of the program, so that Ctrl-C sends it SIGINT.
OWN_TERMINAL = """
import fcntl, os, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
"""
PROMPT = "\x1b[?2004h"  # prompt_toolkit begins each prompt with this code


def until(terminal, words):
    """Read from a terminal until *words* appear, and return all that was read."""
    seen = ""
    while words not in seen:
        seen += os.read(terminal, 4096).decode()
    return seen
