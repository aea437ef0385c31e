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
    "pytest_runtest_makereport",
]

_OPTION = "asi1_cassette_mode"
# Whether the test or its setup has raised an exception.
_RAISED = pytest.StashKey[bool]()
# Matches characters of a test's name that are replaced in its cassette's file name.
_UNUSUAL = re.compile(r"[^\w.=,+\[\]-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--asi1-cassette-mode`` and the setting ``asi1_fake_strict``."""
    parser.addini(
        "asi1_fake_strict",
        type="bool",
        default=False,
        help="whether the fixture fake_asi1 is strict where a test's mark is silent",
    )
    parser.getgroup("asi1").addoption(
        "--asi1-cassette-mode",
        choices=get_args(Mode),
        default=None,
        help="the mode of the fixture asi1_cassette, over that of the tests' marks",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks ``asi1_cassette`` and ``fake_asi1``."""
    config.addinivalue_line(
        "markers",
        "fake_asi1(**options): arguments of FakeASI1 for the fixture fake_asi1, such as"
        " strict=True or generation='2026'.",
    )
    config.addinivalue_line(
        "markers",
        "asi1_cassette(path=None, **options): the file of the fixture asi1_cassette,"
        " and arguments of asi1.testing.cassette, such as mode.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Record whether a test has failed: then its fake reports no failure of its own."""
    item.stash[_RAISED] = call.excinfo is not None


@pytest.fixture
def fake_asi1(request: pytest.FixtureRequest) -> Iterator[FakeASI1]:
    """
    A running `FakeASI1`, new for each test and stopped after the test.

    The mark ``fake_asi1`` gives arguments of `FakeASI1`. A strict fake fails a test
    that made a call without a scripted reply, or left a reply over, unless the test has
    failed anyway. pytest's setting ``asi1_fake_strict = true`` makes all fakes strict,
    unless their mark says otherwise.
    """
    node: pytest.Item = request.node
    mark = node.get_closest_marker("fake_asi1")
    options: dict[str, Any] = {"strict": node.config.getini("asi1_fake_strict")}
    options.update(mark.kwargs if mark else {})
    fake = FakeASI1(**options)
    # There is no `with` block, since its end could not know that the test has failed.
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()
    if fake.strict and not node.stash.get(_RAISED, False):
        try:
            fake.verify()
        except AssertionError as exc:
            pytest.fail(str(exc), pytrace=False)


@pytest.fixture
def fake_asi1_env(fake_asi1: FakeASI1, monkeypatch: pytest.MonkeyPatch) -> FakeASI1:
    """Same as `fake_asi1`; environment variables make all clients use this fake."""
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
    Else it is "replay" if the environment variable ``CI`` is set and not empty, and
    otherwise "replay-or-record".
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
