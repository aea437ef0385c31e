"""Each form of a tool call in text, and markup that is not a call."""

from __future__ import annotations

import json

import pytest

from asi1._protocol.tools.call_markup import MarkupReader


CITY = '{"city":"Oslo"}'
END = "</tool_call>"
EMPTY = "<arg_key>b</arg_key><arg_value></arg_value>"
COMPLETE = "<tool_call>f<arg_key>a</arg_key><arg_value>2</arg_value></tool_call>"


def read(text, names=("f", "g")):
    """Return the markup at the start of a text."""
    return MarkupReader(text, names).calls_at(0)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (
            f"f<arg_key>city</arg_key><arg_value>Oslo</arg_value>{END}",
            CITY,
        ),
        (
            f"\nf\n<arg_key> a </arg_key>\n<arg_value>1.50</arg_value>\n{EMPTY}\n{END}",
            '{"a":1.50,"b":""}',
        ),
        (f"f{END}", "{}"),
        (f' f {{"city": "Oslo"}} {END}', CITY),
        (f'{{"name": "f", "arguments": {{"city": "Oslo"}}}}{END}', CITY),
        (f'\n{{"arguments": {{}},\n "name": " f "}}\n{END}', "{}"),
        (f'{{"name": "f", "arguments": "{{\\"a\\": 1}}"}}{END}', '{"a": 1}'),
        (f'{{"name": "f", "arguments": " "}}{END}', "{}"),
        (f'{{"name": "f", "parameters": {{"city": "Oslo"}}}}{END}', CITY),
        (f'{{"name": "f", "arguments": null}}{END}', "{}"),
        (f'{{"name": "f"}}{END}', "{}"),
        (f'{{"name": "f", "arguments": [1]}}{END}', "[1]"),
        (f'{{"name": "f", "arguments": {{"a": "{END}"}}}}{END}', f'{{"a":"{END}"}}'),
        (f'{{"name": "f", "arguments": {{"a": "<tool_call>"}}}}{END}', None),
        (
            f'{{"name": "f", "arguments": {{"a": "\\"}}\\\\"}}}}{END}',
            '{"a":"\\"}\\\\"}',
        ),
        (
            f'{{"type": "function", "function": {{"name": "f"}}}}{END}',
            "{}",
        ),
        (f'[{{"name": "f"}}]{END}', "{}"),
        (f"<function=f><parameter=city>Oslo</parameter></function>{END}", CITY),
        (
            "\n<function=f>\n<parameter=city>\nOslo\n</parameter>\n</function>\n" + END,
            CITY,
        ),
        ("<function=f><parameter=a>\n\n b \n\n</parameter></function>", None),
        (f"<function=f></function>{END}", "{}"),
        (f"<function=f>{CITY}</function>{END}", CITY),
    ],
)
def test_tool_call_between_tags_is_read(text, arguments):
    """
    A tool call in ``<tool_call>`` tags is read in each form, even with whitespace
    between its parts.
    """
    text = f"<tool_call>{text}"

    found = read(text, ())

    assert ["f"] == [call.name for call in found.calls]
    if arguments is not None:
        assert arguments == found.calls[0].arguments
    assert (len(text), None) == (found.end, found.problem)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5", 5),
        (" -1e3\n", -1000.0),
        ("12345678901234567890123", 12345678901234567890123),
        ("true", True),
        ("null", None),
        ('{"a": [1]}', {"a": [1]}),
        ("[]", []),
        ("007", "007"),
        ("+47", "+47"),
        ("1_000", "1_000"),
        ("NaN", "NaN"),
        ("nullify", "nullify"),
        ("True", "True"),
        ("[1, 2", "[1, 2"),
        ('"Oslo"', '"Oslo"'),
        (" Oslo ", " Oslo "),
        ("a &lt; b &amp;", "a &lt; b &amp;"),
        ("</tool_call> <tool_call>", "</tool_call> <tool_call>"),
        ("a\n`b`\n\n```c", "a\n`b`\n\n```c"),
        ("1" * 5000, "1" * 5000),
        ("\ud83d", "\ufffd"),
        ('["\ud83d"]', ["\ufffd"]),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "<tool_call>f<arg_key>k</arg_key><arg_value>{}</arg_value></tool_call>",
        "<tool_call><function=f><parameter=k>\n{}\n</parameter></function></tool_call>",
    ],
    ids=["glm", "qwen"],
)
def test_value_between_tags_is_json_or_a_str(form, value, expected):
    """
    The value of an argument between tags is parsed if it is JSON other than a string;
    otherwise it is a str, without any change.
    """
    found = read(form.replace("{}", value))

    assert {"k": expected} == json.loads(found.calls[0].arguments)


