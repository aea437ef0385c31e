"""Classes of pydantic and msgspec are described and decoded by their own library."""

from __future__ import annotations

import dataclasses
import datetime as dt

from collections.abc import Callable
from typing import Annotated, Generic, Literal, TypeVar

import jsonschema
import pytest

import asi1

from asi1._protocol.schema.output_type import output_type


msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

T = TypeVar("T")


class Person(pydantic.BaseModel):
    """A person."""

    model_config = pydantic.ConfigDict(strict=True)

    name: str = pydantic.Field(alias="fullName", description="The full name")
    born: dt.date | None = None
    kids: list[Person] = []  # noqa: RUF012

    @pydantic.field_validator("name")
    @classmethod
    def check(cls, value: str) -> str:
        """Refuse an empty name."""
        if not value:
            raise ValueError("a name is needed")
        return value


class Box(pydantic.BaseModel, Generic[T]):
    content: T


class Lion(pydantic.BaseModel):
    kind: Literal["lion"]


class Mouse(pydantic.BaseModel):
    kind: Literal["mouse"]
    size: int


class Animals(pydantic.BaseModel):
    all: list[Annotated[Lion | Mouse, pydantic.Field(discriminator="kind")]]


class Names(pydantic.RootModel[list[str]]):
    pass


class Callback(pydantic.BaseModel):
    call: Callable[[int], int]


class Unresolved(pydantic.BaseModel):
    other: Missing  # noqa: F821


class Complex(msgspec.Struct):
    number: complex


class Registered(pydantic.BaseModel):
    code: int

    @pydantic.field_validator("code")
    @classmethod
    def check(cls, value: int) -> int:
        """Refuse a code that is not in a table."""
        return {1: 1}[value]


class RegisteredStruct(msgspec.Struct):
    code: int

    def __post_init__(self) -> None:
        self.code = {1: 1}[self.code]


@pydantic.dataclasses.dataclass
class Point:
    x: int


class Tree(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=0)]
    children: list[Tree] = []  # noqa: RUF012


class Renamed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    first_name: str


@dataclasses.dataclass
class Mixed:
    person: Person
    other: Annotated[Person, "Another one"]
    tree: Tree | None = None


CASES = {
    "model": (
        Person,
        '{"fullName": "a", "born": "2026-01-01", "kids": [{"fullName": "b"}]}',
        Person(fullName="a", born=dt.date(2026, 1, 1), kids=[Person(fullName="b")]),
        ('{"fullName": "a", "kids": [{"fullName": ""}]}', "$.kids[0].fullName"),
    ),
    "generic-model": (
        Box[int],
        '{"content": 1}',
        Box[int](content=1),
        ('{"content": "x"}', "$.content"),
    ),
    "discriminated-union": (
        Animals,
        '{"all": [{"kind": "lion"}]}',
        Animals(all=[Lion(kind="lion")]),
        ('{"all": [{"kind": "mouse", "size": "x"}]}', "$.all[0].size"),
    ),
    "root-model": (Names, '{"value": ["a"]}', Names(["a"]), ('["a", 1]', "$[1]")),
    "pydantic-dataclass": (Point, '{"x": 1}', Point(1), ('{"x": "a"}', "$.x")),
    "type-adapter": (
        pydantic.TypeAdapter(list[Mouse]),
        '{"value": [{"kind": "mouse", "size": 1}]}',
        [Mouse(kind="mouse", size=1)],
        ('{"value": [{"kind": "mouse", "size": "x"}]}', "$.value[0].size"),
    ),
    "struct": (
        Tree,
        '{"size": 1, "children": [{"size": 2, "children": []}]}',
        Tree(1, [Tree(2)]),
        ('{"size": 1, "children": [{"size": -1}]}', "$.children[0].size"),
    ),
    "renamed-struct": (
        Renamed,
        '{"firstName": "a"}',
        Renamed("a"),
        ('{"firstName": 1}', "$.firstName"),
    ),
    "list-of-models": (
        list[Person],
        '[{"fullName": "a"}]',
        [Person(fullName="a")],
        ('[{"fullName": "a"}, {}]', "$[1]"),
    ),
    "in-a-dataclass": (
        Mixed,
        '{"person":{"fullName":"a"},"other":{"fullName":"b"},"tree":{"size":1}}',
        Mixed(Person(fullName="a"), Person(fullName="b"), Tree(1)),
        (
            '{"person":{"fullName":"a"},"other":{"fullName":"b"},"tree":{"size":true}}',
            "$.tree.size",
        ),
    ),
    "model-or-null": (Person | None, "null", None, ('{"born": null}', "$")),
}


