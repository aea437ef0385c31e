"""
Output types: the schema of each type, its values in JSON, and the path of each wrong
value.
"""

import copy
import dataclasses
import datetime as dt
import enum
import json
import sys
import uuid

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypedDict,
    TypeVar,
)

import attrs
import cattrs
import jsonschema
import pytest

from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen, MultipleOf

import asi1

from asi1._models.completion import ChatChoice, ChatCompletion, ChatMessage, Usage
from asi1._protocol.schema.encode import encoded
from asi1._protocol.schema.output_type import output_type
from asi1._protocol.schema.strict import is_strict


T = TypeVar("T")
N = TypeVar("N", bound=float)
UserId = NewType("UserId", int)
Words = list[str]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Mode(enum.StrEnum):
    FAST = "fast"


class Mixed(enum.Enum):
    TEXT = "x"
    YES = True
    NOTHING = None


@attrs.define
class Point:
    """A place on a map."""

    x: float
    y: float = 0.0


@attrs.frozen
class Renamed:
    name: str = attrs.field(alias="fullName")
    _secret: int = 3
    year: Annotated[int, cattrs.override(rename="born")] = 2000


@attrs.define(kw_only=True)
class Adult:
    age: int = attrs.field(validator=attrs.validators.ge(18))
    tags: list[str] = attrs.Factory(list)
    cache: int = attrs.field(init=False, default=7)


@attrs.define
class Converted:
    words: tuple[str, ...] = attrs.field(converter=tuple)


@dataclasses.dataclass
class Person:
    name: str
    age: Annotated[int, "In years", Ge(0)]
    kids: "list[Person]" = dataclasses.field(default_factory=list)
    pet: "Cat | Dog | None" = None

    def __post_init__(self):
        if len(self.kids) > 2:
            raise ValueError("too many kids")


@dataclasses.dataclass(frozen=True, slots=True)
class Cat:
    kind: Literal["cat"]
    lives: int


@dataclasses.dataclass(frozen=True, slots=True)
class Dog:
    kind: Literal["dog"]
    tricks: frozenset[str]


@dataclasses.dataclass
class Circle:
    radius: float
    color: Color = Color.RED


@dataclasses.dataclass
class Square:
    side: float
    color: Color = Color.RED


class Movie(TypedDict):
    title: str
    year: NotRequired[int]
    rating: NotRequired[float | None]


class Film(Movie, total=False):
    length: Required[dt.timedelta]
    studio: str


class Row(NamedTuple):
    key: str
    count: int = 1


@attrs.define
class Page(Generic[T]):
    items: list[T]
    next: "Page[T] | None" = None


@attrs.define
class Pages(Page[list[T]]):
    last: T = attrs.field(kw_only=True)


@dataclasses.dataclass
class Bounded(Generic[N]):
    value: N


class Tree(TypedDict):
    label: str
    children: "list[Tree]"


class Employee(NamedTuple):
    name: str
    boss: "Employee | None"


@attrs.define
class Empty:
    pass


@attrs.define
class Order:
    id: uuid.UUID
    price: Decimal
    placed: dt.datetime
    due: dt.date | None
    sizes: set[Size]
    place: Point
    notes: dict[str, str]


ID = "12345678-1234-5678-1234-567812345678"
ORDER = {
    "id": ID,
    "price": "9.90",
    "placed": "2026-11-27T10:00:00+00:00",
    "due": None,
    "sizes": [2],
    "place": {"x": 1.0, "y": 2.0},
    "notes": {"to": "me"},
}
UTC = dt.UTC

