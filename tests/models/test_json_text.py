"""JSON read and written exactly, and values that are refused."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types

from typing import ClassVar

import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

import asi1

from asi1._models.json_text import (
    dump_json,
    has_surrogates,
    json_text,
    load_json,
    load_slowly,
    replace_surrogates_in,
)


texts = st.text(st.characters(), max_size=5)  # st.characters() draws lone surrogates
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**64 - 1, 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)


def exact(value):
    """
    Return *value* as JSON text. Unlike equal Python values, JSON texts differ for 1,
    1.0 and true, and for different orders of keys.
    """
    return json.dumps(value)


def sendable(value):
    """
    Return whether *value* can be sent as UTF-8: no string in it has a lone surrogate.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


class Kind(enum.Enum):
    """
    An enum with one value that JSON cannot express, and one that JSON can express.
    """

    UNKNOWN = math.nan
    OTTER = "otter"


@dataclasses.dataclass
class Sized:
    """A dataclass with a private field, which orjson leaves out of the JSON object."""

    size: object
    kind: ClassVar[float] = math.nan
    _cached: float = math.nan


class Given:
    """An object with a ``to_dict`` method."""

    def __init__(self, value):
        self.value = value

    def to_dict(self):
        """Return the JSON object."""
        return {"value": self.value}


def nested(depth):
    """Return an empty list nested in lists, *depth* levels in all."""
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@settings(deadline=None, max_examples=60)
@given(value=values)
@example(value=2**64)
@example(value=-(2**63) - 1)
@example(value=[1.7976931348623157e308, 5e-324, 0.1, 1e22])
@example(value={"a": "\ud800", "\udfff": "\x00"})
def test_any_json_is_read_without_loss(value):
    """
    Any JSON value is read without loss: integers of any size, and the order of keys.
    With ``surrogates=True``, even lone surrogates are read without loss.
    """
    data = exact(value).encode()

    assert exact(value) == exact(load_json(data, surrogates=True))


@settings(deadline=None, max_examples=60)
@given(value=values)
@example(value={"a": "\ud800", "\udfff": ["x\udc00", "\U0001f9a6\ud83e"]})
@example(value=[2**70, "\udfff"])
@example(value=["\ud83e\udd86", "\ud83e", "\udd86", "\ud7ff", "\ue000"])
def test_lone_surrogates_in_json_are_read_as_u_fffd_by_default(value):
    """
    By default, a lone surrogate in JSON text is read as U+FFFD, in keys and in values,
    so that the result can be encoded. A surrogate pair is read as its character.
    """
    data = exact(value).encode()
    raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")

    assert exact(replace_surrogates_in(value)) == exact(load_json(data))
    assert sendable(load_json(data))
    assert sendable(load_json(raw))


@settings(deadline=None)
@given(value=values)
@example(value={"a": None, "b": [None, 2**70]})
def test_any_json_is_written_without_loss(value):
    """
    For a request, any JSON value without lone surrogates is written without loss. For
    display, a lone surrogate is written as U+FFFD.
    """
    shown = replace_surrogates_in(value)

    assert exact(shown) == exact(json.loads(json_text(value)))
    if sendable(value):
        assert exact(value) == exact(json.loads(dump_json(value)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"9" * 5000, id="5000-digits"),
        pytest.param(b"[NaN]", id="nan"),
        pytest.param(b"[-Infinity]", id="infinity"),
        pytest.param(b"1e999", id="infinite-number"),
        pytest.param(b"12345678901234567890.0e999", id="long-infinite-number"),
        pytest.param(b"", id="empty"),
        pytest.param(b"{'a': 1}", id="single-quotes"),
        pytest.param(b'"\xff"', id="not-utf8"),
        pytest.param(b'{"a":1} x', id="text-after-the-value"),
    ],
)
def test_reading_invalid_json_raises_value_error(data):
    """
    Reading invalid JSON raises a ValueError, whatever the fault, so that callers need
    to catch only one class.
    """
    with pytest.raises(ValueError, match=r"\w"):
        load_json(data)


def test_last_value_of_a_repeated_key_is_read():
    """
    If a JSON object repeats a key, the last value is read, even if the object also has
    an integer of more than 64 bits.
    """
    assert {"a": 2} == load_json(b'{"a":1,"a":2}')
    assert {"a": 2, "n": 10**20} == load_json(
        b'{"a":1,"a":2,"n":100000000000000000000}'
    )


