"""Long text is decoded and searched for secrets in steps."""

from __future__ import annotations

import html
import json
import urllib.parse

import pytest

from asi1._settings.search_steps import finished
from asi1._settings.secret import Secret


KEY = "sk_canary-0123456789.abcdefABCDEF"
# More than the number of characters that one step searches.
LONG = 16 * 1024


def steps_of(steps):
    """Return how many times the generator *steps* yields, and what it returns."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return count, end.value
        count += 1


WRITERS = {
    "plain": str,
    "unicode": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "json-in-json": lambda key: json.dumps(
        "".join(f"\\u{ord(char):04x}" for char in key)
    )[1:-1],
    "url-in-url": lambda key: urllib.parse.quote("".join(f"%{ord(c):x}" for c in key)),
    "html-in-html": lambda key: html.escape("".join(f"&#{ord(c)};" for c in key)),
    "broken-by-nul": "\0".join,
    "broken-by-backslashes": ("\\" * 100).join,
}


@pytest.mark.system
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("around", ["x", "é", "\\", "\r", "%41", "&amp;"])
def test_api_key_is_redacted_wherever_the_steps_of_a_search_divide_a_text(
    write, around
):
    """
    An API key is found and redacted in a long text in each escaped form, even if one
    step of the search ends inside the key, and whatever characters are before the key.
    """
    secret, written = Secret(KEY), write(KEY)
    before = around * (LONG // len(around) + 1)
    for place in range(0, len(written) + 1, 1 + len(written) // 9):
        head = before[: LONG - place]
        text = f"{head} {written} tail"

        assert finished(secret.search_in_steps(text))
        redacted = finished(secret.redact_in_steps(text))

        assert "*** tail" == redacted[-8:]


@pytest.mark.system
@pytest.mark.parametrize(
    "piece", ["word ", "日本", "\\n", "\\u0041", "%41", "\0", "\r"]
)
def test_search_of_a_long_text_takes_many_short_steps(piece):
    """
    A search of a text of a megabyte without the API key takes a step for each 16 KiB or
    less, and a search of a few words takes a single step.
    """
    text = piece * (1024 * 1024 // len(piece))

    steps, found = steps_of(Secret(KEY).search_in_steps(text))

    assert not found
    assert 63 <= steps <= 64 * 30
    assert (0, False) == steps_of(Secret(KEY).search_in_steps(piece * 9))


def test_long_text_without_the_api_key_stays_the_same_object():
    """
    A long text that does not contain the API key is not copied.
    """
    text = "\\\r\0words &amp; %41" * 10_000

    assert text is finished(Secret(KEY).redact_in_steps(text))


@pytest.mark.system
def test_redaction_of_a_long_text_with_the_api_key_takes_many_steps():
    """
    A long text that contains the API key is searched and redacted in many steps.
    """
    text = ("words &amp; %41" * 100 + KEY) * 500

    steps, redacted = steps_of(Secret(KEY).redact_in_steps(text))

    assert text.replace(KEY, "***") == redacted
    assert len(text) // LONG < steps


def test_end_of_a_long_text_with_the_beginning_of_the_api_key_is_redacted():
    """
    If a long text was cut within the API key, the redacted text ends with stars.
    """
    text = "words " * LONG + KEY[:12]

    assert finished(Secret(KEY).redact_in_steps(text)).endswith("words ***")