# Each entry has a type, a JSON value, the Python value that it is decoded to, and JSON
# values that do not fit the type, each with the path of the wrong value.
TYPES: dict[str, tuple[Any, Any, Any, list[tuple[Any, str]]]] = {
    "str": (str, "a", "a", [(1, "$"), (None, "$"), (["a"], "$")]),
    "int": (int, 3, 3, [("3", "$"), (1.5, "$"), (True, "$"), (1e300, "$")]),
    "float": (float, 1.5, 1.5, [("1.5", "$"), (False, "$"), (10**400, "$")]),
    "bool": (bool, True, True, [(1, "$"), ("true", "$"), (0, "$")]),
    "none": (None, None, None, [(0, "$"), ("", "$"), ("null", "$")]),
    "any": (Any, {"a": [1]}, {"a": [1]}, []),
    "object": (object, "a", "a", []),
    "date": (
        dt.date,
        "2026-01-31",
        dt.date(2026, 1, 31),
        [
            ("2026-02-30", "$"),
            ("20260131", "$"),
            ("2026-01-31T00:00:00", "$"),
            (5, "$"),
        ],
    ),
    "datetime": (
        dt.datetime,
        "2026-01-31T10:00:00+00:00",
        dt.datetime(2026, 1, 31, 10, tzinfo=UTC),
        [("2026-01-31", "$"), ("2026-01-31T25:00:00Z", "$"), (1769853600, "$")],
    ),
    "time": (dt.time, "10:30:00", dt.time(10, 30), [("10", "$"), ("25:00:00", "$")]),
    "timedelta": (
        dt.timedelta,
        "-P1DT3.5S",
        -dt.timedelta(days=1, seconds=3.5),
        [("P1M", "$"), ("P", "$"), ("PT", "$"), (60, "$"), ("P99999999999D", "$")],
    ),
    "decimal": (
        Decimal,
        "1.10",
        Decimal("1.10"),
        [("NaN", "$"), ("1,5", "$"), ("", "$"), (True, "$"), ("٣", "$")],
    ),
    "uuid": (uuid.UUID, ID, uuid.UUID(ID), [(f"{{{ID}}}", "$"), (ID[:-1], "$")]),
    "enum-str": (Color, "red", Color.RED, [("RED", "$"), ("green", "$"), (0, "$")]),
    "enum-int": (Size, 1, Size.SMALL, [(True, "$"), ("1", "$"), (1.0, "$"), (3, "$")]),
    "enum-text": (Mode, "fast", Mode.FAST, [("Fast", "$")]),
    "enum-mixed": (Mixed, True, Mixed.YES, [(False, "$"), (1.0, "$"), ([], "$")]),
    "enum-mixed-null": (Mixed, None, Mixed.NOTHING, [("null", "$")]),
    "literal": (
        Literal["a", 1],
        1,
        1,
        [(True, "$"), ("b", "$"), (1.0, "$"), ({}, "$")],
    ),
    "literal-enum": (Literal[Color.RED, "x"], "red", Color.RED, [("blue", "$")]),
    "literal-null": (Literal["a", None], None, None, [("", "$")]),  # noqa: PYI061
    "optional": (Optional[int], None, None, [("", "$"), (1.5, "$")]),  # noqa: UP045
    "union": (int | str, "3", "3", [(1.5, "$"), (None, "$"), ([1], "$")]),
    "union-of-numbers": (float | int, 3, 3, [("3", "$")]),
    "union-with-dates": (
        str | dt.date,
        "2026-01-31",
        dt.date(2026, 1, 31),
        [(5, "$")],
    ),
    "union-of-lists": (list[int] | list[str], ["a"], ["a"], [([None], "$[0]")]),
    "list": (list[int], [1, 2], [1, 2], [([1, "2"], "$[1]"), ("12", "$"), ({}, "$")]),
    "bare-list": (list, [1, "a"], [1, "a"], [("a", "$")]),
    "alias": (Words, ["a"], ["a"], [([1], "$[0]"), ("abc", "$")]),
    "sequence": (Sequence[str], ["a"], ["a"], [("abc", "$")]),
    "deque": (deque[int], [1], deque([1]), [([1, None], "$[1]")]),
    "set": (set[int], [1], {1}, [([1, "1"], "$[1]")]),
    "frozenset": (frozenset[Color], ["red"], frozenset({Color.RED}), [(["x"], "$[0]")]),
    "tuple": (
        tuple[int, str],
        [1, "a"],
        (1, "a"),
        [([1], "$"), ([1, "a", 2], "$"), (["a", 1], "$[0]")],
    ),
    "tuple-variadic": (tuple[int, ...], [1, 2, 3], (1, 2, 3), [([1, None], "$[1]")]),
    "tuple-empty": (tuple[()], [], (), [([1], "$")]),
    "dict": (
        dict[str, int],
        {"a b": 1},
        {"a b": 1},
        [({"a b": "1"}, '$["a b"]'), ([], "$")],
    ),
    "dict-of-choices": (
        Mapping[Color, int],
        {"red": 1},
        {Color.RED: 1},
        [({"green": 1}, "$.green"), ({"red": "1"}, "$.red")],
    ),
    "attrs": (
        Point,
        {"x": 1.0, "y": 2.0},
        Point(1.0, 2.0),
        [({"y": 1.0}, "$.x"), ({"x": 1, "z": 2}, "$.z"), ({"x": "1"}, "$.x")],
    ),
    "attrs-renamed": (
        Renamed,
        {"fullName": "a", "secret": 1, "born": 1990},
        Renamed("a", 1, 1990),
        [({"name": "a"}, "$.name"), ({"fullName": "a", "_secret": 1}, "$._secret")],
    ),
    "attrs-validator": (
        Adult,
        {"age": 18, "tags": []},
        Adult(age=18),
        [({"age": 17}, "$.age"), ({"age": 18, "cache": 1}, "$.cache")],
    ),
    "attrs-converter": (
        Converted,
        {"words": ["a"]},
        Converted(["a"]),
        [({"words": "ab"}, "$.words")],
    ),
    "attrs-empty": (Empty, {}, Empty(), [({"a": 1}, "$.a"), ([], "$")]),
    "attrs-nested": (
        Order,
        ORDER,
        Order(
            id=uuid.UUID(ID),
            price=Decimal("9.90"),
            placed=dt.datetime(2026, 11, 27, 10, tzinfo=UTC),
            due=None,
            sizes={Size.LARGE},
            place=Point(1.0, 2.0),
            notes={"to": "me"},
        ),
        [
            ({**ORDER, "sizes": [3]}, "$.sizes[0]"),
            ({**ORDER, "notes": {"to": 1}}, "$.notes.to"),
            ({**ORDER, "place": {"x": None}}, "$.place.x"),
        ],
    ),
    "dataclass-recursive": (
        Person,
        {
            "name": "a",
            "age": 40,
            "kids": [{"name": "b", "age": 9, "kids": [], "pet": None}],
            "pet": {"kind": "cat", "lives": 9},
        },
        Person("a", 40, [Person("b", 9)], Cat("cat", 9)),
        [
            (
                {"name": "a", "age": 4, "kids": [{"name": "b", "age": -1}]},
                "$.kids[0].age",
            ),
            ({"name": "a", "age": 4, "kids": [{"name": "b"}]}, "$.kids[0].age"),
            ({"name": "a", "age": 4, "pet": {"kind": "cow"}}, "$.pet.kind"),
            (
                {"name": "a", "age": 4, "pet": {"kind": "dog", "lives": 1}},
                "$.pet.lives",
            ),
            ({"name": "a", "age": 4, "pet": 5}, "$.pet"),
            ({"name": "a", "age": 4, "kids": [{"name": "b", "age": 1}] * 3}, "$"),
        ],
    ),
    "union-tagged": (
        Cat | Dog,
        {"kind": "dog", "tricks": ["sit"]},
        Dog("dog", frozenset({"sit"})),
        [
            ({"kind": "dog", "tricks": [1]}, "$.tricks[0]"),
            ({"kind": 1, "lives": 1}, "$.kind"),
            ({"lives": 1}, "$.kind"),
            ([], "$"),
        ],
    ),
    "union-by-keys": (
        Circle | Square,
        {"side": 1.0, "color": "blue"},
        Square(1.0, Color.BLUE),
        [({"side": "1"}, "$.side"), ({"radius": 1, "color": "x"}, "$.color")],
    ),
    "union-of-class-and-list": (
        Cat | list[Cat],
        [{"kind": "cat", "lives": 9}],
        [Cat("cat", 9)],
        [([{"kind": "cat", "lives": "9"}], "$[0].lives"), ({"kind": "cat"}, "$.lives")],
    ),
    "union-of-class-and-dict": (
        Point | dict[str, str],
        {"a": "b"},
        {"a": "b"},
        [({"a": 1}, "$.a")],
    ),
    "typeddict": (
        Movie,
        {"title": "a", "rating": None},
        {"title": "a", "rating": None},
        [({"year": 1}, "$.title"), ({"title": "a", "year": "1"}, "$.year")],
    ),
    "typeddict-not-total": (
        Film,
        {"title": "a", "length": "P0DT90S"},
        {"title": "a", "length": dt.timedelta(seconds=90)},
        [({"title": "a"}, "$.length"), ({"title": "a", "length": 1}, "$.length")],
    ),
    "typeddict-recursive": (
        Tree,
        {"label": "a", "children": [{"label": "b", "children": []}]},
        {"label": "a", "children": [{"label": "b", "children": []}]},
        [({"label": "a", "children": [{"label": "b"}]}, "$.children[0].children")],
    ),
    "namedtuple": (
        Row,
        {"key": "a", "count": 2},
        Row("a", 2),
        [(["a", 2], "$"), ({"key": "a", "count": "2"}, "$.count")],
    ),
    "namedtuple-recursive": (
        Employee,
        {"name": "a", "boss": {"name": "b", "boss": None}},
        Employee("a", Employee("b", None)),
        [({"name": "a", "boss": {"name": "b"}}, "$.boss.boss")],
    ),
    "generic": (
        Page[int],
        {"items": [1], "next": {"items": [2], "next": None}},
        Page([1], Page([2])),
        [({"items": [1], "next": {"items": ["2"]}}, "$.next.items[0]")],
    ),
    "generic-of-class": (
        Page[Cat],
        {"items": [{"kind": "cat", "lives": 1}], "next": None},
        Page([Cat("cat", 1)]),
        [({"items": [{"kind": "dog", "lives": 1}]}, "$.items[0].kind")],
    ),
    "generic-inherited": (
        Pages[int],
        {"items": [[1]], "next": None, "last": 3},
        Pages([[1]], None, last=3),
        [
            ({"items": [1], "last": 3}, "$.items[0]"),
            ({"items": [], "last": ""}, "$.last"),
        ],
    ),
    "generic-bound": (
        Bounded,
        {"value": 1.5},
        Bounded(1.5),
        [({"value": ""}, "$.value")],
    ),
    "newtype": (UserId, 5, 5, [("5", "$")]),
    "described": (Annotated[str, "The name"], "a", "a", [(1, "$")]),
    "bounded-int": (Annotated[int, Gt(0), Le(9)], 9, 9, [(0, "$"), (10, "$")]),
    "interval": (
        Annotated[float, Interval(ge=0, lt=1)],
        0.5,
        0.5,
        [(1.0, "$"), (-1, "$")],
    ),
    "multiple": (Annotated[float, MultipleOf(0.5)], 1.5, 1.5, [(1.25, "$")]),
    "bounded-str": (Annotated[str, Len(2, 3)], "ab", "ab", [("a", "$"), ("abcd", "$")]),
    "bounded-list": (
        Annotated[list[Annotated[int, Lt(5)]], MinLen(1)],
        [1],
        [1],
        [([], "$"), ([1, 5], "$[1]")],
    ),
    "bounded-dict": (
        Annotated[dict[str, int], MinLen(1)],
        {"a": 1},
        {"a": 1},
        [({}, "$")],
    ),
    "bounded-optional": (Annotated[int | None, Ge(3)], None, None, [(2, "$")]),
    "bounded-date": (
        Annotated[dt.date, Ge(dt.date(2026, 1, 1))],
        "2026-01-01",
        dt.date(2026, 1, 1),
        [("2025-12-31", "$")],
    ),
    "bounded-decimal": (Annotated[Decimal, Gt(0)], "0.1", Decimal("0.1"), [("0", "$")]),
}
NOT_STRICT = {
    *("any", "object", "bare-list", "dict", "dict-of-choices", "bounded-dict"),
    *("attrs-nested", "union-of-class-and-dict"),
}
BAD = [
    pytest.param(spec, value, path, id=f"{name}-{number}")
    for name, (spec, _, _, bad) in TYPES.items()
    for number, (value, path) in enumerate(bad)
]


