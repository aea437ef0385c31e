"""The record of the answer that the running cell of a notebook already shows."""

from __future__ import annotations

import sys
import types

import pytest

from asi1 import ChatCompletion
from asi1._models.notebook import is_shown, mark_as_shown, running_shell


@pytest.fixture
def shell(monkeypatch):
    """Pretend that IPython runs its first cell, and return its shell."""
    shell = types.SimpleNamespace(execution_count=1)
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    return shell


def test_only_the_marked_answer_is_shown_and_only_in_its_cell(shell):
    """
    The answer that was marked counts as shown until the next cell runs; an equal answer
    does not.
    """
    answer = ChatCompletion(id="a")
    mark_as_shown(answer)

    assert shell is running_shell()
    assert is_shown(answer)
    assert answer._ipython_display_() is None
    assert not is_shown(ChatCompletion(id="a"))

    shell.execution_count += 1

    assert not is_shown(answer)
    with pytest.raises(NotImplementedError):
        answer._ipython_display_()


def test_marked_answer_can_be_garbage_collected(shell):
    """
    The mark does not keep an answer alive, and no other object counts as shown after
    it.
    """
    mark_as_shown(ChatCompletion())

    assert not is_shown(ChatCompletion())
    assert not is_shown("text")
