"""The README: how long it is, and what it shows."""

import re

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
