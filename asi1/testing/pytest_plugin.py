"""
Floor 8. The fixture `fake_asi1`, for those who ask for it.

Put ``pytest_plugins = ["asi1.testing.pytest_plugin"]`` into your topmost conftest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._fake import FakeASI1


__all__ = ["fake_asi1"]


@pytest.fixture
def fake_asi1() -> Iterator[FakeASI1]:
    """A running `FakeASI1`, fresh for each test and stopped after it."""
    with FakeASI1() as fake:
        yield fake