def schema_of(spec):
    """Return the JSON Schema that a request has for a type."""
    return output_type(spec).response_format["json_schema"]["schema"]


def is_wrapped(spec, value):
    """Return whether a type's values are sent inside an object: ``{"value": ...}``."""
    keys = schema_of(spec).get("properties", {}).keys()
    return keys == {"value"} and not (isinstance(value, dict) and "value" in value)


@pytest.mark.system
@pytest.mark.parametrize(("spec", "data", "value", "_"), TYPES.values(), ids=TYPES)
def test_value_of_each_type_is_decoded_from_json_and_becomes_the_same_json(
    spec, data, value, _
):
    """
    JSON for each type is decoded to a value, and the value becomes the same JSON again.
    A value that is not an object may stand alone or in the object that the schema asks
    for.
    """
    texts = [json.dumps(data)]
    if is_wrapped(spec, data):
        texts.append(json.dumps({"value": data}))
    for text in texts:
        parsed = output_type(spec).read_text(text)

        assert value == parsed.value
        assert type(value) is type(parsed.value)
        assert () == parsed.parsed_from
    assert data == encoded(value)


@pytest.mark.parametrize(("spec", "value", "path"), BAD)
def test_json_that_does_not_fit_a_type_raises_an_error_with_a_path(spec, value, path):
    """
    JSON that does not fit a type raises an error with the path of the wrong value and
    the answer's text. Nothing is converted: not "3" to 3, 1 to True, nor 1.5 to 1.
    """
    text = json.dumps(value)
    with pytest.raises(asi1.OutputInvalidError) as caught:
        output_type(spec).read_text(text)

    assert path == caught.value.path
    assert text == caught.value.text
    assert path in str(caught.value)
    assert caught.value.expected

    if is_wrapped(spec, value):
        with pytest.raises(asi1.OutputInvalidError) as caught:
            output_type(spec).read_text(json.dumps({"value": value}))
        assert path.replace("$", "$.value", 1) == caught.value.path


