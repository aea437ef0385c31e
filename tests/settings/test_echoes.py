"""Secrets are found in each escaped or encoded form in which servers echo them."""

from __future__ import annotations

import base64
import html
import json
import sys
import unicodedata
import urllib.parse

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._models.visible import HIDDEN, visible
from asi1._settings.echoes import Forms, secrets_of
from asi1._settings.secret import Secret


KEYS = [
    "sk_canary-0123456789.abcdefABCDEF",
    "sk_canary/0123\"456\\789'<&>{}%41+~",
    "sk-proj/XYZ+def==",
    "abc%41defg",
    "&amp;&amp;x",
    "%%%%%%%%",
    "12345678",
    "aaaaaaaa",
]


def each(form):
    """Return a function that writes each character of a key in the format *form*."""
    return lambda key: "".join(form.format(ord(char)) for char in key)


def quoted(text):
    """Return *text* escaped as in a JSON string."""
    return json.dumps(text)[1:-1]


def twice(write, again):
    """Return a function that escapes a key twice: by *write*, then by *again*."""
    return lambda key: again(write(key))


def mixed(key):
    """Return *key* with neighbouring characters written in different forms."""
    forms = ["\\u{:04X}", "%{:02x}", "&#{:d};", "\\x{:02x}", "{:c}"]
    # A key with % or & is escaped completely, since % and & begin escapes.
    plain = [char for char in key if char.isalnum() or char in "-_."]
    if len(plain) < len(key):
        forms.pop()
    return "".join(forms[n % len(forms)].format(ord(c)) for n, c in enumerate(key))


def quote(text):
    """Return *text* escaped as in a URL."""
    return urllib.parse.quote(text, safe="")


def wide(key):
    """Return *key* in full-width characters."""
    return "".join(chr(ord(char) + 0xFEE0) for char in key)


def bold(key):
    """Return *key* with its letters and digits in a mathematical bold style."""
    starts = {"A": 0x1D400, "a": 0x1D41A, "0": 0x1D7CE}
    first = {char: "Aa0"[char.islower() + 2 * char.isdigit()] for char in key}
    return "".join(
        chr(starts[first[char]] + ord(char) - ord(first[char]))
        if char.isalnum()
        else char
        for char in key
    )


def names(key):
    """Return *key* with each character as an escape with its Unicode name."""
    return "".join(f"\\N{{{unicodedata.name(char)}}}" for char in key)


UNICODE = each("\\u{:04x}")
FORMS = {
    "plain": str,
    "upper-case": str.upper,
    "lower-case": str.lower,
    "json": quoted,
    "php": lambda key: quoted(key).replace("/", "\\/"),
    "go": lambda key: quoted(key).replace("&", "\\u0026").replace("<", "\\u003c"),
    "unicode": UNICODE,
    "unicode-upper-case": each("\\u{:04X}"),
    "json-in-json": twice(UNICODE, quoted),
    "json-in-json-in-json": twice(twice(UNICODE, quoted), quoted),
    "javascript": each("\\u{{{:x}}}"),
    "hexadecimal-escapes": each("\\x{:02x}"),
    "mixed": mixed,
    "repr": lambda key: repr(key)[1:-1],
    "repr-of-bytes": lambda key: repr(key.encode())[2:-1],
    "url": quote,
    "each-in-a-url": each("%{:02X}"),
    "url-lower-case": each("%{:02x}"),
    "url-in-url": twice(each("%{:02x}"), quote),
    "html": html.escape,
    "html-numbers": each("&#{:d};"),
    "html-hexadecimal": each("&#x{:X};"),
    "html-with-zeros": each("&#x{:04x};"),
    "html-names": lambda key: html.escape(key).replace("/", "&sol;"),
    "html-in-html": twice(html.escape, html.escape),
    "html-in-json": twice(
        html.escape, lambda text: quoted(text).replace("&", "\\u0026")
    ),
    "json-in-html": twice(quoted, html.escape),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal-upper-case": lambda key: key.encode().hex().upper(),
    "hexadecimal-dump": lambda key: key.encode().hex(" "),
    "quoted-printable": each("={:02X}"),
    "quoted-printable-lower-case": each("={:02x}"),
    "unicode-names": names,
    "unicode-names-in-json": twice(names, quoted),
    "full-width": wide,
    "full-width-in-json": twice(wide, quoted),
    "full-width-in-a-url": twice(wide, quote),
    "full-width-in-html": lambda key: each("&#{:d};")(wide(key)),
    "full-width-names": twice(wide, names),
    "bold": bold,
    "blanks": " ".join,
    "lines": "\n".join,
    "indented-lines": "\r\n\t".join,
    "lines-in-json": lambda key: "\\n".join(map(quoted, key)),
    "lines-in-json-in-json": lambda key: quoted("\\n".join(map(quoted, key))),
    "lines-in-quoted-printable": "=\r\n".join,
    "controls": "\x01\x02\x1f".join,
    "blanks-in-html": "&nbsp;".join,
    "blanks-in-a-url": lambda key: "%20".join(map(quote, key)),
    "wide-blanks": "\u3000".join,
    "lines-in-escapes": twice(each("\\x{:02x}"), "\n".join),
}