def test_models_mappings_and_large_integers_are_written_as_compact_json():
    """
    Integers of any size, strings of any language, models and mappings are written as
    JSON without white space.
    """
    message = asi1.ChatMessage(content="\u00f6", wire={"content": "\u00f6"})

    assert b'{"a":"\xc3\xb6"}' == dump_json({"a": "\u00f6"})
    assert {"n": 2**70} == json.loads(dump_json({"n": 2**70}))
    assert b'[{"content":"\xc3\xb6"}]' == dump_json([message])
    assert {"m": {"content": "\u00f6"}, "n": 2**70} == json.loads(
        dump_json({"m": message, "n": 2**70})
    )
    assert b'{"a":{}}' == dump_json({"a": types.MappingProxyType({})})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": {1}}, id="set"),
        pytest.param([object()], id="object"),
        pytest.param(b"a", id="bytes"),
        pytest.param(math.nan, id="nan"),
        pytest.param([{"a": [math.inf]}], id="infinity"),
        pytest.param((-math.inf, None), id="infinity-in-a-tuple"),
        pytest.param({"a": math.nan, "n": 2**70}, id="nan-beside-a-long-number"),
        pytest.param({"a": math.nan, "b": "null"}, id="nan-beside-the-string-null"),
        pytest.param(Sized(math.nan), id="nan-in-a-dataclass"),
        pytest.param([{"a": Sized([Sized(-math.inf)])}], id="infinity-in-dataclasses"),
        pytest.param(Sized({"a": math.nan}), id="nan-in-a-dict-in-a-dataclass"),
        pytest.param(Kind.UNKNOWN, id="nan-in-an-enum"),
        pytest.param(Sized(Kind.UNKNOWN), id="nan-in-an-enum-in-a-dataclass"),
        pytest.param(Given(math.nan), id="nan-in-to-dict"),
        pytest.param([Given(Sized(math.nan))], id="nan-in-a-dataclass-in-to-dict"),
        pytest.param(types.MappingProxyType({"a": math.nan}), id="nan-in-a-mapping"),
        pytest.param({1: 2}, id="key-not-a-string"),
        pytest.param({None: 2}, id="key-none"),
        pytest.param([{"n": 2**70, "b": {2: 2}}], id="wrong-key-inside"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param({"\udfff": 2**70}, id="lone-surrogate-as-key"),
        pytest.param(nested(5000), id="deep"),
        pytest.param({"a": nested(5000), "b": None}, id="deep-with-null"),
    ],
)
def test_writing_a_value_that_json_cannot_hold_raises_value_error(value):
    """
    Writing a value that JSON cannot represent raises a ValueError; no similar value is
    written in its place.
    """
    with pytest.raises(ValueError, match=r"\w"):
        dump_json(value)


def test_member_of_an_enum_is_written_as_its_value():
    """
    A member of an enum is written as its value, whether the member stands alone or in a
    list with None.
    """
    assert b'"otter"' == dump_json(Kind.OTTER)
    assert b'["otter",null]' == dump_json([Kind.OTTER, None])


def test_dataclass_and_object_with_to_dict_are_written_as_json_objects():
    """
    A dataclass is written as a JSON object of its public fields. An object with a
    ``to_dict`` method is written as the dict that ``to_dict`` returns. None is null in
    both.
    """
    assert b'{"a":{"size":null},"b":{"value":null}}' == dump_json(
        {"a": Sized(None), "b": Given(None)}
    )


def test_writing_a_value_that_contains_itself_raises_value_error():
    """
    Writing a list or dict that contains itself as JSON raises a ValueError.
    """
    cycle = {}
    cycle["a"] = cycle

    with pytest.raises(ValueError, match=r"\w"):
        dump_json(cycle)


def test_json_nested_more_than_200_levels_deep_is_refused():
    """
    JSON nested 200 levels deep is read and written; reading deeper JSON is refused.
    """
    data = b"[" * 200 + b"]" * 200

    assert data == dump_json(load_json(data))
    assert data.decode() == json_text(load_json(data))
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(b"[%b]" % data)
    assert 1000 == len(load_json(b"[" + b"[1]," * 999 + b"{}]"))


def test_nesting_limit_counts_levels_and_not_lists():
    """
    The limit of 200 applies to nested levels, not to the number of lists in the JSON.
    """
    deep = b"[" * 199 + b"]" * 199

    assert 2 == len(load_json(b"[%b,[]]" % deep))
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(b"[[%b],[]]" % deep)


@given(
    st.lists(st.booleans(), min_size=196, max_size=204),
    st.lists(st.sampled_from([b'"[{"', b"[]", b"{}", b"[[1]]"]), max_size=3),
    st.integers(0, 195),
)
@example([True] * 100 + [False] * 101, [], 0)
@settings(max_examples=30)
def test_nesting_limit_holds_for_lists_and_objects_in_any_order(lists, others, at):
    """
    A value is refused if and only if it has more than 200 levels of lists and objects,
    in any order, and whatever other brackets the JSON text has.
    """
    data = b"1"
    for number, is_list in enumerate(lists):
        items = [data, *others] if number == at else [data]
        if is_list:
            data = b"[%b]" % b",".join(items)
        else:
            members = [b'"%d":%b' % pair for pair in enumerate(items)]
            data = b"{%b}" % b",".join(members)

    if len(lists) > 200:
        with pytest.raises(ValueError, match="nested too deep"):
            load_json(data)
    else:
        assert json.loads(data) == load_json(data)


