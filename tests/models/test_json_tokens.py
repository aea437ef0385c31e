"""Brackets, commas and strings are found in JSON text; long strings are cut."""

from __future__ import annotations

import json

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._models.json_tokens import outline, tokens


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
    Each piece of a long string is JSON text of its own: no piece ends inside of a
    character's bytes, an escape or a surrogate pair.
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
    A long string without its closing quote, or with an escape that is cut off, is
    refused.
    """
    with pytest.raises(ValueError, match="no end"):
        list(tokens(f'"{"x" * 40}{end}'.encode(), 12))


_NESTED = st.recursive(
    st.none() | st.integers() | st.text('x,1[]{}:"\\\n\u00e9\U0001f600'),
    lambda items: st.lists(items) | st.dictionaries(st.text('a"\\'), items),
    max_leaves=12,
)


@pytest.mark.system
@settings(deadline=None)
@given(_NESTED, st.booleans())
def test_outline_has_a_quote_in_place_of_each_string(value, ascii_only):
    """
    The outline of JSON text has a quote in place of each key and string, whatever they
    contain, and is otherwise the same text.
    """
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    kept, end = b"", 0
    for start, stop, _ in tokens(data):
        if data[start] == ord('"'):
            kept, end = kept + data[end:start] + b'"', stop

    assert kept + data[end:] == outline(data)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b'["%b"]' % (b"x" * 9000), b'["]', id="long"),
        pytest.param(b'["%b"]' % (b'x\\"' * 120), b'["]', id="escaped quotes"),
        pytest.param(b'["%b"]' % (b'x\\"' * 9000), None, id="many escaped quotes"),
        pytest.param(b"[%b1]" % (b'"",' * 120), b"[%b1]" % (b'",' * 120), id="few"),
        pytest.param(b"[%b1]" % (b'"",' * 9000), None, id="many strings"),
        pytest.param(b'["%b"]' % (b"\\" * 30), b'["]', id="backslashes"),
        pytest.param(b'["%b"]' % (b"\\" * 9000), None, id="many backslashes"),
        pytest.param(b'["x', None, id="no end"),
        pytest.param(b'["x\\"', None, id="escaped end"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_no_outline_is_made_of_json_with_many_quotes_or_an_unclosed_string(data, found):
    """
    JSON text with many quotes or backslashes, or with a string without an end, has no
    outline, so that the search for an outline takes little time.
    """
    assert found == outline(data)