@pytest.mark.system
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", FORMS)
def test_api_key_is_redacted_in_each_escaped_form(form, key):
    """
    The API key is replaced by stars in each escaped form; the text around it stays.
    """
    written = FORMS[form](key)

    for before, after in [
        ("", ""),
        ("bad key ", " is bad"),
        ('\u0130 {"a\\/b": "\\n', '\\n"}'),
        ("\u00e4 %20", " \u20ac"),
        ("?a=%20b&nbsp;&amp;", " &c=d \u0130"),
    ]:
        shown = Secret(key).redact(f"{before}{written}{after}")
        assert f"{before}***{after}" == shown


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda key: key.encode("utf-16-le"), id="utf-16-le"),
        pytest.param(lambda key: key.encode("utf-16-be"), id="utf-16-be"),
        pytest.param(lambda key: key.encode("utf-16"), id="utf-16-with-mark"),
        pytest.param(lambda key: key.encode("utf-32"), id="utf-32"),
        pytest.param(
            lambda key: json.dumps({"a": key}).encode("utf-16"), id="json-in-utf-16"
        ),
    ],
)
def test_api_key_in_utf_16_or_utf_32_is_replaced_by_stars(write, key):
    """
    An API key encoded in UTF-16 or UTF-32 is replaced by stars: in the bytes, and in
    the str that results if the bytes are decoded as UTF-8.
    """
    data = write(key)
    text = data.decode("utf-8", "replace")

    for shown in (
        Secret(key).redact(text),
        Secret(key).redact_bytes(data).decode("latin-1"),
    ):
        assert "***" in shown
        assert key not in shown.replace("\0", "")
        assert 20 > len(shown.replace("\0", ""))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("write", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize(
    "around", ["{}", "Bearer {}", "u:{}", "me:{}", "{}!", "ab{}cd"]
)
def test_api_key_in_base64_is_replaced(around, write, key):
    """
    The API key is replaced in base64 and base64url, alone and as a part of a longer
    value. Only base64 digits that also encode text beside the key may stay.
    """
    written = write(around.format(key).encode()).decode()
    before, _, after = around.partition("{}")

    shown = Secret(key).redact(f"Basic {written}")

    assert shown.startswith("Basic ")
    assert "***" in shown
    assert len(before) * 2 + len(after) * 2 + 14 >= len(shown)


@pytest.mark.parametrize(
    ("around", "first", "end"), [("{}", 0, 12), ("a{}", 2, 13), ("u:{}b", 3, 14)]
)
def test_base64_digits_that_encode_only_the_api_key_are_replaced(around, first, end):
    """
    In base64, each digit that encodes only bits of the API key is replaced, and no
    other digit, wherever the key begins.
    """
    written = base64.b64encode(around.format("sk-otter!").encode()).decode()

    shown = Secret("sk-otter!").redact(written)

    assert f"{written[:first]}***{written[end:]}" == shown


def test_api_key_in_base64url_is_replaced():
    """The key is also replaced in base64url, which has ``-_`` in place of ``+/``."""
    key = "ab>ab?ab>ab?"
    written = base64.b64encode(key.encode()).decode()

    assert {"+", "/"} < {*written}
    assert "***" == Secret(key).redact(written)
    assert "***" == Secret(key).redact(written.replace("+", "-").replace("/", "_"))


@pytest.mark.parametrize(("times", "found"), [(1, True), (5, True), (6, False)])
def test_api_key_is_found_if_it_is_escaped_up_to_five_times(times, found):
    """
    An API key is found if it was escaped up to five times in a row. A key escaped more
    often is not found, so that the work for a text has a limit.
    """
    written = "sk/otter/0123456789"
    for _ in range(times):
        written = quote(written)

    assert found is Secret("sk/otter/0123456789").may_be_in(written)
    assert ("***" if found else written) == Secret("sk/otter/0123456789").redact(
        written
    )


def test_api_key_with_an_escape_and_an_unknown_html_entity_is_redacted():
    """
    A key with an escaped character is redacted even if another part of the key, such as
    ``&zzz;``, looks like an HTML entity but is not one.
    """
    assert "no ***" == Secret("sk&zzz;0123456").redact("no sk&zzz;\\u0030123456")


def test_api_key_with_a_lone_surrogate_is_replaced_by_stars():
    """
    An API key with a lone surrogate, which UTF-8 cannot encode, is replaced by stars
    like any other API key.
    """
    assert "no ***" == Secret("otter\ud800007").redact("no otter\ud800007")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(KEYS[0][:8], "***", id="nothing-before"),
        pytest.param("\r".join(KEYS[0][:8]), "***", id="unseen-and-nothing-before"),
        pytest.param(
            "x" * 10_000 + KEYS[0][:9], "x" * 10_000 + "***", id="long-text-before"
        ),
        pytest.param(f"no {KEYS[0]}", f"no {KEYS[0]}", id="whole-key"),
        pytest.param(
            f"{KEYS[0][:8]} {KEYS[0][:7]}",
            f"{KEYS[0][:8]} {KEYS[0][:7]}",
            id="7-characters",
        ),
    ],
)
def test_beginning_of_the_api_key_at_the_end_of_a_text_is_replaced(text, shown):
    """
    If a text of any length ends with the beginning of the API key, `Secret.redact_end`
    replaces that beginning. A complete key is left to `Secret.redact`.
    """
    assert shown == Secret(KEYS[0]).redact_end(text)


