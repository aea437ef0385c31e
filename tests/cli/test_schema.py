"""``asi1 ask --schema``: an answer that is checked against a JSON Schema."""

from __future__ import annotations

import json
import sys

import pytest

from asi1._install import install_hint
from asi1.cli import main


pytest.importorskip("jsonschema", reason="asi1 ask --schema needs jsonschema")

CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture
def schema(tmp_path, monkeypatch):
    """Return a function that writes a schema, and runs ``asi1 ask`` with it."""
    monkeypatch.chdir(tmp_path)

    def ask(value, *words):
        text = value if isinstance(value, str) else json.dumps(value)
        (tmp_path / "city.json").write_text(text, "utf-8-sig")
        return main(["ask", "Which?", "--schema", "city.json", *words])

    return ask


def test_answer_that_fits_the_schema_is_printed_as_json(fake, schema, capsys):
    """
    The schema is sent as the response format, and the answer's JSON is printed on one
    line, without the fence that the model put around it.
    """
    fake.reply('```json\n{"name": "Malmö",\n "people": 362133}\n```')

    code = schema(CITY, "-q")

    assert (0, '{"name": "Malmö", "people": 362133}\n', "") == (
        code,
        *capsys.readouterr(),
    )
    sent = fake.requests[0].json["response_format"]["json_schema"]["schema"]
    assert CITY == sent


def test_json_is_indented_and_escaped_on_a_terminal(fake, schema, on_terminal):
    """
    On a terminal the JSON is indented, and control characters are JSON escapes.
    """
    fake.reply('{"name": "a\\u001b[2J\\u202e"}')

    schema(CITY)
    fake.reply('{"name": "a\\u001b[2J\\u202e"}')
    seen, code = on_terminal(["ask", "Which?", "--schema", "city.json", "-q"])

    assert (0, '{\n  "name": "a\\u001b[2J\\u202e"\n}\n') == (code, seen)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"name": 7}', "the answer does not fit the schema: $.name: 7 is not of type"),
        (
            '{"people": 7}',
            "the answer does not fit the schema: $: 'name' is a required",
        ),
        ("Oslo", "the answer is not JSON: "),
        ('{"name": "Os', "the answer is cut off: "),
    ],
)
def test_answer_that_does_not_fit_the_schema_exits_with_1(
    fake, schema, capsys, answer, told
):
    """
    If the answer does not fit the schema, nothing is printed on stdout, one line on
    stderr says why, and the exit code is 1.
    """
    fake.reply(answer)

    code = schema(CITY)
    out, err = capsys.readouterr()

    assert (1, "", 1) == (code, out, err.count("\n"))
    assert err.startswith(f"asi1: {told}")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{", "the schema city.json is not valid JSON: "),
        ("[]", "the schema city.json is not a JSON object"),
        ({"type": "city"}, "the schema city.json is not valid: 'city' is not valid"),
        ({}, "response_format: the dict is not a JSON Schema"),
    ],
)
def test_invalid_schema_exits_with_2(fake, schema, capsys, value, told):
    """
    A file that is not a JSON Schema is reported in one line with exit code 2; nothing
    is sent.
    """
    assert 2 == schema(value)

    assert capsys.readouterr().err.startswith(f"asi1: {told}")
    assert [] == fake.requests


def test_schema_reference_to_a_url_is_never_fetched(fake, schema, capsys):
    """
    If a schema refers to a URL, the command does not fetch it, and reports the
    reference.
    """
    fake.reply('{"name": "Oslo"}')

    code = schema({"type": "object", "properties": {"name": {"$ref": fake.base_url}}})

    assert 2 == code
    assert "refers to http://127.0.0.1" in capsys.readouterr().err
    assert 1 == len(fake.requests)


def test_missing_schema_file_exits_with_2(fake, capsys):
    """
    A missing schema file is reported in one line with exit code 2.
    """
    assert 2 == main(["ask", "Which?", "--schema", "/no/such"])

    told = "asi1: the schema /no/such cannot be read: No such file or directory\n"
    assert told == capsys.readouterr().err


def test_missing_library_is_named_with_its_install_command(fake, capsys, monkeypatch):
    """
    Without jsonschema, one line says how to install it. No request is sent, since the
    answer could not be checked.
    """
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    assert 2 == main(["ask", "Which?", "--schema", "x"])

    told = f"asi1: asi1 ask --schema needs jsonschema: {install_hint('cli')}\n"
    assert told == capsys.readouterr().err
    assert [] == fake.requests


def test_json_option_and_schema_option_exclude_each_other(key, capsys):
    """
    ``--json`` and ``--schema`` cannot be given together.
    """
    assert 2 == main(["ask", "Which?", "--json", "--schema", "x"])

    assert "not allowed with argument --json" in capsys.readouterr().err