def test_number_between_tags_keeps_its_digits():
    """
    A number between tags is kept as it was written, so that a version such as 1.50 can
    be decoded as a str later.
    """
    found = read(
        "<tool_call>f<arg_key>k</arg_key><arg_value>1.50</arg_value></tool_call>"
    )

    assert '{"k":1.50}' == found.calls[0].arguments


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('[TOOL_CALLS] [{"name": "f", "arguments": {}}, {"name": "h"}]', "fh"),
        ('[TOOL_CALLS]\n{"name": "f"}', "f"),
        ('<|python_tag|>{"name": "f", "parameters": {"a": "[TOOL_CALLS]"}}', "f"),
        ('<|python_tag|>{"name": "f"}; {"name": "g"}', "fg"),
        ("<function=f>{}</function>", "f"),
        ("<function=f></function>\n<function=g></function>\n</tool_call>", "fg"),
        ('<tool_call>{"name": "f"}\n{"name": "h"}</tool_call>', "fh"),
        ("<tool_call><function=h></function><function=f></function>", "hf"),
        ('<|tool_call|>[{"name": "h"}]', "h"),
        ('<|tool_call>{"name": "h"}<|/tool_call|>', "h"),
        ("<|tool_call|>h</|tool_call|>", "h"),
        ("<tool_call|>h</tool_call>", "h"),
    ],
)
def test_tool_calls_in_all_markup_forms_are_read_in_order(text, names):
    """
    Markup of each form may have several tool calls. A form without surrounding tags is
    read only if it calls a known tool.
    """
    found = read(f"{text} and", {"f", "g"})

    assert [*names] == [call.name for call in found.calls]
    assert (len(text), None) == (found.end, found.problem)


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call> is the tag of a call.",
        "<tool_call> tags, then <tool_call> again",
        "<function=h>{}</function>",
        "<function=",
        "<function=f g></function>",
        "<function= is a prefix",
        '[TOOL_CALLS] [{"name": "h"}]',
        '[TOOL_CALLS] [{"name": "h"',
        "[TOOL_CALLS] []",
        "[TOOL_CALLS] is a token",
        "[TOOL_CALLS]",
        '[TOOL_CALLS] [TOOL_CALLS] [{"name": "f"}]',
        "<|python_tag|>print(1)",
        '<|python_tag|>{"a": 1}',
        "tool_call",
        "",
    ],
)
def test_text_that_is_not_a_tool_call_stays_text(text):
    """
    Prose about a tag, and a form without tags that calls an unknown tool, stay text.
    """
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "problem", "rest"),
    [
        ("<tool_call>", "<tool_call> is not closed", ""),
        ("<tool_call>get_wea", "<tool_call> is not closed", ""),
        ("<tool_call>f<arg_key>a</arg_", "<tool_call> is not closed", ""),
        ('<tool_call>f {"a": 1', "<tool_call> is not closed", ""),
        ('<tool_call>{"name": "f"}', "<tool_call> is not closed", ""),
        ('<tool_call>{"name": "f", "a', "<tool_call> is not closed", ""),
        ("<tool_call>[[<tool_call>f", "<tool_call> is not closed", "<tool_call>f"),
        ("<tool_call></tool_call> a", "<tool_call> has no function name", " a"),
        ("<tool_call>{}</tool_call>", "<tool_call> has no function name", ""),
        ("<tool_call>[1]</tool_call>", "<tool_call> has no function name", ""),
        ('<tool_call>{"name": 5}</tool_call>', "<tool_call> has no function name", ""),
        ('<tool_call>{"name": ""}</tool_call>', "<tool_call> has no function name", ""),
        ("<tool_call>{f}</tool_call>a", "<tool_call> is not valid JSON", "a"),
        ("<tool_call>[]</tool_call>a", "<tool_call> has no function name", "a"),
        ("<|tool_call|>[]", "<tool_call> is not closed", ""),
        (
            f"<tool_call>{'[' * 201}{']' * 201}</tool_call>",
            "<tool_call> is not valid JSON",
            "",
        ),
        (
            "<tool_call>two words</tool_call>",
            "<tool_call> has text that is not a call",
            "",
        ),
        (
            "<tool_call>f<arg_key>a</arg_key><arg_value>b</tool_call>c",
            "<tool_call> has an argument that is not closed",
            "c",
        ),
        (
            f"<tool_call>f<arg_key>a</arg_key><arg_value>1</tool_call>{COMPLETE}",
            "<tool_call> has an argument that is not closed",
            COMPLETE,
        ),
        ("<tool_call><function=></function>", "<tool_call> has no function name", ""),
        ("<function=f>", "<function=f> is not closed", ""),
        ("<function=f><parameter=a>1", "<function=f> is not closed", ""),
        (
            "<function=f>a</function>\n</tool_call>b",
            "<function=f> has text that is not an argument",
            "b",
        ),
        (
            "<tool_call><function=f>{a}</function></tool_call>b",
            "<function=f> is not valid JSON",
            "b",
        ),
        ('[TOOL_CALLS] [{"name": "f"', "[TOOL_CALLS] is not valid JSON", ""),
        ('<|python_tag|>{"name":"f",}', "<|python_tag|> is not valid JSON", ""),
    ],
)
def test_unreadable_markup_is_skipped_with_a_problem_that_names_it(text, problem, rest):
    """
    Markup that is not a complete tool call is skipped, and a problem in words describes
    it. The markup ends after the next end tag, before the next marker, or with the
    text.
    """
    found = read(text)

    assert (problem, []) == (found.problem, found.calls)
    assert rest == text[found.end :]