@pytest.mark.system
@pytest.mark.parametrize("key", KEYS[:5])
@pytest.mark.parametrize("form", [form for form in FORMS if form != "lines-in-escapes"])
def test_cut_api_key_is_replaced_in_each_form(form, key):
    """
    If a text ends within the API key, even within an escaped character, the excerpt of
    the text shows at most the first 7 characters of the key.
    """
    write = FORMS[form]
    written, few = write(key), len(write(key[:8]))

    for size in range(few, len(written)):
        shown = Secret(key).excerpt(f"bad key {written[:size]}", 10_000)
        assert shown.startswith("bad key ")
        assert len(shown) <= len("bad key ***") + few + 12


# All invisible characters that error messages omit, such as zero-width spaces.
LEFT_OUT = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if HIDDEN.match(char) and visible(f"a{char}b") == "ab"
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda key, char: char.join(key), id="between-all"),
        pytest.param(lambda key, char: f"{key[:5]}{char * 9}{key[5:]}", id="once"),
        pytest.param(lambda key, char: UNICODE(char.join(key)), id="escaped"),
        pytest.param(lambda key, char: char.join(quote(key)), id="in-a-url"),
        pytest.param(lambda key, char: char.join(UNICODE(key)), id="in-escapes"),
    ],
)
def test_api_key_with_invisible_characters_inside_is_redacted(write, key):
    """
    An API key with invisible characters inside, such as zero-width spaces, is replaced;
    invisible characters beside the key stay.
    """
    assert {"\r", "\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff"} < {*LEFT_OUT}
    for char in LEFT_OUT if key == KEYS[0] else "\r\u200b":
        if char > "\x7f" and write(key, char).isascii():
            continue  # the character became an escape, which errors show
        shown = Secret(key).redact(f"bad {char}{write(key, char)}{char} key")
        assert f"bad {char}***{char} key" == shown