@pytest.mark.parametrize(("spec", "text", "value", "bad"), CASES.values(), ids=CASES)
def test_pydantic_or_msgspec_class_is_decoded_by_its_own_library(
    spec, text, value, bad
):
    """
    JSON for a class of pydantic or msgspec is decoded by that library. If its validator
    refuses a value, `OutputInvalidError` has the path of the value. The schema is made
    strict.
    """
    made = output_type(spec)
    body = made.response_format["json_schema"]

    jsonschema.Draft202012Validator.check_schema(body["schema"])
    assert body["strict"] is True
    assert "object" == body["schema"]["type"]
    assert value == made.read_text(text).value
    with pytest.raises(asi1.OutputInvalidError) as caught:
        made.read_text(bad[0])
    assert bad[1] == caught.value.path
    assert caught.value.expected


def test_error_has_the_message_of_the_pydantic_or_msgspec_validator():
    """
    If a validator of pydantic or msgspec refuses a value, the error has the validator's
    message, and the library's exception as its cause.
    """
    with pytest.raises(asi1.OutputInvalidError, match="a name is needed") as caught:
        output_type(Person).read_text('{"fullName": ""}')
    assert isinstance(caught.value.__cause__, pydantic.ValidationError)

    with pytest.raises(asi1.OutputInvalidError, match="Expected `int` >= 0") as caught:
        output_type(Tree).read_text('{"size": -1}')
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


def test_classes_of_the_same_name_have_separate_definitions():
    """
    In a schema, a class that is used twice has one definition. Two classes of the same
    name have two definitions.
    """
    schema = output_type(Mixed).response_format["json_schema"]["schema"]
    assert ["Person", "Tree"] == list(schema["$defs"])
    person = {"anyOf": [{"$ref": "#/$defs/Person"}], "description": "Another one"}
    assert person == schema["properties"]["other"]

    other = type("Tree", (pydantic.BaseModel,), {"__annotations__": {"x": int}})
    both = output_type(list[Tree | other | list[Tree] | list[other]])
    assert 4 == len(
        both.response_format["json_schema"]["schema"]["properties"]["value"]["items"][
            "anyOf"
        ]
    )


def test_schema_of_a_model_with_a_dict_is_not_strict():
    """
    The API cannot enforce the schema of a model with a dict of any keys. So the request
    says ``strict: false``.
    """

    class Free(pydantic.BaseModel):
        data: dict[str, int]

    body = output_type(Free).response_format["json_schema"]

    assert body["strict"] is False
    assert (
        Free(data={"a": 1}) == output_type(Free).read_text('{"data": {"a": 1}}').value
    )


@pytest.mark.parametrize(
    "spec",
    [
        Callback,
        Unresolved,
        Complex,
        pydantic.BaseModel,
        list[Callback],
        pydantic.TypeAdapter(Callback),
    ],
    ids=str,
)
def test_class_without_a_json_schema_raises_argument_error(spec):
    """
    If pydantic or msgspec has no JSON Schema for a class, the library raises an error
    of its own. `output_type` raises an `ArgumentError` in its place.
    """
    with pytest.raises(asi1.ArgumentError, match="no form in JSON Schema") as caught:
        output_type(spec)

    assert "response_format" == caught.value.argument


@pytest.mark.parametrize("cls", [Registered, RegisteredStruct])
def test_key_error_in_a_validator_raises_output_invalid_error(cls):
    """
    pydantic and msgspec do not catch a KeyError in a validator. asi1 raises an
    `OutputInvalidError` for such a KeyError, as it does for the validators of attrs and
    dataclasses.
    """
    with pytest.raises(asi1.OutputInvalidError) as caught:
        output_type(cls).read_text('{"code": 2}')

    assert "$" == caught.value.path
    assert isinstance(caught.value.__cause__, KeyError)