@pytest.mark.parametrize("name", TYPES)
def test_schema_is_valid_and_strict_and_accepts_json_of_the_type(name):
    """
    Each schema is valid JSON Schema, describes an object at the top, and accepts JSON
    of its type. The schema is strict unless the type has a dict or ``Any``; then the
    request says ``strict: false``.
    """
    spec, data, *_ = TYPES[name]
    body = output_type(spec).response_format["json_schema"]
    schema = body["schema"]

    jsonschema.Draft202012Validator.check_schema(schema)
    assert "object" == schema["type"]
    assert not schema.keys() & {"anyOf", "$ref"}
    assert (name not in NOT_STRICT) is body["strict"] is is_strict(schema)
    sent = {"value": data} if is_wrapped(spec, data) else data
    full = complete(sent, schema, schema)
    jsonschema.Draft202012Validator(schema).validate(full)
    output_type(spec).read_text(json.dumps(full))


def complete(value, schema, root):
    """Return *value* with null for each missing key that a strict schema requires."""
    schema = root["$defs"][schema["$ref"][8:]] if "$ref" in schema else schema
    if isinstance(value, dict) and "properties" in schema:
        missing = {key: None for key in schema["required"] if key not in value}
        return value | missing
    return value


@pytest.mark.system
@pytest.mark.parametrize("name", TYPES)
def test_openais_function_for_strict_schemas_leaves_asi1s_schemas_unchanged(name):
    """
    OpenAI's library has a function that makes a schema strict. This function changes
    nothing in a strict schema of asi1.
    """
    pydantic = pytest.importorskip(
        "openai.lib._pydantic", reason="openai is installed by nox -s compare only"
    )
    if name in NOT_STRICT:
        return
    schema = schema_of(TYPES[name][0])

    assert schema == pydantic._ensure_strict_json_schema(
        copy.deepcopy(schema), path=(), root=copy.deepcopy(schema)
    )


