"""The tools of a chat: where they come from, and how they are set."""

from __future__ import annotations

import sys

import pytest

import asi1

from asi1.cli._chat.toolbox import Toolbox


TOOLS = '''
import asi1

def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b

@asi1.tool(name="look", serial=True)
def search(word: str) -> str:
    """Look up a word."""
    return word

class Box:
    @staticmethod
    def inner() -> str:
        return "inner"

ALL = [add, search]
NUMBER = 7
def unfit(*, x: object()): ...
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Run the test in a folder with the module ``chat_tools``."""
    (tmp_path / "chat_tools.py").write_text(TOOLS)
    (tmp_path / "chat_broken.py").write_text("1 / 0")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("chat_tools", None)


def test_tools_option_names_a_function_a_tool_or_a_list(folder):
    """
    ``--tools MODULE:NAME`` names a function, a tool or a list of them, in a module of
    the working directory; each tool keeps its own options, and asks for approval.
    """
    (add, look) = Toolbox(["chat_tools:ALL"], "ask").offered
    (inner,) = Toolbox(["chat_tools:Box.inner"], "run").offered

    assert ["add", "look", "inner"] == [add.name, look.name, inner.name]
    assert [False, True] == [add.serial, look.serial]
    assert [True, True, False] == [t.needs_approval for t in (add, look, inner)]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("chat_tools", "must be MODULE:FUNCTION"),
        ("chat_tools:", "must be MODULE:FUNCTION"),
        ("chat_missing:add", "ModuleNotFoundError: No module named 'chat_missing'"),
        ("chat_tools:sub", "AttributeError: "),
        ("chat_tools:NUMBER", "must be a function, not 7"),
        ("chat_broken:add", "ZeroDivisionError: division by zero"),
        ("chat_tools:unfit", "unfit"),
    ],
)
def test_tools_option_that_names_no_usable_tool_is_refused(folder, place, told):
    """
    A ``--tools`` option that names no function, a module that cannot be imported, or a
    function that cannot be a tool, is refused with the reason.
    """
    with pytest.raises(asi1.ConfigurationError) as refused:
        Toolbox([place], "ask")

    assert str(refused.value).startswith(f"--tools {place}: ")
    assert told in str(refused.value)


def test_mode_of_a_tool_says_whether_it_is_offered_and_needs_approval(folder):
    """
    A tool in the mode "off" is not offered to the model. `set_mode` without a mode
    switches a tool off, or on again. Unknown tools and modes are refused.
    """
    tools = Toolbox(["chat_tools:ALL"], "ask")

    tools.set_mode("add", "run")
    tools.set_mode("look", "")
    assert [("add", False)] == [(t.name, t.needs_approval) for t in tools.offered]
    assert [
        "add: runs without asking (Add two numbers.)",
        "look: is not offered to the model (Look up a word.)",
    ] == list(tools.describe())

    tools.set_mode("look", "")
    assert "ask" == tools.modes["look"]
    for name, mode in [("sub", "ask"), ("add", "maybe")]:
        with pytest.raises(asi1.ConfigurationError):
            tools.set_mode(name, mode)
