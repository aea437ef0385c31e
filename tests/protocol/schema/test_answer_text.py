"""JSON is found in the text of an answer. JSON that is cut off is never returned."""

from __future__ import annotations

import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._protocol.schema.answer_text import (
    JSONCutOffError,
    NoJSONError,
    read_json_answer,
)


VALUE = {"a": [1, {"b": "}] ```"}]}
JSON = json.dumps(VALUE)

FOUND = {
    "plain": (JSON, VALUE, ()),
    "plain-array": ("[1]", [1], ()),
    "plain-number": (" 42\n", 42, ()),
    "plain-null": ("null", None, ()),
    "repeated-key": ('{"a": 1, "a": 2}', {"a": 2}, ()),
    "only a byte-order-mark": (f"\ufeff{JSON}", VALUE, ("invisible characters",)),
    "byte-order-mark": (f"\ufeff{JSON}\u200b", VALUE, ("invisible characters",)),
    "fence": (f"```\n{JSON}\n```", VALUE, ("fence",)),
    "fence-with-language": (f"```json\n{JSON}\n```\n", VALUE, ("fence",)),
    "fence-on-one-line": (f"```json {JSON}```", VALUE, ("fence",)),
    "fence-of-tildes": (f"~~~~ JSON5\n{JSON}\n~~~~", VALUE, ("fence",)),
    "fence-not-closed": (f"```json\r\n{JSON}", VALUE, ("fence",)),
    "fence-closed-only": (f"{JSON}\n```", VALUE, ("fence",)),
    "fence-around-a-number": ("```json\n42\n```", 42, ("fence",)),
    "fence-around-a-string": ('```\n"a"\n```', "a", ("fence",)),
    "sentence-before": (f"Here it is: {JSON}", VALUE, ("text",)),
    "sentence-after": (f"{JSON}\nHope that helps!", VALUE, ("text",)),
    "sentence-with-quote": (f"The \"value is {JSON}, isn't it?", VALUE, ("text",)),
    "sentence-with-brackets": (f"[see below] {{name}} {JSON}", VALUE, ("text",)),
    "sentence-with-open-bracket": (f"the {chr(123)}x and [y: {JSON}", VALUE, ("text",)),
    "sentence-and-fence": (f"Sure:\n```json\n{JSON}\n```", VALUE, ("fence", "text")),
    "object-and-footnote": (f"{JSON} [1]", VALUE, ("text", "other JSON")),
    "two-objects": ('{"a": 0} {"a": 1}', {"a": 1}, ("text", "other JSON")),
    "two-fences": (
        f'Draft:\n```json\n{{"a": 0}}\n```\nFinal:\n```json\n{JSON}\n```',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "json-right-after-a-fence": (
        f'```json\n{JSON}\n```\n{{"a": 0}}',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "brackets-between-two-fences": (
        f'```\n{{"a": 0}}\n```\nor [x]:\n```\n{JSON}\n```',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "json-after-code-in-a-fence": (
        f'```py\nf()\n```\n{{"a": 0}}\n```json\n{JSON}\n```',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "code-in-a-fence-before-json": (
        f'```json\n{JSON}\n```\nRun:\n```sh\nls\n```\n{{"a": 0}}',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "open-bracket-before-a-closing-fence": (
        f'```json\n{JSON}\n``` see [note\n```sh\nls\n```\n{{"a": 0}}',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "first-fence-not-closed": (
        f'```json\n{{"a": 0}}\nor\n```json\n{JSON}\n```',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "json-between-two-fences": (
        f'```\n{{"a": 0}}\n```\n{{"b": 0}}\n```\n{JSON}\n```',
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "fence-of-code-after": (
        f"```json\n{JSON}\n```\n```python\nx = [1]\n```",
        VALUE,
        ("fence", "text", "other JSON"),
    ),
    "trailing-comma": ('{"a": [1, 2,],\n}', {"a": [1, 2]}, ("trailing comma",)),
    "trailing-comma-in-fence": (
        '```\n{"a": ",]",}\n```',
        {"a": ",]"},
        ("fence", "trailing comma"),
    ),
    "surrogate": ('{"a": "\ud800"}', {"a": "\ufffd"}, ()),
}
MISSING = {
    "empty": "",
    "blank": " \n\u200b",
    "words": "I cannot do that.",
    "nan": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "out-of-range": '{"a": 1e999}',
    "python-dict": "{'a': [1, 2]}",
    "comment": '{"a": 1 // one\n}',
    "missing-comma": '{"a": 1 "b": 2}',
    "two-commas": '{"a": 1,,}',
    "empty-fence": "```json\n```",
    "later-fence-invalid": '```json\n{"a": 1}\n```\n```json\n{"a": x}\n```',
    "unterminated-string": '"abc',
    "too-deep": "[" * 300 + "]" * 300,
}
CUT = {
    "object": '{"a": 1',
    "object-in-object": '{"a": {"b": 1}',
    "string": '{"a": "b',
    "string-with-escape": '{"a": "b\\',
    "string-with-bracket": '{"a": "}',
    "array": '[{"a": 1}, {"a": 2}',
    "mismatched": '{"a": [1}',
    "bracket-only": "{",
    "in-fence": '```json\n{"a": 1,\n```',
    "after-a-sentence": 'Here: {"a": [1, 2], "b":',
    "after-another-object": '{"a": 1}\nNow the answer: {"a": 2, ',
    "after-open-bracket": 'in [brackets: {"a": [1],',
}


@pytest.mark.parametrize(("text", "value", "cuts"), FOUND.values(), ids=FOUND)
def test_json_is_found_in_an_answer_and_the_removed_text_is_named(text, value, cuts):
    """
    JSON is found inside Markdown fences, in sentences and beside other JSON. The result
    names each kind of text that was removed, such as a fence or a trailing comma.
    """
    assert (value, cuts) == read_json_answer(text)


@pytest.mark.parametrize("text", MISSING.values(), ids=MISSING)
def test_text_without_valid_json_is_refused_and_not_repaired(text):
    """
    A text without JSON, or with invalid JSON, raises `NoJSONError`, and no valid part
    of the text is returned. The only fault that is repaired is a trailing comma.
    """
    with pytest.raises(NoJSONError):
        read_json_answer(text)


@pytest.mark.parametrize("text", CUT.values(), ids=CUT)
def test_json_that_is_cut_off_raises_json_cut_off_error(text):
    """
    JSON with unclosed brackets is cut off, even if a part of the JSON, or an object
    before it, is complete.
    """
    with pytest.raises(JSONCutOffError):
        read_json_answer(text)


KEYS = st.text(max_size=5)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e9, 1e9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, DATA, min_size=1, max_size=4)
BEFORE = st.sampled_from(["", "Sure!\n", "```json\n", 'As "asked" [x]:\n```\n'])
AFTER = st.sampled_from(["", "\n", "\n```", " Done."])


@pytest.mark.system
@given(OBJECTS, BEFORE, AFTER)
def test_every_json_object_in_a_text_is_found_unchanged(value, before, after):
    """
    Every JSON object is found unchanged, whether it stands alone or in text that models
    often add, such as a Markdown fence.
    """
    found, _ = read_json_answer(f"{before}{json.dumps(value)}{after}")

    assert value == found


@pytest.mark.system
@given(OBJECTS, BEFORE, AFTER, st.data())
def test_truncated_json_object_raises_an_error(value, before, after, data):
    """
    An object that is truncated at any position raises an error, alone or in text that
    models often add. No part of the object is returned.
    """
    text = json.dumps(value, ensure_ascii=False)
    end = data.draw(st.integers(1, len(text) - 1))

    with pytest.raises((JSONCutOffError, NoJSONError)):
        read_json_answer(before + text[:end] + after)


@given(st.text(st.sampled_from("[]{}\"'`~,:1a \n\\\u200b")))
def test_any_text_is_read_as_json_or_raises_an_error(text):
    """
    For any text, `read_json_answer` returns a JSON value or raises `JSONCutOffError` or
    `NoJSONError`.
    """
    try:
        value, _ = read_json_answer(text)
    except (JSONCutOffError, NoJSONError):
        return
    json.dumps(value)


HARD = {
    "open-arrays": "[",
    "open-objects": "{",
    "open-objects-and-space": "{ ",
    "open-keys": '{"a',
    "open-arrays-with-items": "[1",
    "open-words": "{a",
    "closed-arrays": "[]",
    "backticks": "`",
    "fences": "```json\n",
    "quotes": '"',
    "escaped-quotes": '\\"',
    "commas": ", ",
    "commas-in-object": '{"a":1, ',
    "spaces": " ",
    "fence-and-brackets": "```[",
}


@pytest.mark.system
@pytest.mark.parametrize("before", ["", '{"a": "x"'])
@pytest.mark.parametrize("piece", HARD.values(), ids=HARD)
def test_text_of_repeated_characters_is_read_in_linear_time(piece, before):
    """
    A text of 200 KB that repeats a few characters is read in a short time. This test
    would take hours if the reader searched the rest of the text after each bracket or
    quote.
    """
    text = before + piece * (200_000 // len(piece))

    try:
        value, _ = read_json_answer(text)
    except (JSONCutOffError, NoJSONError):
        return
    assert [] == value
