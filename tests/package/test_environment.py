"""The page of the reference that lists the environment variables."""

from __future__ import annotations

import ast
import re

from collections.abc import Iterator
from pathlib import Path

import pytest

import asi1

from ..support.shape import nodes_of, tree_of


ROOT = Path(asi1.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/reference/environment.md"
NAME = re.compile(r"_?[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*")
# Variables that libraries read for asi1: Python's urllib, and OpenTelemetry.
READ_BY_LIBRARIES = {
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
}
# Words in capitals that are not variables, in modules that read the environment.
OTHER_WORDS = {"DELETE", "GET", "PATCH", "POST", "PUT", "URL"}


def reads_environment(path: Path) -> bool:
    """Whether a module's code uses `os.environ`, or gets it as an argument *env*."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.arg) and node.arg == "env")
        for node in nodes_of(path)
    )


def names_in(path: Path) -> Iterator[str]:
    """Yield each string in a module that may be the name of a variable."""
    listed = [
        node.value
        for node in tree_of(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    skipped = {id(each) for value in listed for each in ast.walk(value)}
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and id(node) not in skipped:
            text = node.value if isinstance(node.value, str) else ""
            is_name = NAME.fullmatch(text) and text not in OTHER_WORDS
            yield from [text] if is_name else []


@pytest.mark.system
def test_reference_lists_each_environment_variable_that_is_read():
    """
    The page has a row for each environment variable that asi1 reads, or that a library
    reads for asi1, and for no other variable.
    """
    paths = [path for path in ROOT.rglob("*.py") if reads_environment(path)]
    read = {name for path in paths for name in names_in(path)}
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)

    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert "ASI1_LOG" in read
    assert sorted(read | READ_BY_LIBRARIES) == sorted(listed)
