"""
The public API is compared with a recorded snapshot, so that it does not change by
accident.
"""

from __future__ import annotations

import pytest

import asi1

from ..support.api import SNAPSHOT, differences, public_api


HELP = "If this is intended, update the snapshot: python -m tests.support.api"
# One example of each kind of line in the snapshot ``api.txt``.
KINDS = [
    "$ asi1 ask --max-tokens N",
    "$ asi1 ask question (nargs=?)",
    "asi1.APIError  class (ASI1Error)",
    (
        "asi1.APIError.__init__  method (message, request=..., *, response=...,"
        " code=..., type=..., param=..., body=...)"
    ),
    "asi1.APIError.request_id  property: str | None",
    "asi1.APIStatusError.status_code  field: int = 0",
    "asi1.AsyncASI1.aclose  async method () -> None",
    "asi1.CONTEXT_SIZES  constant: dict[str, int]",
    "asi1.ChatOptions  optional keys (ParseOptions)",
    "asi1.ToolOptions.seed  key: int | None",
    "asi1.Messages  type str | Iterable[Message]",
    "asi1.RateLimit.free_plan  classmethod () -> Self",
    "asi1.TokenEstimator.slope  field: float = ...",
    "asi1.integrations.fastapi.lifespan  same as asi1.integrations.starlette.lifespan",
    "asi1.testing.FakeASI1.require_key  settable property: bool",
    "asi1.testing.FakeASI1.start  method () -> Self",
    "asi1.testing.pytest_plugin.fake_asi1  fixture -> Iterator[FakeASI1]",
]


@pytest.mark.system
def test_public_api_equals_the_snapshot():
    """
    The public API is as recorded in ``api.txt``: each public name, member, parameter,
    default, type and command-line option, and whether it has a docstring.
    """
    changes = differences(SNAPSHOT.read_text("utf-8").splitlines(), public_api())

    assert not changes, "\n".join(["The public API differs.", *changes, HELP])


def test_snapshot_has_every_public_name_with_a_docstring():
    """
    The snapshot of the API has every public name and each kind of member. Everything
    that can have a docstring has one.
    """
    lines = SNAPSHOT.read_text("utf-8").splitlines()
    names = {line.split("  ")[0] for line in lines}

    assert set() == {f"asi1.{name}" for name in asi1.__all__} - names
    assert set() == set(KINDS) - set(lines)
    assert [] == [line for line in lines if "no docstring" in line]


def test_difference_of_two_snapshots_has_only_the_changed_lines():
    """
    The difference of two snapshots has the removed and the added lines, and no
    unchanged line.
    """
    old, new = ["a.f()", "a.g(x)", "a.h()"], ["a.f()", "a.g(x, y)", "a.h()", "a.i()"]

    assert ["- a.g(x)", "+ a.g(x, y)", "+ a.i()"] == differences(old, new)
