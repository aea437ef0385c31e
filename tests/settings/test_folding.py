"""Text is reduced to plain lowercase letters before it is searched for secrets."""

from __future__ import annotations

import sys

import pytest

from asi1._settings.folding import SPACED, folded, named, packed, squeezed


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ABC", "abc"),
        ("\uff33\uff4b\uff0d\uff11", "sk-1"),
        ("\U0001d412\U0001d424\u2460\u24c3\u210e", "sk1nh"),
        ("\u0130\u00c4\u2103\u3042", "i\u00e4\u2103\u3042"),
    ],
)
def test_folded_text_has_plain_lowercase_letters(text, plain):
    """
    Letters of all styles become plain lowercase letters; each character stays one
    character.
    """
    assert plain == folded(text)
    assert len(text) == len(plain)


@pytest.mark.system
def test_folding_keeps_the_number_of_characters():
    """
    Folding replaces each character of Unicode by exactly one character.
    """
    for code in range(sys.maxunicode + 1):
        assert 1 == len(folded(chr(code)))


@pytest.mark.parametrize(
    ("name", "char"),
    [
        ("latin small letter a", "a"),
        ("latin capital\nletter a", "a"),
        ("digit one", "1"),
        ("fullwidth low line", "_"),
        ("space", " "),
        ("zero width space", ""),
        ("snowman", None),
    ],
)
def test_unicode_name_of_an_ascii_or_invisible_character_is_known(name, char):
    """
    A Unicode name stands for its ASCII character, or for nothing if the character is
    invisible; other names are unknown.
    """
    assert char == named(name)


@pytest.mark.system
def test_squeezed_text_has_no_whitespace_and_no_controls():
    """
    Squeezing removes exactly the characters that `SPACED` matches: all whitespace and
    control characters.
    """
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        gone = bool(SPACED.match(char))

        assert ("ab" if gone else f"a{char}b") == squeezed(f"a{char}b")
        if gone and char != "\\":
            assert b"ab" == packed(f"a{char}b")
        assert gone or not char.isspace()


def test_packed_text_is_lowercase_without_spaces_and_backslashes():
    """
    Packed text is in lowercase, and has neither whitespace nor backslashes.
    """
    assert b"sk-1" == packed("S K\\-\n1")
    assert b"sk\xc3\xa41" == packed("\uff33\u00a0K\\\u00c4\n1")
