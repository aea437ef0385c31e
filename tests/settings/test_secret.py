"""The API key is never shown, and is read from arguments and the environment."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest

from asi1 import ASI1, AsyncASI1, ConfigurationError
from asi1._settings.config import ClientConfig, read_api_key
from asi1._settings.secret import Secret, hidden


KEY = "sk_otter0123456789"


@pytest.fixture
def secret():
    """Return a key that no output may show."""
    return Secret(KEY)


@pytest.mark.parametrize(
    "around",
    [
        pytest.param("{}", id="nothing-around"),
        pytest.param("  {}", id="blanks-before"),
        pytest.param("{} ", id="blank-after"),
        pytest.param("{}\n", id="line-end"),
        pytest.param("{}\r\n", id="crlf"),
        pytest.param("\t{}\u00a0", id="tab-and-no-break-space"),
    ],
)
def test_white_space_around_an_api_key_is_removed(around):
    """
    White space around an API key is removed, since keys from files or copied text often
    have white space around them.
    """
    assert KEY == Secret(around.format(KEY)).reveal()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        pytest.param("sk_ot\nter", "position 6 (U+000A)", id="line-end-inside"),
        pytest.param("sk_ot\rter", "position 6 (U+000D)", id="carriage-return-inside"),
        pytest.param("sk_ot ter", "position 6 (U+0020)", id="blank-inside"),
        pytest.param("\u201csk_otter\u201d", "position 1 (U+201C)", id="smart-quotes"),
        pytest.param("sk_otter\u2019", "position 9 (U+2019)", id="smart-apostrophe"),
        pytest.param("sk_ot\x00ter", "position 6 (U+0000)", id="nul"),
        pytest.param("sk_ot\x7fter", "position 6 (U+007F)", id="delete"),
        pytest.param("sk_ot\u200bter", "position 6 (U+200B)", id="zero-width-space"),
        pytest.param("sk_\u00f6tter", "position 4 (U+00F6)", id="umlaut"),
        pytest.param("sk_ot\U0001f9a6", "position 6 (U+1F9A6)", id="emoji"),
    ],
)
def test_api_key_with_a_character_that_no_header_can_have_is_refused(value, place):
    """
    An API key with a character that HTTP headers do not allow is refused. The error
    names the key's source and the character's position, and shows no part of the key.
    """
    with pytest.raises(ConfigurationError) as caught:
        Secret(value).check("the file otter.txt")

    assert str(caught.value).startswith("the file otter.txt: ")
    assert place in str(caught.value)
    assert "sk_" not in repr(caught.value)
    assert "ter" not in repr(caught.value).replace("otter.txt", "").replace(
        "character", ""
    )


@pytest.mark.parametrize("value", ["", " ", "\n", "\t \r\n"])
def test_empty_api_key_is_refused(value):
    """
    An API key that is empty, or consists of white space, is refused.
    """
    with pytest.raises(ConfigurationError, match=r"^here: the API key is empty$"):
        Secret(value).check("here")


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(str, id="str"),
        pytest.param(repr, id="repr"),
        pytest.param("{}".format, id="format"),
        pytest.param("{!a}".format, id="ascii"),
        pytest.param(lambda secret: repr([secret]), id="in-a-list"),
        pytest.param(
            lambda secret: repr(attrs.asdict(ClientConfig(api_key=secret))), id="asdict"
        ),
    ],
)
def test_str_repr_and_format_show_stars_in_place_of_the_api_key(secret, shown):
    """
    ``str``, ``repr`` and ``format`` of a key, and of objects that contain the key, show
    stars in place of the key.
    """
    assert "***" in shown(secret)
    assert KEY not in shown(secret)


def test_api_key_has_no_dict(secret):
    """
    A key has no ``__dict__`` from which a debugger or logger could print its value.
    """
    with pytest.raises(TypeError):
        vars(secret)

    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    "copied",
    [
        *(
            pytest.param(lambda x, p=p: pickle.dumps(x, p), id=f"pickle-{p}")
            for p in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_pickling_or_copying_an_api_key_is_refused(secret, copied):
    """
    Pickling or copying an API key raises an error that says what to do instead.
    """
    with pytest.raises(TypeError, match="make one in each process") as caught:
        copied(secret)

    assert KEY not in repr(caught.value)


def test_pickling_a_config_is_refused(secret):
    """
    A config cannot be pickled, since it contains the API key.
    """
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ClientConfig(api_key=secret))


def test_api_key_is_redacted_in_strings_and_bytes(secret):
    """In strings and bytes, the key is replaced by stars; other text is unchanged."""
    assert "bad key ***, *** is no key" == secret.redact(
        f"bad key {KEY}, {KEY} is no key"
    )
    assert b"\xff***\x00" == secret.redact_bytes(b"\xff" + KEY.encode() + b"\x00")
    assert ("otter", b"\xff") == (secret.redact("otter"), secret.redact_bytes(b"\xff"))


@pytest.mark.parametrize(
    "key", ["sk\\back-slash", "sk'single-quote", 'sk"double-quote', "sk-\\'\"-each"]
)
def test_api_key_is_redacted_in_reprs_and_json(key):
    """
    An API key with quotes or a backslash is also redacted in its repr and its JSON
    form.
    """
    shown = [key, repr(key), repr(f"'{key}"), f"{key.encode()!r}", json.dumps(key)]

    assert not [text for text in map(Secret(key).redact, shown) if "sk" in text]


@pytest.mark.parametrize("most", range(4, 60))
def test_excerpt_has_no_part_of_the_api_key(secret, most):
    """
    The API key is redacted in a text before its excerpt is cut, so that no excerpt ends
    in a part of the key.
    """
    whole = f"bad key ***, and {'x' * 40}"

    assert whole[:most] == secret.excerpt(f"bad key {KEY}, and {'x' * 40}", most)


@pytest.mark.parametrize("size", range(8, len(KEY)))
def test_excerpt_of_a_text_cut_within_the_api_key_has_no_part_of_the_key(secret, size):
    """
    If a text ends within the API key, its excerpt has stars in place of the key's
    beginning, unless this beginning is shorter than 8 characters.
    """
    assert "bad key ***" == secret.excerpt(f"bad key {KEY[:size]}", 100)
    assert "bad ***" == secret.excerpt(f"bad {KEY[:size]}", 7)
    assert f"bad key {KEY[:7]}" == secret.excerpt(f"bad key {KEY[:7]}", 100)
    assert "bad sk_otte" == Secret("sk_otte").excerpt("bad sk_otte", 100)


def test_keys_with_equal_values_are_equal(secret):
    """
    Two keys are equal if their values are; an API key never equals a str.
    """
    same, other = Secret(f" {KEY}"), Secret("sk_other")

    assert secret == same
    assert hash(secret) == hash(same)
    assert secret != other
    assert secret != KEY
    assert 2 == len({secret, same, other})


@pytest.mark.parametrize(
    ("value", "env", "key"),
    [
        pytest.param("sk_a", {"ASI_ONE_API_KEY": "sk_b"}, "sk_a", id="argument-first"),
        pytest.param(None, {"ASI_ONE_API_KEY": "sk_b"}, "sk_b", id="first-variable"),
        pytest.param(None, {"ASI1_API_KEY": "sk_c"}, "sk_c", id="second-variable"),
        pytest.param(
            None,
            {"ASI1_API_KEY": "sk_c", "ASI_ONE_API_KEY": "sk_b"},
            "sk_b",
            id="first-variable-wins",
        ),
        pytest.param(
            None,
            {"ASI1_API_KEY": "sk_c\n", "ASI_ONE_API_KEY": " "},
            "sk_c",
            id="white-space-is-ignored",
        ),
    ],
)
def test_api_key_is_read_from_argument_or_environment(value, env, key):
    """
    The API key is the argument, or else ASI_ONE_API_KEY, or else ASI1_API_KEY; a
    variable with only white space is treated as not set.
    """
    assert key == read_api_key(value, env).reveal()


@pytest.mark.parametrize(
    "env", [{}, {"ASI_ONE_API_KEY": ""}, {"ASI_API_KEY": KEY, "OPENAI_API_KEY": KEY}]
)
def test_error_for_a_missing_api_key_names_the_argument_and_both_variables(env):
    """
    If there is no key, the error names the argument and both environment variables;
    variables of other products are not read.
    """
    with pytest.raises(ConfigurationError) as caught:
        read_api_key(None, env)

    for name in ("api_key=", "ASI_ONE_API_KEY", "ASI1_API_KEY"):
        assert name in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "env", "source"),
    [
        pytest.param("", {"ASI1_API_KEY": KEY}, "api_key", id="argument"),
        pytest.param(
            None,
            {"ASI1_API_KEY": "a b"},
            "the environment variable ASI1_API_KEY",
            id="variable",
        ),
    ],
)
def test_error_for_an_invalid_api_key_names_its_source(value, env, source):
    """
    The error for a wrong key names the API key's source; an empty argument is an error
    even if an environment variable has a key.
    """
    with pytest.raises(ConfigurationError, match=rf"^{source}: "):
        read_api_key(value, env)


@pytest.mark.parametrize("take", [lambda key: read_api_key(key, {}), ASI1, AsyncASI1])
@pytest.mark.parametrize("value", [KEY.encode(), 5, ["sk"]])
def test_api_key_that_is_not_a_str_is_refused(value, take):
    """
    An API key that is not a str is refused; the error shows only its type.
    """
    with pytest.raises(ConfigurationError) as caught:
        take(value)

    kind = type(value).__name__
    expected = f"api_key: must be a str, or a function that returns one, not {kind}"
    assert expected == str(caught.value)


@pytest.mark.parametrize("take", [lambda key: read_api_key(key, {}), ASI1, AsyncASI1])
@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_error_for_a_blank_api_key_says_what_to_do(value, take):
    """
    The error for a blank key says that the argument may be left out, names the
    environment variable, and tells where keys are made.
    """
    with pytest.raises(ConfigurationError, match="leave api_key= out") as caught:
        take(value)

    assert "api_key: the API key is empty" in str(caught.value)
    assert "ASI_ONE_API_KEY" in str(caught.value)
    assert "https://asi1.ai" in str(caught.value)


def test_str_and_repr_of_an_api_key_are_three_stars():
    """
    ``str`` and ``repr`` of a key are three stars and nothing else.
    """
    assert "***" == repr(Secret(KEY)) == str(Secret(KEY))


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ({"authorization": "Bearer tok-01234567"}, "", "tok-01234567"),
        ({"accept": "*/*", "x-api-key": "abc-01234567"}, "", "abc-01234567"),
        ({"X-Signature": "abc-01234567"}, "", "abc-01234567"),
        ({"accept": "*/*"}, "access_token=abc-01234567", "abc-01234567"),
    ],
    ids=["authorization", "second-header", "upper-case", "query"],
)
def test_secrets_in_the_headers_and_query_of_a_request_are_redacted(
    secret, headers, query, found
):
    """
    Secrets in the headers and the query of a request are redacted as the API key is.
    """
    both = secret.with_secrets_of(headers, query)

    assert "*** and ***" == both.redact(f"{found} and {KEY}")
    assert both.may_be_in(found)
    assert both.is_plainly_in(found)
    assert found == secret.redact(found)


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, ""), ({"accept": "*/*"}, ""), ({}, "page=2"), ({"idempotency-key": "k"}, "")],
)
def test_with_secrets_of_returns_the_api_key_if_there_are_no_other_secrets(
    secret, headers, query
):
    """
    If a request has no secrets besides the API key, `with_secrets_of` returns the key.
    """
    assert secret is secret.with_secrets_of(headers, query)


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        (KEY, f"bad key {KEY}", True),
        (KEY, f"bad key {KEY[:8]}", True),
        (KEY, f"BAD KEY {KEY.upper()}", True),
        (KEY.upper(), f"bad key {KEY}", True),
        (KEY, f"bad key {KEY[:7]}", False),
        (KEY, "bad key", False),
        (KEY[:8], KEY[:8], True),
        (KEY[:7], KEY[:7], False),
    ],
)
def test_unescaped_api_key_is_found_by_its_first_8_characters(key, text, found):
    """
    The fast search finds a text with the first 8 characters of the API key, in upper or
    lower case. It never finds a key of less than 8 characters.
    """
    assert found is Secret(key).is_plainly_in(text)
    assert found is Secret(key).may_be_in(text)


@pytest.mark.parametrize("value", [None, Secret(KEY), bytes, int])
def test_function_hidden_returns_none_a_secret_or_a_type_unchanged(value):
    """
    `hidden` returns None, a `Secret` or a type unchanged: none of them shows a value.
    """
    assert value is hidden(value)


def test_function_hidden_returns_a_str_as_secret_and_other_values_as_types():
    """
    `hidden` wraps a str in a `Secret`, and replaces any other value by its type.
    """
    assert Secret(KEY) == hidden(KEY)
    assert bytes is hidden(KEY.encode())


def test_api_key_of_any_printable_ascii_characters_is_valid():
    """
    A key may have each visible ASCII character, from ``!`` to ``~``.
    """
    key = Secret("".join(map(chr, range(0x21, 0x7F))))

    assert key is key.check("here")
