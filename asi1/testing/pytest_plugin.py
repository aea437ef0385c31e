"""
A pytest plugin with the fixtures `fake_asi1`, `fake_asi1_env` and `asi1_cassette`.

Put ``pytest_plugins = ["asi1.testing.pytest_plugin"]`` into your top-level conftest.
"""

from __future__ import annotations

import os
import re

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from ._cassette import Cassette, Mode, cassette
from ._fake import FakeASI1


__all__ = [
    "asi1_cassette",
    "fake_asi1",
    "fake_asi1_env",
    "pytest_addoption",
    "pytest_configure",
]

_OPTION = "asi1_cassette_mode"
# Characters of a test's name that are not wanted in the name of a file.
_UNUSUAL = re.compile(r"[^\w.=,+\[\]-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--asi1-cassette-mode``."""
    parser.getgroup("asi1").addoption(
        "--asi1-cassette-mode",
        choices=get_args(Mode),
        default=None,
        help="the mode of the fixture asi1_cassette, over that of the tests' marks",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark ``asi1_cassette``."""
    config.addinivalue_line(
        "markers",
        "asi1_cassette(path=None, **options): the file of the fixture asi1_cassette,"
        " and arguments of asi1.testing.cassette, such as mode.",
    )


@pytest.fixture
def fake_asi1() -> Iterator[FakeASI1]:
    """A running `FakeASI1`, new for each test and stopped after the test."""
    with FakeASI1() as fake:
        yield fake


@pytest.fixture
def fake_asi1_env(fake_asi1: FakeASI1, monkeypatch: pytest.MonkeyPatch) -> FakeASI1:
    """As `fake_asi1`, with environment variables that make clients use the fake."""
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk_fake")
    monkeypatch.setenv("ASI1_BASE_URL", fake_asi1.base_url)
    return fake_asi1


@pytest.fixture
def asi1_cassette(request: pytest.FixtureRequest) -> Cassette:
    """
    A `cassette` of the test's own, to be given to a client as ``transport=``.

    Its file is ``cassettes/MODULE/TEST.jsonl`` in the folder of the test's module. The
    mark ``asi1_cassette`` names another file, relative to the folder of the module, and
    gives arguments of `cassette`.

    The mode is that of pytest's option ``--asi1-cassette-mode``, else that of the mark.
    Else it is "replay" if the environment variable ``CI`` is set, and otherwise
    "replay-or-record".
    """
    node: pytest.Item = request.node
    module = node.path
    usual = Path("cassettes", module.stem, f"{_UNUSUAL.sub('-', node.name)}.jsonl")
    path, options = _marked(usual, **_arguments(node))
    options.setdefault("mode", "replay" if os.environ.get("CI") else "replay-or-record")
    mode = getattr(node.config.option, _OPTION, None)
    if mode is not None:
        options["mode"] = mode
    return cassette(module.parent / path, **options)


def _arguments(node: pytest.Item) -> dict[str, Any]:
    mark = node.get_closest_marker("asi1_cassette")
    if mark is None:
        return {}
    return {**({"path": mark.args[0]} if mark.args else {}), **mark.kwargs}


def _marked(
    usual: Path, path: str | os.PathLike[str] | None = None, **options: Any
) -> tuple[str | os.PathLike[str], dict[str, Any]]:
    return usual if path is None else path, options
