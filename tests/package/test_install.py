"""What messages and pages say of how asi1 is installed."""

from __future__ import annotations

import re
import tomllib

from pathlib import Path

from asi1._install import RELEASED, install_command, install_hint


ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
START = (ROOT / "docs/get-started.md").read_text("utf-8")


def test_messages_say_how_to_install_asi1_before_and_after_a_release():
    """
    Before the first release, asi1 is installed from a checkout only, and messages say
    so; a release changes the command in all of them.
    """
    assert "pip install ." == install_command(released=False)
    assert "pip install asi1" == install_command(released=True)
    told = "in a checkout of asi1, pip install '.[ray,redis]'"
    assert told == install_hint("ray,redis", released=False)
    assert "pip install 'asi1[cli]'" == install_hint("cli", released=True)


def test_pages_show_the_commands_of_the_messages():
    """
    README and the first page of the site show the command that works now, and whether
    asi1 is on PyPI; other pages link there for extras.
    """
    command = f"python -m {install_command()} && asi1 demo\n"

    assert command in (ROOT / "README.md").read_text("utf-8")
    assert command in START
    assert f"python -m {install_command('cli,redis')}\n" in START
    assert RELEASED is ("asi1 is not on PyPI yet" not in START)
    assert [] == [
        path.name
        for path in PAGES
        if re.search(r"pip install [\"']?asi1", path.read_text("utf-8"))
        and not (RELEASED and path.name in {"README.md", "get-started.md"})
    ]


def test_first_page_lists_each_extra():
    """The table of extras has the extras that the package declares, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    rows = re.findall(r"^\| (`.*?) \|", START, re.MULTILINE)

    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert sorted(project["optional-dependencies"]) == sorted(listed)


def test_only_one_module_has_the_command_to_install_asi1():
    """Only `asi1._install` has the ``pip install`` command, so that a release changes
    one place.
    """
    assert ["_install.py"] == [
        path.name
        for path in sorted((ROOT / "asi1").rglob("*.py"))
        if "pip install" in path.read_text("utf-8")
    ]
