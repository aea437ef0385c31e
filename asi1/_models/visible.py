"""
Makes text of a model or a server safe to show on a screen.

A control character can make a terminal overwrite, hide or send text. A bidirectional
control makes later text appear in another order, and an invisible character hides text
in text: "Trojan Source", CVE-2021-42574.
"""

from __future__ import annotations

import re


__all__ = ["HIDDEN", "LEFT_OUT", "escape_hidden", "utf16_escapes", "visible"]

# The zero-width joiner and non-joiner. Some scripts need them between letters, and
# emojis join their parts with the joiner.
_JOINERS = "\u200c\u200d"
_CONTROLS = {
    # Each C0 control character has a visible symbol, from U+2400 on.
    **{chr(code): chr(0x2400 + code) for code in range(32)},
    **dict.fromkeys(map(chr, range(0x7F, 0xA0)), "\ufffd"),
    "\r": "",
    "\x85": "\n",  # Unicode's line separators become newlines
    "\u2028": "\n",
    "\u2029": "\n",
    # Bidirectional embeddings, overrides and isolates become U+FFFD.
    **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e", "\ufffd"),
    **dict.fromkeys("\u2066\u2067\u2068\u2069", "\ufffd"),
}
# Other invisible characters, such as direction marks, zero-width spaces and tags. They
# are left out: a symbol in their place would disturb right-to-left text.
_SHAPELESS = (
    "\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
# The characters that `visible` leaves out between ASCII characters, in the syntax of a
# regular expression's character class.
LEFT_OUT = f"\r{_SHAPELESS}"
# The characters that `visible` changes, joiners included, except "\n" and "\t".
HIDDEN = re.compile(
    rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069{_SHAPELESS}]"
)


def visible(text: str, before: str = "") -> str:
    """
    Return *text* without characters that control a screen or are invisible.

    A control character becomes a symbol; an invisible character is left out. Newlines
    and tabs stay. A joiner stays after an emoji, or after a letter of a script that may
    need one: in Unicode, all such scripts come after Greek, Cyrillic and Hebrew.

    Args:
        text: Any text.
        before: The character that was shown before *text*; "" for none.
    """
    if text.isascii() and text.isprintable():
        return text

    def shown(found: re.Match[str]) -> str:
        char = found[0]
        if char in _JOINERS:
            place = found.start()
            previous = text[place - 1] if place else before
            joins = previous >= "\u0600" and not HIDDEN.match(previous)
            return char if joins else ""
        return _CONTROLS.get(char, "")

    return HIDDEN.sub(shown, text)


def escape_hidden(text: str) -> str:
    """Return *text*, which is JSON, with `HIDDEN` characters as JSON escapes."""
    return HIDDEN.sub(lambda found: utf16_escapes(found[0]), text)


def utf16_escapes(char: str) -> str:
    """Return *char* as the JSON escapes of its UTF-16 code."""
    code = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{code[at : at + 2].hex()}" for at in range(0, len(code), 2))
