"""Objects of asi1 as fields of pydantic's models."""

from __future__ import annotations

import pytest

import asi1


pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")

MESSAGE = asi1.ChatMessage(content="Hi.")
ANSWER = asi1.ChatCompletion(
    choices=(asi1.ChatChoice(message=MESSAGE),), usage=asi1.Usage(total_tokens=3)
)
Row = pydantic.create_model(
    "Row",
    answer=(asi1.ChatCompletion, ...),
    parsed=(asi1.ParsedCompletion[int] | None, None),
    chunks=(list[asi1.ChatCompletionChunk], []),
)


@pytest.mark.parametrize("how", [{}, {"exclude_none": True}, {"exclude_unset": True}])
def test_pydantic_model_may_have_fields_with_classes_of_asi1(how):
    """
    If a field of a pydantic model has a class of asi1 as its type, the field keeps the
    object itself. ``model_dump`` dumps the object, with the options of the dump.
    """
    parsed = asi1.ParsedCompletion(parsed=1)
    row = Row(answer=ANSWER, parsed=parsed, chunks=[asi1.ChatCompletionChunk(id="a")])
    dump = row.model_dump(**how)

    assert row.answer is ANSWER
    assert ANSWER.model_dump(**how) == dump["answer"]
    assert parsed.model_dump(**how) == dump["parsed"]
    assert "a" == dump["chunks"][0]["id"]
    assert dump == pydantic.TypeAdapter(dict).validate_json(row.model_dump_json(**how))


def test_field_with_a_class_of_asi1_accepts_no_dict():
    """
    If a field has a class of asi1 as its type, a dict in place of the object raises an
    error of pydantic that names the class.
    """
    with pytest.raises(
        pydantic.ValidationError, match="should be an instance of ChatCompletion"
    ):
        Row(answer={"id": "a"})


def test_schema_of_a_dump_says_that_the_field_is_an_object():
    """
    In the JSON Schema that FastAPI writes for a view's response, a field with a class
    of asi1 is an object.
    """
    schema = pydantic.TypeAdapter(asi1.ChatMessage).json_schema(mode="serialization")

    assert "object" == schema["type"]
