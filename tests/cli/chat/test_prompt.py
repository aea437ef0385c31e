"""The input line of ``asi1 chat``: keys, pasted text, completion."""

from __future__ import annotations

import pytest


pytest.importorskip("prompt_toolkit", reason="asi1 chat needs prompt_toolkit")

from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from asi1.cli._chat.prompt import PromptReader


@pytest.fixture
def typed():
    """Return a function that types keys, and returns a prompt that reads these keys."""
    commands = ["/save", "/system", "/undo"]
    with (
        create_pipe_input() as keys,
        create_app_session(input=keys, output=DummyOutput()),
    ):

        def type_keys(text):
            keys.send_text(text)
            return PromptReader(InMemoryHistory(), commands, ["/save"])

        yield type_keys


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("one\r", "one"),
        ("one\x1b\rtwo\r", "one\ntwo"),
        ("one\ntwo\r", "one\ntwo"),
        ("\x1b[200~one\r\ntwo\nthree\x1b[201~\r", "one\ntwo\nthree"),
        ("on\x7fe\x01z\r", "zoe"),
    ],
)
def test_enter_sends_and_alt_enter_begins_a_new_line(typed, keys, text):
    """
    Enter sends the message; Alt-Enter and Ctrl-J begin a new line. Pasted text keeps
    its newlines.
    """
    assert text == typed(keys).read()


def test_text_passed_to_the_prompt_can_be_edited(typed):
    """
    The text passed to `read` stands in the input line, where the user can edit it.
    """
    assert "one two" == typed(" two\r").read("one")


@pytest.mark.system
def test_ctrl_c_discards_the_line_and_ctrl_d_ends_the_input(typed):
    """
    Ctrl-C discards the line and raises KeyboardInterrupt; `discarded` then has the
    line's text. Ctrl-D in an empty line raises EOFError.
    """
    reader = typed("one\x03\x03\x04")

    for discarded in ("one", ""):
        with pytest.raises(KeyboardInterrupt):
            reader.read()
        assert discarded == reader.discarded
    with pytest.raises(EOFError):
        reader.read()


def test_history_keeps_messages_but_not_answers_to_questions(typed):
    """
    A message of the user is added to the history. The user's answer to a question of
    the program is not added.
    """
    reader = typed("one\ryes\rtwo\r")

    assert ["one", "yes", "two"] == [reader.read(), reader.ask("Run?"), reader.read()]
    assert ["one", "two"] == reader._session.history.get_strings()


def test_tab_completes_commands_and_paths(typed, tmp_path, monkeypatch):
    """
    The Tab key completes the names of commands, and a path after a command that takes
    one.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.json").touch()
    completer = typed("")._session.completer

    def completed(text):
        found = completer.get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + f.start_position] + f.text for f in found]

    assert ["/save ", "/system "] == completed("/s")
    assert ["/save talk.json"] == completed("/save ta")
    assert [] == completed("/undo ta")
    assert [] == completed("s")
