"""A tool whose JSON Schema is given."""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.tools.schema_tool import SchemaTool, schema_tool


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(schema=SCHEMA):
    return SchemaTool(name="weather", description="", parameters=schema)


@pytest.mark.parametrize(
    ("schema", "text", "arguments"),
    [
        (SCHEMA, '{"city": "Oslo"}', {"city": "Oslo"}),
        (SCHEMA, '{"city": 3, "days": "x"}', {"city": 3, "days": "x"}),
        (SCHEMA | {"additionalProperties": True}, '{"city": 1, "x": 2}', None),
        (SCHEMA | {"patternProperties": {"^x": {}}}, '{"city": 1, "x": 2}', None),
        ({"type": "object"}, "", {}),
        ({"type": "object"}, '{"self": 1, "the city": 2}', None),
        ({"required": "city", "properties": 3}, "{}", {}),
    ],
    ids=["one", "values", "open", "pattern", "blank", "odd names", "odd schema"],
)
def test_arguments_become_keyword_arguments(schema, text, arguments):
    """
    A JSON object with the required arguments becomes keyword arguments. Their values
    are not checked.
    """
    expected = {"city": 1, "x": 2} if arguments is None else arguments
    if "self" in text:
        expected = {"self": 1, "the city": 2}

    assert ((), expected) == tool(schema).bind(text)


CITY = '{"city": "Oslo"'


@pytest.mark.parametrize(
    ("text", "path", "expected", "words"),
    [
        ("", "$", "JSON", "are not valid JSON: "),
        (CITY + "} x", "$", "JSON", "are not valid JSON: "),
        (
            "[]",
            "$",
            "an object",
            "do not fit: $: expected an object, found an array with 0",
        ),
        ("null", "$", "an object", "do not fit: $: expected an object, found null"),
        (
            "{}",
            "$.city",
            "a value",
            "do not fit: $.city: expected a value, found no such key",
        ),
        (
            CITY + ', "x": 1}',
            "$.x",
            "only the keys city, days",
            "do not fit: $.x: expected only the keys city, days, found the number 1",
        ),
    ],
)
def test_arguments_that_do_not_fit_raise_output_invalid_error(
    text, path, expected, words
):
    """
    Arguments that are not a JSON object, lack a required argument, or have an argument
    that the schema does not allow, raise an `OutputInvalidError`, as they do for a tool
    with a generated schema.
    """
    with pytest.raises(asi1.OutputInvalidError) as caught:
        tool().bind(text)

    error = caught.value
    assert (path, expected, text) == (error.path, error.expected, error.text)
    assert f"the arguments of weather {words}" in str(error)


def test_arguments_that_are_cut_off_raise_output_truncated_error():
    """
    Arguments that end inside a JSON value raise an `OutputTruncatedError`.
    """
    with pytest.raises(asi1.OutputTruncatedError, match="arguments of weather are cut"):
        tool().bind(CITY)


def test_closed_schema_without_properties_allows_no_arguments():
    """
    A schema that has no properties and allows no others refuses each argument.
    """
    closed = tool({"type": "object", "additionalProperties": False})

    assert ((), {}) == closed.bind("")
    with pytest.raises(asi1.OutputInvalidError, match="expected no keys, found null"):
        closed.bind('{"x": null}')


def test_function_with_a_given_schema_becomes_a_tool():
    """
    The tool has the function's name and docstring, and the given schema unchanged. A
    request asks the server to enforce the schema only if *strict* was given.
    """

    def weather(**arguments):
        """Tell the weather."""
        return arguments

    made = schema_tool(weather, parameters=SCHEMA)
    other = schema_tool(
        weather, parameters=SCHEMA, name="w", description="It.", strict=True
    )

    function = {"name": "weather", "description": "Tell the weather."}
    assert {"type": "function", "function": {**function, "parameters": SCHEMA}} == (
        made.wire
    )
    named = {"name": "w", "description": "It.", "parameters": SCHEMA, "strict": True}
    assert named == other.wire["function"]


@pytest.mark.parametrize("function", ["weather", lambda: 1, int])
def test_given_schema_needs_a_function_with_a_name(function):
    """A value that is not a function, or has no name that the API accepts, cannot be a
    tool.
    """
    with pytest.raises(asi1.ArgumentError):
        schema_tool(function, parameters=SCHEMA)
