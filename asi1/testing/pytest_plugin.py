"""
A pytest plugin with the fixtures `fake_asi1` and `fake_asi1_env`.

Put ``pytest_plugins = ["asi1.testing.pytest_plugin"]`` into your top-level conftest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._fake import FakeASI1


__all__ = ["fake_asi1", "fake_asi1_env"]


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
