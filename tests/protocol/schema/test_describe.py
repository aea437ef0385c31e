"""
Which types JSON Schema can describe, and the errors for types that it cannot describe.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum

from collections.abc import Callable, Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
)

import attrs
import cattrs
import pytest
import typing_extensions as te

import asi1

from asi1._protocol.schema.output_type import output_type


if TYPE_CHECKING:
    from decimal import Decimal as Hidden

T = TypeVar("T")
K = TypeVar("K", int, str)
Pair = te.TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Either = te.TypeAliasType("Either", int | list[str])


class Plain:
    """A class without fields."""

    x: int


class Odd(enum.Enum):
    PAIR = (1, 2)


class NoMembers(enum.Enum):
    pass


@attrs.define
class Line:
    text: str
    raw: bytes = b""


@attrs.define
class Order:
    lines: list[Line]


@dataclasses.dataclass
class Postponed:
    other: Postponed | None
    pair: Pair[int]
    either: Either
    final: Final[int] = 3
    more: dataclasses.InitVar[int] = 4


@dataclasses.dataclass
class Unresolved:
    hidden: Hidden


@attrs.define
class Twice:
    a: int = attrs.field(alias="name")
    b: Annotated[int, cattrs.override(rename="name")]


class WithChoices(TypedDict, Generic[K]):
    key: te.ReadOnly[te.NotRequired[K]]


class Documented(NamedTuple):
    """
    A thing.

    It has two lines
    of text.

    Attributes:
        first: The first of
            two.
        second: Not shown.
    """

    first: int
    second: Annotated[int, "The second"] = 2


@dataclasses.dataclass
class Undocumented:
    first: int = dataclasses.field(default=1, metadata={"description": "The first."})


@attrs.define
class Bound:
    min_length: int | None = None
    pattern: str | None = None


class Runnable(Protocol):
    x: int


def schema_of(spec):
    """Return the JSON Schema of a type."""
    return output_type(spec).response_format["json_schema"]["schema"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (bytes, r"bytes: .*base64"),
        (complex, r"complex: .*two floats"),
        (list[bytes], r"list\[bytes\]\[\]: bytes has no form"),
        (Order, r"Order\.lines\[\]\.raw: bytes has no form"),
        (dict[int, str], r"a dict with an integer as key .*keys of type str"),
        (dict[str, bytes], r"values\(\): bytes"),
        (Mapping[Literal["a", 1], int], r"as key"),
        (tuple[int, bytes], r"\[1\]: bytes"),
        (int | bytes, r"bytes"),
        (Callable[[int], str], r"Callable"),
        (type[int], r"type\[int\]"),
        (Plain, r"Plain: Plain has no form in JSON Schema; use an attrs class"),
        (Runnable, r"Runnable"),
        (asyncio.Queue[int], r"Queue\[int\]"),
        (Odd, r"the constant \(1, 2\) has no form"),
        (NoMembers, r"without members"),
        (Literal[b"a"], r"b'a'"),
        ("Order", r"a string in place of a type"),
        (list["Order"], r"a string in place of a type"),
        (3, r"3 has no form"),
        ([int], r"a list has no form"),
        (Unresolved, r"'Hidden' names no type .*TYPE_CHECKING"),
        (Twice, r"two fields of the same name"),
        (
            Annotated[int, Bound(min_length=2)],
            r"min_length",
        ),
        (
            Annotated[str, Bound(pattern="(")],
            r"str: the pattern .*is not valid",
        ),
    ],
)
def test_type_that_json_schema_cannot_describe_raises_argument_error(spec, words):
    """
    A type that JSON Schema cannot describe raises `ArgumentError`. The error has the
    path inside the type, and says which type to use instead.
    """
    with pytest.raises(asi1.ArgumentError, match=words) as caught:
        output_type(spec)

    assert "response_format" == caught.value.argument


def test_class_inside_a_function_may_refer_to_itself_but_not_to_another_class():
    """
    A class that is defined in a function may name itself in postponed annotations. The
    class may not name another class of the function, since only the function knows that
    name.
    """

    @dataclasses.dataclass
    class Node:
        children: list[Node]

    @dataclasses.dataclass
    class Holder:
        node: Node

    value = output_type(Node).read_text('{"children": [{"children": []}]}').value
    assert Node([Node([])]) == value
    with pytest.raises(asi1.ArgumentError, match=r"Holder: .*'Node' names no type"):
        output_type(Holder)


def test_aliases_qualifiers_and_postponed_annotations_are_resolved():
    """
    A type alias, even a generic one, stands for the type that it names. ``Final``,
    ``ReadOnly`` and ``InitVar`` stand for the type inside their brackets.
    """
    text = '{"other": null, "pair": [1, 2], "either": ["a"], "final": 1, "more": 1}'

    assert (
        Postponed(None, (1, 2), ["a"], 1)
        == output_type(Postponed).read_text(text).value
    )
    assert {"key": "a"} == output_type(WithChoices).read_text('{"key": "a"}').value
    assert {"key": 1} == output_type(WithChoices[int]).read_text('{"key": 1}').value
    with pytest.raises(asi1.OutputInvalidError):
        output_type(WithChoices[int]).read_text('{"key": "a"}')


def test_type_alias_that_contains_itself_raises_argument_error():
    """
    A type alias that contains itself raises `ArgumentError`, since only classes can be
    recursive.
    """
    scope: dict[str, Any] = {"TypeAliasType": te.TypeAliasType}
    try:
        exec("type Tree = list[Tree]", scope)
    except SyntaxError:  # Python 3.11 has no `type` statement
        pytest.skip("this Python has no statement `type`")
    with pytest.raises(asi1.ArgumentError, match="recursive alias"):
        output_type(scope["Tree"])


def test_iterable_is_decoded_from_an_array_as_a_list():
    """
    A JSON array becomes a list where the type is an ``Iterable``.
    """
    assert [1] == output_type(Iterable[int]).read_text("[1]").value


def test_docstrings_of_classes_become_descriptions_in_the_schema():
    """
    A class's docstring describes the class in the schema, and its ``Attributes``
    section describes the fields. A description in a field's annotation is preferred.
    The field's default is added to the description.
    """
    schema = schema_of(Documented)

    assert "A thing.\n\nIt has two lines of text." == schema["description"]
    assert "The first of two." == schema["properties"]["first"]["description"]
    assert "The second. Default: 2." == schema["properties"]["second"]["description"]
    assert "description" not in schema_of(Undocumented)
    first = schema_of(Undocumented)["properties"]["first"]
    assert "The first. Default: 1." == first["description"]
    assert ["integer", "null"] == first["type"]


def test_renames_of_the_global_cattrs_converter_hold_in_schema_and_decoder():
    """
    If a hook of cattrs' global converter renames a field, the schema and the decoder
    use the new name.
    """
    cls = attrs.make_class("Named", {"first": attrs.field(type=int)})
    converter = cattrs.global_converter
    hook = cattrs.gen.make_dict_structure_fn(
        cls, converter, first=cattrs.override(rename="1st")
    )
    converter.register_structure_hook(cls, hook)

    assert ["1st"] == schema_of(cls)["required"]
    assert cls(1) == output_type(cls).read_text('{"1st": 1}').value
