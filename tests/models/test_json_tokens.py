"""Brackets, commas and strings are found in JSON text; long strings are cut."""

from __future__ import annotations

import json

import pytest

from asi1._models.json_tokens import tokens


@pytest.mark.parametrize("window", [12, 13, 14, 15, 16, 40])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 50, id="letters"),
        pytest.param("\ud55c\u00e9\U0001f600" * 9, id="characters"),
        pytest.param('\\"\\\\\\u00e9\\ud83d\\ude00\\n' * 5, id="escapes"),
    ],
)
def test_pieces_of_a_long_string_end_between_two_characters(text, window):
    """
    Each piece of a long string is JSON text of its own: it ends neither inside of a
    character's bytes, nor inside of an escape or a surrogate pair.
    """
    data = f'["{text}",1]'.encode()

    found = list(tokens(data, window))
    pieces = [data[start:end] for start, end, last in found if last is not None]

    assert [b"[", b",", b"]"] == [data[a:b] for a, b, last in found if last is None]
    assert json.loads(f'"{text}"') == "".join(json.loads(b'"%b"' % p) for p in pieces)
    assert [1] == [last for *_, last in found if last]
    assert max(map(len, pieces)) <= window


@pytest.mark.parametrize("end", ["", "\\", "\\u12", "\\ud83dx"])
def test_long_string_without_an_end_is_refused(end):
    """
    A long string without an end, or with an escape that is cut off, is refused.
    """
    with pytest.raises(ValueError, match="no end"):
        list(tokens(f'"{"x" * 40}{end}'.encode(), 12))