@pytest.mark.parametrize("char", ["\r", "\u200b", "\U000e0041"], ids=ascii)
def test_cut_api_key_with_thousands_of_invisible_characters_inside_is_redacted(char):
    """
    If a text is cut within the API key, at most the first 7 characters of the key stay,
    even if the key has thousands of invisible characters inside.
    """
    secret, key = Secret(KEYS[0]), KEYS[0]

    for size in (8, len(key) - 1):
        cut = (char * 1000).join(key[:size])
        assert "no ***" == secret.redact_end(f"no {cut}{char}")
        padded = f"no {char.join(key[:size])}{char * 100_000}{key[size:]}"
        assert "no ***" == secret.excerpt(padded, 200)


@pytest.mark.parametrize("key", ["", "k", "sk_otte"])
def test_secret_of_less_than_8_characters_is_not_searched_for(key):
    """
    A secret of less than 8 characters is not searched for in any form.
    """
    forms = Forms.of([key])

    for write in FORMS.values():
        assert [] == forms.places(write(key))
        assert forms.cut_place(write(key)) is None


@pytest.mark.system
@given(st.text())
def test_text_without_the_api_key_stays_the_same(text):
    """
    A text that does not contain the API key stays the same object.
    """
    secret = Secret(KEYS[0])

    assert text is secret.redact(text)
    assert text is secret.redact_end(text)


