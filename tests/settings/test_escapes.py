"""The escapes of many formats are decoded to the characters that they stand for."""

from __future__ import annotations

import pytest

from asi1._settings.escapes import CODED, LONGEST_CODE, UNSEEN, character, codes_in


@pytest.mark.parametrize(
    ("code", "char"),
    [
        *(("\\u0061", "a"), ("\\\\u0061", "a"), ("\\u{61}", "a"), ("\\x61", "a")),
        *(("\\141", "a"), ("\\", ""), ("\\n", "\x1an"), ("\\n{digit one}", "1")),
        *(("\\n{snowman}", "\x1an{snowman}"), ("\\uff41", "a"), ("\\u{ff41}", "a")),
        *(("\\n{fullwidth latin capital letter w}", "w"), ("\\u200b", "")),
        *(("%61", "a"), ("%u0061", "a"), ("%uff41", "a"), ("%ef%bd%81", "a")),
        *(("%e2%80%8b", ""), ("%0a", ""), ("%7f", ""), ("%20", " ")),
        *(("&#97;", "a"), ("&#097;", "a"), ("&#x61;", "a"), ("&#x61", "a")),
        *(("&#65345;", "a"), ("&#xff41;", "a"), ("&#x200b;", ""), ("&#8203;", "")),
        *(("&amp;", "&"), ("&nbsp;", " "), ("&shy;", ""), ("&zzz;", None)),
        *(("%ef%bc%bf", "_"), ("\\uff5f", None), ("%ef%bd%9f", None)),
    ],
)
def test_escape_is_decoded_to_its_character(code, char):
    """
    An escape stands for a character in lowercase; for nothing, if the character is
    invisible; and for itself, if it is unknown.
    """
    match = CODED.fullmatch(code)

    assert match
    assert char == character(match)
    assert len(code) <= LONGEST_CODE


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a=61 b", None),
        ("a%", CODED),
        ("a\\", CODED),
        ("&a", CODED),
        ("a\0%", UNSEEN),
        ("a\r", UNSEEN),
        ("\u00e4\u200b", UNSEEN),
        ("\u00e4\u2013", None),
    ],
)
def test_only_text_with_signs_of_escapes_is_decoded(text, codes):
    """
    Only a text with signs of escapes, or with invisible characters, is decoded; the
    invisible characters are removed first.
    """
    assert codes is codes_in(text)
