"""The tools of MCP servers: names, arguments and the text of results."""

from __future__ import annotations

import base64
import random
import re

from types import SimpleNamespace

import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._protocol.tools.mcp_tool import fitting_names, mcp_tool, result_text


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(schema=SCHEMA, **more):
    listed = SimpleNamespace(name="s", input_schema=schema, description=None, **more)
    return mcp_tool(listed, "weather")


def part(kind, **more):
    return SimpleNamespace(type=kind, **more)


def result(*parts, **more):
    return SimpleNamespace(content=list(parts), **more)


@pytest.mark.parametrize("name", ["input_schema", "inputSchema"])
def test_model_reads_the_schema_of_the_server_unchanged(name):
    """
    A request has the server's schema, unchanged, whether the tool has it as
    ``inputSchema`` or as ``input_schema``.
    """
    listed = SimpleNamespace(description="Tells the weather.", **{name: SCHEMA})

    made = mcp_tool(listed, "weather")

    assert SCHEMA is made.parameters
    assert {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": SCHEMA,
        },
    } == made.wire


def test_tool_without_schema_and_description_takes_no_arguments():
    """
    A tool without a schema gets the schema of an empty object. Without a description,
    the tool's title describes it.
    """
    made = tool(None, title="The weather")

    assert {"type": "object", "properties": {}} == made.parameters
    assert "The weather" == made.description
    assert "description" not in tool(None).wire["function"]


def test_names_that_the_api_does_not_accept_are_made_to_fit():
    """
    In the name of a tool, characters other than letters, digits, "_" and "-" become
    "_". A name is cut to 64 characters, and an empty name becomes "tool".
    """
    names = ["read", "files/read.it now", "météo", "x" * 70, ""]

    assert {
        "read": "read",
        "files/read.it now": "files_read_it_now",
        "météo": "m_t_o",
        "x" * 70: "x" * 64,
        "": "tool",
    } == fitting_names(names)
    assert {"read": "a_b_read"} == fitting_names(["read"], "a b_")


@pytest.mark.system
@given(st.lists(st.text("ab./_\ud800", max_size=70) | st.text(), unique=True))
def test_fitted_names_differ_and_do_not_depend_on_the_order_of_the_tools(names):
    """
    All names fit the rules of the API, and no two are the same. A name that already
    fits is kept. The order in which the server lists its tools does not matter.
    """
    shuffled = random.Random(1).sample(names, len(names))

    found = fitting_names(names)

    assert found == fitting_names(shuffled)
    assert len(names) == len(set(found.values()))
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", own) for own in found.values())
    assert all(own == n for n, own in found.items() if re.fullmatch("[a-b_]{1,64}", n))


def test_name_that_another_tool_has_gets_a_suffix():
    """
    If several tools would get the same name, all but one get a suffix. If another tool
    already has the name with this suffix, a different suffix is used.
    """
    found = fitting_names(["a.b", "a/b", "a_b"])
    marked = found["a.b"]

    assert ("a_b", 3) == (found["a_b"], len(set(found.values())))
    assert re.fullmatch("a_b_[0-9a-f]{8}", marked)
    assert marked != fitting_names(["a.b", "a_b", marked])["a.b"]
    long = fitting_names(["x" * 64, "x" * 65, "x" * 66])
    assert {64} == {len(own) for own in long.values()}


IMAGE = base64.b64encode(bytes(1234)).decode()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (result(part("text", text="one"), part("text", text="two")), "one\ntwo"),
        (result(part("text", text="3"), structured_content={"result": 3}), "3"),
        (result(structured_content={"a": [1, "é"]}), '{"a":[1,"é"]}'),
        (result(structuredContent={"a": 1}, isError=False), '{"a":1}'),
        (result(structured_content=0), "0"),
        (result(structured_content=None), ""),
        (SimpleNamespace(content=None), ""),
        (
            result(
                part("text", text="See:"), part("image", data=IMAGE, mimeType="a/png")
            ),
            "See:\n[image a/png, 1234 bytes]",
        ),
        (
            result(part("audio", data="AAA=", mime_type="audio/wav")),
            "[audio audio/wav, 2 bytes]",
        ),
        (
            result(part("image", data="", mime_type="a/b"), structured_content=[1]),
            "[1]\n[image a/b, 0 bytes]",
        ),
        (
            result(part("resource_link", uri="file:///a", name="a", mime_type=None)),
            "[resource_link file:///a]",
        ),
        (
            result(
                part("resource", resource=SimpleNamespace(uri="file:///a", text="A\nB"))
            ),
            "[resource file:///a]\nA\nB",
        ),
        (
            result(
                part(
                    "resource",
                    resource=SimpleNamespace(uri="b:/c", blob="AA==", mime_type="x/y"),
                )
            ),
            "[resource b:/c x/y, 1 bytes]",
        ),
        (result(part("hologram")), "[hologram]"),
        (result(SimpleNamespace()), "[part]"),
    ],
)
def test_mcp_result_becomes_the_text_that_the_model_reads(answer, text):
    """
    The model reads the texts of a result or, if the result has none, its structured
    content as JSON. Other parts are named in words, and the text of an embedded
    resource follows its name.
    """
    assert text == result_text(answer)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (result(part("text", text="No such city."), is_error=True), "No such city."),
        (result(part("text", text="No such city."), isError=True), "No such city."),
        (result(structured_content={"code": 3}, is_error=True), '{"code":3}'),
        (result(is_error=True), "the tool failed without a message"),
    ],
)
def test_mcp_result_that_is_an_error_raises_a_tool_error(answer, text):
    """
    A result that says that it is an error raises a `ToolError` with the result's text.
    """
    with pytest.raises(asi1.ToolError) as caught:
        result_text(answer)

    assert text == caught.value.message
