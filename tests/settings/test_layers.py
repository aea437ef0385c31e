"""A text is decoded in each way in which it may contain a secret."""

from __future__ import annotations

import pytest

from asi1._settings.layers import end_in_text, layers_of, start_in_text


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("plain", ["plain"]),
        ("%61b", ["ab"]),
        ("%2561b", ["ab"]),
        ("a b", ["a b", "ab"]),
        ("=61b", ["=61b", "ab"]),
        ("a=\nb", ["a=\nb", "a=b", "ab"]),
        ("a\\nb", ["a\x1anb", "anb", "a\nb", "ab"]),
        ("%6\n1", ["%6\n1", "a"]),
    ],
)
def test_text_is_decoded_in_each_way_that_may_reveal_a_secret(text, last):
    """
    Escapes are decoded first, as often as they are nested; then whitespace is removed,
    and quoted-printable text decoded. A line end is read in each way: as text, as
    part of an escape, and as a line break that wraps a long line.
    """
    layers = [layer for layer, _ in layers_of(text)]

    assert text == layers[0]
    assert not {*last} - {*layers}


@pytest.mark.parametrize("text", ["<%61b>", "<a b>", "<%2561 =62>", "<&#97;=\nb>"])
def test_position_of_decoded_text_in_the_original_text_is_known(text):
    """
    For text that was decoded several times, the positions of its start and end in the
    original text are known.
    """
    found = {
        text[start_in_text(at, places) : end_in_text(at + 2, places)]
        for layer, places in layers_of(text)
        if (at := layer.find("ab")) >= 0
    }

    assert {text[1:-1]} == found
