"""What other tests let pass: found by changing the package and seeing nothing fail."""

from __future__ import annotations

import pytest

import asi1

from asi1._scrub import scrub
from asi1._secret import Secret


KEY = "sk_otter0123456789"


@pytest.mark.parametrize(
    ("said", "scrubbed"),
    [
        pytest.param(f"no {KEY} here", "no *** here", id="text"),
        pytest.param(f"no {KEY}".encode(), b"no ***", id="bytes"),
        pytest.param(bytearray(KEY.encode()), b"***", id="bytearray"),
        pytest.param([KEY, 5, None], ["***", 5, None], id="list"),
        pytest.param((KEY, "a"), ("***", "a"), id="tuple"),
        pytest.param({KEY: {"a": [KEY]}}, {"***": {"a": ["***"]}}, id="dict"),
        pytest.param(1.5, 1.5, id="number"),
    ],
)
def test_a_body_that_says_the_key_back_is_scrubbed(said, scrubbed):
    """
    Wherever in an error's body the key stands, stars stand afterwards, in the same
    shape.
    """
    error = asi1.APIStatusError("no", status_code=400, body=said)
    scrub(error, Secret(KEY))

    assert scrubbed == error.body
    assert 400 == error.status_code