@pytest.mark.system
@pytest.mark.parametrize(
    "cls", [Point, Person, Circle, Square, Row, Cat, Size, list[int]]
)
def test_openai_library_requires_the_same_keys_for_the_same_class(cls):
    """
    If pydantic can describe a class, the schema that OpenAI's library makes for this
    class requires the same keys as asi1's schema.
    """
    library = pytest.importorskip(
        "openai.lib._pydantic", reason="openai is installed by nox -s compare only"
    )
    pydantic = pytest.importorskip("pydantic")
    if attrs.has(cls):
        fields = {a.name: (a.type, ...) for a in attrs.fields(cls)}
        theirs = library.to_strict_json_schema(pydantic.create_model("M", **fields))
    else:
        adapter = pydantic.TypeAdapter(cls)
        theirs = library.to_strict_json_schema(adapter)
    if "required" in theirs:
        assert theirs["required"] == schema_of(cls)["required"]
        assert theirs["additionalProperties"] is False


def test_null_or_missing_key_is_decoded_as_the_fields_default():
    """
    A strict schema requires every key, so the model writes null in place of a default.
    This null is decoded as the default, unless the field's type allows null. A missing
    key is decoded as the default, whatever the type.
    """
    read = output_type(Circle).read_text

    assert Circle(1.0) == read('{"radius": 1, "color": null}').value
    assert Circle(1.0) == read('{"radius": 1}').value
    assert {"title": "a"} == output_type(Movie).read_text(
        '{"title":"a","year":null}'
    ).value


