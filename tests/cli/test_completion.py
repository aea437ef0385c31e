"""``asi1 completion``: the scripts, and what the Tab key finds."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from asi1._install import install_hint
from asi1.cli import main


pytest.importorskip("argcomplete", reason="asi1 completion needs argcomplete")

# What a shell does when the Tab key is pressed after the words in its first argument.
PRESS_TAB = """
eval "$(asi1 completion bash)"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete asi1
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_of_each_shell_is_printed(shell, capsys):
    """
    The script for a shell is printed on stdout, and names the command.
    """
    assert 0 == main(["completion", shell])

    out, err = capsys.readouterr()
    assert ("", True) == (err, "asi1" in out)


def test_unknown_shell_is_refused(capsys):
    """
    The name of an unknown shell is an invalid choice, with exit code 2.
    """
    assert 2 == main(["completion", "cmd"])

    assert "invalid choice: 'cmd'" in capsys.readouterr().err


def test_missing_library_is_named_with_its_install_command(capsys, monkeypatch):
    """
    Without argcomplete, ``asi1 completion`` prints one line that says how to install
    it. A shell that asks for completions gets no words and no message.
    """
    for name in ("argcomplete", "argcomplete.shell_integration"):
        monkeypatch.setitem(sys.modules, name, None)

    assert 2 == main(["completion", "bash"])
    told = f"asi1: asi1 completion needs argcomplete: {install_hint('cli')}\n"
    assert told == capsys.readouterr().err

    monkeypatch.setenv("_ARGCOMPLETE", "1")
    assert (1, ("", "")) == (main(["ask"]), tuple(capsys.readouterr()))


@pytest.mark.system
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_tab_completes_commands_options_and_choices_in_bash(tmp_path, monkeypatch):
    """
    In bash, the Tab key completes commands, options and shells.
    """
    program = tmp_path / "asi1"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m asi1 "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def found(words):
        command = ["bash", "-c", PRESS_TAB, "bash", words]
        return subprocess.check_output(command, text=True, cwd=tmp_path).split()

    assert ["chat"] == found("asi1 ch")
    assert {"--schema", "--system"} <= set(found("asi1 ask --s"))
    assert ["zsh"] == found("asi1 completion z")