def calls_for(text):
    """Count the calls and returns of functions while *text* is redacted."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        Secret(KEYS[0]).redact(text)
        Secret(KEYS[0]).redact_end(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.system
@pytest.mark.parametrize(
    "piece",
    [
        *("\\", "%7", "%73", "&amp;", "&#0", "\0", "\\u007", KEYS[0], "sk_canary-"),
        *("\r", "\u200b", "\u200b%73", "\r".join(KEYS[0]), "sk_can\u200bary-"),
        *(
            " ",
            "=\n",
            "=6",
            "\\n",
            "\\N{",
            "\\\\u",
            "\u3000",
            "\uff53",
            " ".join(KEYS[0]),
        ),
    ],
)
def test_redaction_work_grows_no_faster_than_the_length_of_the_text(piece):
    """
    To redact a text with twice as many escapes takes at most twice as much work.
    """
    assert calls_for(piece * 2000) <= 2.1 * calls_for(piece * 1000) + 100


@pytest.mark.parametrize(
    ("headers", "query", "secrets"),
    [
        pytest.param({"authorization": "Bearer tok-1"}, "", {"tok-1"}, id="bearer"),
        pytest.param({"x-api-key": "abc"}, "", {"abc"}, id="api-key"),
        pytest.param({"authorization": "abc"}, "", {"abc"}, id="no-scheme"),
        pytest.param(
            {"proxy-authorization": "Basic bWU6aHVudGVyMg=="},
            "",
            {"bWU6aHVudGVyMg==", "hunter2"},
            id="basic",
        ),
        pytest.param(
            {"cookie": "a=one; b=two"},
            "",
            {"a=one", "one", "b=two", "two"},
            id="cookie",
        ),
        pytest.param(
            {"authorization": 'Digest username="me", response="X0"'},
            "",
            {'username="me"', "me", 'response="X0"', "X0"},
            id="digest",
        ),
        pytest.param(
            {"authorization": "bWU6!aHVudGVyMg=="},
            "",
            {"bWU6!aHVudGVyMg=="},
            id="not-base64",
        ),
        pytest.param({}, "api-key=a%2Fb&page=2", {"a/b"}, id="query"),
        pytest.param(
            {"user-agent": "asi1", "idempotency-key": "k1", "accept": "*/*"},
            "page=2",
            set(),
            id="none",
        ),
    ],
)
def test_header_or_query_value_named_like_a_secret_is_secret(headers, query, secrets):
    """
    Values of headers and query parameters that are named like secrets count as secrets:
    tokens, passwords, cookies and the API keys of gateways.
    """
    assert secrets == {part for part in secrets_of(headers, query) if len(part) > 1}


@pytest.mark.parametrize(
    "write",
    [
        "\\{:03o}",
        "\\\\{:03o}",
        "\\U{:08x}",
        "\\x{{{:x}}}",
        "%u{:04x}",
        "\\u200b{:c}",
        "\\ufeff{:c}",
        "%E2%80%8B{:c}",
        "&#8203;{:c}",
        "&#x200B;{:c}",
        "&ZeroWidthSpace;{:c}",
        "&shy;{:c}",
        "\\x1b{:c}",
        "\\u0007{:c}",
        "%7F{:c}",
        "\\b{:c}",
        "&Tab;{:c}",
    ],
)
def test_api_key_with_one_escaped_character_inside_is_replaced(write):
    """
    An API key is redacted if one of its characters is escaped as in a programming
    language, a URL or HTML, or if an escaped invisible character is before the key.
    """
    key = KEYS[0]
    echoed = key[:12] + write.format(ord(key[12])) + key[13:]

    assert "no ***, really" == Secret(key).redact(f"no {echoed}, really")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key: sk-abcde1...", "Incorrect API key: ***..."),
        ("Incorrect API key: sk-abcde1fgh...", "Incorrect API key: ***..."),
        ("Incorrect API key: sk-abcde1fgh*****", "Incorrect API key: ********"),
        ("Incorrect API key: sk-abcde1fgh…", "Incorrect API key: ***…"),
        ('{"key": "sk-abcde1fgh", "n": 1}', '{"key": "***", "n": 1}'),
        ("'SK-ABCDE1fgh' is wrong", "'***' is wrong"),
        ("sk-abcde1fgh is wrong", "*** is wrong"),
        ("key=sk%2Dabcde1fgh&n=1", "key=***&n=1"),
        ("sk\\u002dabcde1fgh\\u002e..", "***\\u002e.."),
        # Not redacted: a short part, another key, a key at the end (see `redact_end`).
        ("sk-abcd...", "sk-abcd..."),
        ("sk-abcde2fgh is another", "sk-abcde2fgh is another"),
        ("sk-abcde1-other", "sk-abcde1-other"),
        ("sk-abcde1fgh", "sk-abcde1fgh"),
    ],
)
def test_beginning_of_the_api_key_is_redacted_if_the_server_masked_the_rest(
    text, shown
):
    """
    The first 8 or more characters of the key are redacted if the next character cannot
    be part of a key. Servers mask keys in this way, for example as ``sk-abcde...``.
    """
    assert shown == Secret("sk-abcde1fghijklmn0123").redact(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the password is wrong", "the password is wrong"),
        ('"password": wrong', '"password": wrong'),
        ("Your password.", "Your password."),
        ("your password... is", "your ***... is"),
        ("your password**** is", "your ******* is"),
    ],
)
def test_word_at_the_beginning_of_the_api_key_is_redacted_only_before_a_mask(
    text, shown
):
    """
    If the key begins with a word of letters, this word stays readable, unless a mask
    such as ``...`` or ``***`` follows.
    """
    assert shown == Secret("password0123456789").redact(text)


def test_api_key_after_a_repetition_of_its_own_beginning_is_redacted():
    """
    An API key is found even if the characters before the key repeat the key's
    beginning.
    """
    assert "a***." == Secret("aaaaaaaab").redact("aaaaaaaaab.")


@pytest.mark.parametrize(
    "text",
    [
        "key=6162636465&x=%20",
        "the key is in the safe: 12 345 67 is its number",
        "sk_ca\nother_ca",
        "\\N{SNOWMAN} and =3D and \uff0c",
    ],
)
def test_text_in_escaped_forms_without_the_api_key_stays_the_same(text):
    """
    Text with whitespace, quoted-printable or full-width characters, but without the
    key, stays the same object.
    """
    assert text is Secret(KEYS[0]).redact(text)


def test_api_key_that_follows_an_equals_sign_is_not_taken_for_quoted_printable():
    """
    An API key with an escaped character is found after an equals sign, even if the sign
    and the key's first two digits look like a character in quoted-printable text.
    """
    assert "?key=***&a=1" == Secret("41abc/defgh").redact("?key=41abc%2Fdefgh&a=1")