def test_too_deeply_nested_json_raises_output_invalid_error():
    """
    JSON that is nested deeper than Python can parse, or deeper than asi1 allows in
    answers, raises `OutputInvalidError`.
    """
    deep = '{"label":"a","children":[' * 150 + "]}" * 150

    with pytest.raises(asi1.OutputInvalidError):
        output_type(Tree).read_text(deep)


@pytest.mark.system
def test_output_type_returns_the_same_object_for_the_same_type():
    """
    `output_type` returns the same object if it is called again for the same type.
    """
    assert output_type(Point) is output_type(Point)
    assert output_type(Page[int]) is not output_type(Page[str])
    assert output_type(Literal[1]) is not output_type(Literal[True])


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (Point, "Point"),
        (Page[int], "Page_int"),
        (list[Cat], "list_Cat"),
        (Cat | Dog, "Cat_Dog"),
        (Annotated[int, Ge(0)], "int"),
        (tuple[(int,) * 40], ("tuple" + "_int" * 40)[:64]),
    ],
)
def test_response_format_is_named_after_the_type(spec, name):
    """
    The name in ``response_format`` is the type's name, reduced to ASCII letters, digits
    and "_", and to at most 64 characters.
    """
    assert name == output_type(spec).response_format["json_schema"]["name"]


SCHEMA = {"type": "object", "title": "My Thing", "properties": {}}


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        (
            SCHEMA,
            {
                "type": "json_schema",
                "json_schema": {"name": "My_Thing", "strict": False, "schema": SCHEMA},
            },
        ),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        ),
    ],
)
def test_json_schema_in_place_of_a_type_is_sent_unchanged(spec, sent):
    """
    A caller may pass a JSON Schema or a complete ``response_format`` in place of a
    type. This dict is sent unchanged, and the answer becomes plain data that is not
    checked against the schema.
    """
    made = output_type(spec)

    assert sent == made.response_format
    assert {"a": 1} == made.read_text('```\n{"a": 1}\n```').value


