"""
Text of a model or a server is made safe to show in a terminal: control characters are
replaced.
"""

from __future__ import annotations

import sys
import unicodedata

import pytest

from asi1._models.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\x1b[2Jb", "a\u241b[2Jb", id="escape"),
        pytest.param("a\x07\x00\x08", "a\u2407\u2400\u2408", id="c0"),
        pytest.param("a\x9b2J\x7f", "a\ufffd2J\ufffd", id="c1"),
        pytest.param("a\tb\nc", "a\tb\nc", id="tab-and-newline"),
        pytest.param("safe\rrm -rf\r\n", "saferm -rf\n", id="carriage-return"),
        pytest.param("a\u2028b\u2029c\x85d", "a\nb\nc\nd", id="line-separators"),
        pytest.param("a\x0b\x0cb", "a\u240b\u240cb", id="form-feed"),
        pytest.param("a\u202egnp.exe", "a\ufffdgnp.exe", id="override"),
        pytest.param("\u2066a\u2069", "\ufffda\ufffd", id="isolate"),
        pytest.param("pass\u200bword", "password", id="zero-width-space"),
        pytest.param("\ufeffa\u2060b\u00ad", "ab", id="byte-order-mark"),
        pytest.param("\u05d0\u200f!\u061c\u200e", "\u05d0!", id="direction-marks"),
        pytest.param("a\U000e0041\U000e007fb", "ab", id="tags"),
        pytest.param("pass\u200dword", "password", id="joiner-after-latin"),
        pytest.param("\u0430\u200c\u0431", "\u0430\u0431", id="joiner-after-cyrillic"),
        pytest.param("\u05ff\u200c", "\u05ff", id="joiner-before-u-0600"),
        pytest.param("\u200d", "", id="joiner-alone"),
    ],
)
def test_control_and_invisible_characters_are_replaced_or_removed(text, shown):
    """
    A control character or a direction override becomes a visible symbol. A line
    separator becomes a newline. Carriage returns and invisible characters are removed.
    """
    assert shown == visible(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Gänse, \u20ac 5 \u2013 na\u00efve", id="latin"),
        pytest.param("\U0001f468\u200d\U0001f469\u200d\U0001f467", id="emoji"),
        pytest.param("a\U0001f468\u200d", id="emoji-with-joiner-at-the-end"),
        pytest.param("\u0600\u200c", id="joiner-after-u-0600"),
        pytest.param("Otters, please!", id="ascii"),
        pytest.param("XYZ\u00c4", id="upper-case"),
        pytest.param("\u2764\ufe0f\u200d\U0001f525", id="emoji-with-selector"),
        pytest.param("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", id="persian"),
        pytest.param("\u0915\u094d\u200d\u0937", id="hindi"),
        pytest.param("\u05e9\u05dc\u05d5\u05dd \u4f60\u597d", id="hebrew-and-chinese"),
    ],
)
def test_text_of_any_script_is_shown_unchanged(text):
    """
    Letters, emoji and the joiners between them are shown unchanged.
    """
    assert text == visible(text)


def test_joiner_at_the_start_of_a_text_is_shown_only_after_a_joinable_character():
    """
    A text may be shown in several parts. A zero-width joiner at the start of a part is
    shown only if the part before ended with a character that may need a joiner.
    """
    assert "\u200d\U0001f469" == visible("\u200d\U0001f469", "\U0001f468")
    assert "b" == visible("\u200db", "a")
    assert "" == visible("\u200d", "\u200d")


def test_only_a_few_control_and_format_characters_are_shown_unchanged():
    """
    Of all control characters, line separators and format characters in Unicode, only a
    few are shown unchanged: newline, tab, visible signs of some scripts, and layout
    controls of hieroglyphs.
    """
    everything = map(chr, range(sys.maxunicode + 1))
    acting = {
        c for c in everything if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}
    }
    seen = {c for c in acting if visible(c) == c}

    signs = {*"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"}
    signs |= {"\U000110bd", "\U000110cd"}
    assert {"\n", "\t"} | signs == {
        c for c in seen if not "\U00013430" <= c < "\U00013440"
    }