@pytest.mark.system
@pytest.mark.parametrize(
    ("value", "most"),
    [
        pytest.param(b"{}", 199_999, id="objects"),
        pytest.param(b"[]", 199_999, id="lists"),
        pytest.param(b'"ab"', 1_000_000, id="strings"),
        pytest.param(b"0", 1_000_000, id="numbers"),
    ],
)
def test_json_with_more_than_a_million_values_is_refused(value, most):
    """
    JSON with more than a million values, or more than 200,000 lists and objects, is
    refused before the values fill the memory.
    """
    assert most == len(load_json(b"[%b%b]" % ((value + b",") * (most - 1), value)))
    with pytest.raises(ValueError, match="too many values"):
        load_json(b"[%b%b]" % ((value + b",") * most, value))


def test_commas_and_brackets_in_strings_are_not_counted_as_values():
    """
    Values are counted by their commas and brackets. Commas and brackets inside strings
    do not count, even if a string contains escaped quotes.
    """
    text = b'"' + b',[{\\"' * 300_000 + b'"'

    assert ',[{"' * 300_000 == load_json(text)
    assert [',[{"' * 300_000] * 2 == load_json(b"[%b,%b]" % (text, text))


@pytest.mark.parametrize("end", [b"", b"\\", b'"'])
def test_too_many_values_before_an_unterminated_string_are_refused_at_once(end):
    """
    JSON with too many values and then an unterminated string is refused at once. A
    search for the end of the string from each escaped quote would take minutes.
    """
    with pytest.raises(ValueError, match="too many values"):
        load_json(b"[" * 262_145 + b'"' + b'\\"' * 60_000 + end)


def test_large_integers_are_written_without_white_space():
    """
    JSON with an integer of more than 64 bits is written without white space, like any
    other JSON.
    """
    assert f'{{"a":{2**70},"b":[1,2]}}'.encode() == dump_json({"a": 2**70, "b": [1, 2]})


@pytest.mark.parametrize("ends", [(b"[", b"]"), (b'{"a":', b"}")])
def test_200_levels_of_lists_or_objects_are_read(ends):
    """
    Lists or objects nested 200 levels deep are read; 201 levels are refused.
    """
    opening, closing = ends
    inner = b"{}" if opening != b"[" else b"[]"

    assert load_json(opening * 199 + inner + closing * 199)
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(opening * 200 + inner + closing * 200)


@pytest.mark.parametrize(
    "data", [b'"\\ud800"', b'"\\uD800"', b'"\\uDfff"', b'"\xed\xa0\x80"']
)
def test_lone_surrogate_is_found_as_an_escape_and_as_bytes(data):
    """
    A lone surrogate is found as an escape sequence, in upper or lower case, and as raw
    bytes.
    """
    assert has_surrogates(data)
    assert {"\ufffd"} == set(load_json(data)) == set(load_slowly(data))


@pytest.mark.parametrize("data", [b'"\\u00d8"', b'"ud800"', '"\ud7ff"'.encode()])
def test_escape_of_another_character_is_not_a_lone_surrogate(data):
    """
    An escape sequence of another character, or a character whose first byte is also
    that of a surrogate, is not mistaken for a lone surrogate.
    """
    assert not has_surrogates(data)


@pytest.mark.parametrize("value", [2**70, "\ufffd"])
def test_json_for_display_has_no_white_space_between_values(value):
    """
    JSON text for display has no white space between values, even if the value has an
    integer of more than 64 bits or a lone surrogate.
    """
    sent = "\ud800" if value == "\ufffd" else value
    text = json_text({"a": sent, "b": [1, 2]})

    assert {"a": value, "b": [1, 2]} == json.loads(text)
    assert " " not in text


@pytest.mark.parametrize("place", range(24))
@pytest.mark.parametrize("number", [2**64 + 1, -(2**64) - 1, 10**19])
def test_integer_above_64_bits_is_exact_wherever_it_stands(place, number):
    """
    An integer of 20 digits or more is read exactly at any place of a text, although the
    search for such integers looks at every sixth byte only.
    """
    data = b'["%s",%d,"1234567890"]' % (b"a" * place, number)

    assert exact(["a" * place, number, "1234567890"]) == exact(load_json(data))
