"""
A test that needs the network once, and then only its recording.

The first run records the replies in ``cassettes/recorded_test``; commit that folder.
Later runs, and those with ``CI`` set, replay it.

    export ASI_ONE_API_KEY=...
    pytest -p asi1.testing.pytest_plugin examples/recorded_test.py
"""

from __future__ import annotations

import os

from asi1 import ASI1
from asi1.testing import Cassette


def capital(client: ASI1, country: str) -> str:
    """Return the capital of a country; the code under test."""
    prompt = f"Name the capital of {country}, in one word."
    return client.chat.completions.create(messages=prompt, temperature=0).text


def test_capital(asi1_cassette: Cassette) -> None:
    """The answer is the name of the capital."""
    key = os.environ.get("ASI_ONE_API_KEY", "replaying-needs-no-key")
    with ASI1(key, transport=asi1_cassette) as client:
        assert "Oslo" in capital(client, "Norway")  # noqa: S101 - as pytest has it
