"""The history of the messages typed in a chat: where it is, who can read it, what it
keeps.
"""

from __future__ import annotations

import stat
import sys

import pytest


pytest.importorskip("prompt_toolkit", reason="asi1 chat needs prompt_toolkit")

from prompt_toolkit.history import InMemoryHistory

from asi1.cli._chat.history import history_path, open_history


def test_history_is_in_the_state_directory(monkeypatch):
    """
    The history is in the user's state directory. XDG_STATE_HOME names this directory if
    it is an absolute path; on Windows, LOCALAPPDATA does.
    """
    monkeypatch.setenv("HOME", "/home/ada")
    usual = "/home/ada/.local/state/asi1/history"

    assert usual == history_path({}, "linux")
    assert usual == history_path({"XDG_STATE_HOME": "relative"}, "darwin")
    assert "/s/asi1/history" == history_path({"XDG_STATE_HOME": "/s"}, "linux")
    assert "/l/asi1/history" == history_path({"LOCALAPPDATA": "/l"}, "win32")


@pytest.mark.skipif(sys.platform == "win32", reason="needs the modes of Unix")
def test_only_its_owner_can_read_the_history(tmp_path):
    """
    The history's file has mode 0600, even if it existed with another mode. A new folder
    for the file has mode 0700.
    """
    path = tmp_path / "asi1" / "history"
    open_history(str(path)).append_string("a secret")
    path.chmod(0o644)

    again = open_history(str(path))

    assert ["a secret"] == list(again.load_history_strings())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_history_keeps_newlines_and_leaves_out_very_long_messages(tmp_path):
    """
    A message of several lines is one entry of the history; a very long message is left
    out.
    """
    history = open_history(str(tmp_path / "history"))
    for text in ("one\ntwo", "x" * 10_001, "three"):
        history.append_string(text)

    kept = list(open_history(str(tmp_path / "history")).load_history_strings())
    assert ["three", "one\ntwo"] == kept


def test_history_that_cannot_be_a_file_is_kept_in_memory(tmp_path):
    """
    Without a path, or if the file's folder cannot be created, the history is in memory.
    """
    (tmp_path / "file").touch()

    assert isinstance(open_history(None), InMemoryHistory)
    assert isinstance(open_history(str(tmp_path / "file" / "h")), InMemoryHistory)


def test_history_whose_file_is_lost_raises_nothing(tmp_path):
    """
    A history whose file cannot be read or written any more raises no error.
    """
    path = tmp_path / "history"
    history = open_history(str(path))
    path.unlink()
    path.mkdir()

    history.append_string("lost")

    assert [] == list(history.load_history_strings())
