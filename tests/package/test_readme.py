"""The README: how long it is, what it shows, and the numbers that it gives."""

import os
import re
import subprocess
import sys

from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
README = ROOT.joinpath("README.md").read_text("utf-8")
# test_documentation runs these programs, and those of all other pages.
EXAMPLES = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))


def test_readme_has_at_most_150_lines():
    """The README has at most 150 lines, so that it can be read at one sitting."""
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize(
    "part",
    [
        *("await client.chat.completions.create(", ".stream(", ".thought", ".text"),
        *("parse(", "run_tools(", "conversation(", "except asi1.", "FakeASI1"),
        "ChatStreamResponse",
    ],
)
def test_readme_shows_the_main_features(part):
    """
    The README's examples show a call, a stream, thoughts, an object, a tool, a
    conversation, error handling, a web service and the fake server.
    """
    assert part in EXAMPLES


def test_readme_begins_with_the_commands_for_the_demo_and_for_nox():
    """The README's first two shell blocks install asi1 and run its demo, and run all
    checks with nox.
    """
    first, second = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[:2]

    assert "python -m pip install . && asi1 demo" == first
    assert "python -m pip install nox && python -m nox" == second


@pytest.mark.system
def test_pages_show_the_recorded_benchmarks():
    """
    The numbers of the benchmarks in the README and on their page are those that
    ``python -m benchmarks show`` prints.
    """
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "show", "benchmarks/results.json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # the benchmarks are not installed
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    ).stdout
    table = {row[0]: row[1:] for row in cells(shown) if len(row) > 8}
    unit, httpx, _, asi1, openai, *_ = table["stream-async"]
    page = ROOT.joinpath("docs/explanation/benchmarks.md").read_text("utf-8")
    rows = {re.search(r"`(.*)`", row[0])[1]: row[1:] for row in cells(page)[2:]}

    assert f"costs {asi1[:-1]} times" in README
    assert f"costs {openai[:-1]} times" in README
    for case, row in rows.items():
        unit, httpx, _, *others, _ = table[case]
        assert [unit, httpx, *others] == [cell.strip("*") for cell in row]


def cells(text: str) -> list[list[str]]:
    """Return the rows of a Markdown table as lists of cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