@pytest.mark.parametrize("spec", [{}, {1: 2}])
def test_dict_that_is_not_a_json_schema_raises_argument_error(spec):
    """
    A dict that cannot be a JSON Schema raises `ArgumentError`.
    """
    with pytest.raises(asi1.ArgumentError, match="not a JSON Schema"):
        output_type(spec)


def answer(text="", reason="stop", usage=None, thoughts="", **message):
    """Return an answer of the server."""
    message = ChatMessage(content=text, **message)
    choice = ChatChoice(message=message, finish_reason=reason)
    return ChatCompletion(choices=(choice,), usage=usage, thoughts=thoughts)


@pytest.mark.parametrize(
    ("completion", "error", "words"),
    [
        (answer('{"x":', "length"), asi1.OutputTruncatedError, "token limit"),
        (answer('{"x":1}', "length"), asi1.OutputTruncatedError, "token limit"),
        (answer("", "length"), asi1.OutputTruncatedError, "token limit"),
        (answer('{"x":'), asi1.OutputTruncatedError, "cut off"),
        (answer("", "length", thoughts="hm"), asi1.ThoughtBudgetError, "thoughts"),
        (answer(" ", "length", reasoning="hm"), asi1.ThoughtBudgetError, "thoughts"),
        (
            answer("", "length", Usage(reasoning_tokens=5)),
            asi1.ThoughtBudgetError,
            "thoughts",
        ),
        (answer("", refusal="I will not"), asi1.OutputRefusedError, "I will not"),
        (answer("x", "content_filter"), asi1.OutputRefusedError, "filter"),
        (answer("", thoughts="hm"), asi1.OutputInvalidError, "empty"),
        (answer("hello"), asi1.OutputInvalidError, "not JSON"),
        (answer('{"x":"1"}'), asi1.OutputInvalidError, r"\$\.x"),
    ],
)
def test_truncated_refused_or_invalid_answer_raises_its_own_error_class(
    completion, error, words
):
    """
    An answer that is truncated, refused or invalid, or whose tokens were used up by
    thoughts, raises an error class for this case. The error has the text and the
    complete answer.
    """
    with pytest.raises(asi1.OutputError, match=words) as caught:
        output_type(Point).read(completion)

    assert error is type(caught.value)
    assert completion == caught.value.completion
    assert completion.text == caught.value.text


@pytest.mark.parametrize("reason", ["max_tokens", "MAX_TOKENS", "model_length"])
def test_number_counts_as_truncated_if_the_finish_reason_means_length(reason):
    """
    A number may be cut off unnoticed. So it counts as truncated if the finish reason is
    any server's word for "length", such as "max_tokens".
    """
    with pytest.raises(asi1.OutputTruncatedError):
        output_type(int).read(answer("12", reason))


def test_complete_answer_is_decoded_and_the_removed_text_is_named():
    """
    A complete answer is decoded to a value. ``parsed_from`` names the text that was
    removed around the JSON, such as a fence.
    """
    parsed = output_type(Point).read(answer('Sure:\n```json\n{"x": 1,}\n```'))

    assert Point(1.0) == parsed.value
    assert ("fence", "text", "trailing comma") == parsed.parsed_from


def test_output_type_does_not_load_other_libraries():
    """
    Describing and decoding a type does not import pydantic, msgspec, jsonschema or
    annotated_types.
    """
    import subprocess

    code = (
        "import sys, attrs\n"
        "from asi1._protocol.schema.output_type import output_type\n"
        "A = attrs.make_class('A', {'x': attrs.field(type=int)})\n"
        "print(output_type(A).read_text('{\"x\": 1}').value)\n"
        "print({'pydantic', 'msgspec', 'jsonschema', 'annotated_types',"
        " 'docstring_parser'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "A(x=1)\nset()\n" == done.stdout
