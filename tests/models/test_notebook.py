"""asi1 remembers which answer the running notebook cell has already shown."""

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


def test_answer_marked_as_shown_counts_as_shown_until_the_next_cell_runs(shell):
    """
    After `mark_as_shown`, an answer counts as already shown until the next cell runs.
    Another object that is equal to this answer does not count as shown.
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


def test_answer_marked_as_shown_can_be_garbage_collected(shell):
    """
    `mark_as_shown` does not keep an answer in memory. After the answer is freed, no
    other object counts as shown.
    """
    mark_as_shown(ChatCompletion())

    assert not is_shown(ChatCompletion())
    assert not is_shown("text")
