"""
JSON is decoded as types that hypothesis generates, without loss and without conversion.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import json

from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NamedTuple, Optional, Self, TypedDict

import attrs
import jsonschema
import pytest

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asi1._protocol.schema.decode import decoder_of
from asi1._protocol.schema.describe import Describer
from asi1._protocol.schema.encode import encoded
from asi1._protocol.schema.mismatch import MismatchError
from asi1._protocol.schema.output_type import output_type


class Level(Enum):
    LOW = "low"
    HIGH = 2


numbers = itertools.count()
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
DAYS = st.timedeltas(dt.timedelta(days=-99), dt.timedelta(days=99))
# Each pair has a type and a hypothesis strategy for values of the type.
PLAIN = st.sampled_from(
    [
        (str, TEXT),
        (int, st.integers(-(2**70), 2**70)),
        (float, st.floats(allow_nan=False, allow_infinity=False)),
        (bool, st.booleans()),
        (None, st.none()),
        (dt.date, st.dates()),
        (dt.datetime, st.datetimes().map(lambda each: each.replace(fold=0))),
        (dt.time, st.times().map(lambda each: each.replace(fold=0))),
        (dt.timedelta, DAYS),
        (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
        (Level, st.sampled_from(Level)),
        (Literal["a", 1, True], st.sampled_from(["a", 1, True])),
    ]
)


def arrays(inner):
    """Return a strategy for array types whose items have the types in *inner*."""
    return inner.flatmap(
        lambda each: st.sampled_from(
            [
                (list[each[0]], st.lists(each[1], max_size=3)),
                (tuple[each[0], ...], st.lists(each[1], max_size=3).map(tuple)),
                (tuple[each[0], int], st.tuples(each[1], st.integers())),
                (dict[str, each[0]], st.dictionaries(TEXT, each[1], max_size=3)),
                (Optional[each[0]], st.none() | each[1]),  # noqa: UP045
            ]
        )
    )


def classes(inner):
    """Return a strategy for classes of four kinds, with field types from *inner*."""
    fields = st.dictionaries(
        st.sampled_from(["a", "b_c", "kind", "value"]), inner, min_size=1, max_size=3
    )
    return st.tuples(st.sampled_from(MAKERS), fields).map(lambda made: made[0](made[1]))


def attrs_class(fields):
    """Return an attrs class and a strategy for its values."""
    types = {name: attrs.field(type=kind) for name, (kind, _) in fields.items()}
    return built(attrs.make_class(f"A{next(numbers)}", types), fields)


def data_class(fields):
    """Return a dataclass and a strategy for its values."""
    types = [(name, kind) for name, (kind, _) in fields.items()]
    return built(dataclasses.make_dataclass(f"D{next(numbers)}", types), fields)


def named_tuple(fields):
    """Return a NamedTuple and a strategy for its values."""
    types = [(name, kind) for name, (kind, _) in fields.items()]
    return built(NamedTuple(f"N{next(numbers)}", types), fields)


def typed_dict(fields):
    """Return a TypedDict and a strategy for its values."""
    types = {name: kind for name, (kind, _) in fields.items()}
    return built(TypedDict(f"T{next(numbers)}", types), fields)


def built(cls, fields):
    """Return *cls* with the strategy that builds it from its fields' values."""
    values = {name: strategy for name, (_, strategy) in fields.items()}
    return cls, st.builds(cls, **values)


MAKERS = [attrs_class, data_class, named_tuple, typed_dict]
TYPES = st.recursive(
    PLAIN, lambda inner: st.one_of(arrays(inner), classes(inner)), max_leaves=6
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
GENERATED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def decoder(spec):
    """Return the decoder of a type."""
    return decoder_of(Describer("response_format", {}).shape(spec))


@pytest.mark.system
@GENERATED
@given(st.data())
def test_value_of_a_generated_type_is_decoded_from_its_json(data):
    """
    A value of a generated type becomes JSON that is valid against the type's schema.
    Decoding this JSON gives an equal value.
    """
    spec, values = data.draw(TYPES)
    value = data.draw(values)
    made = output_type(spec)
    schema = made.response_format["json_schema"]["schema"]
    sent = encoded(value)
    if isinstance(sent, float) and sent.is_integer():
        sent = float(sent)

    jsonschema.Draft202012Validator.check_schema(schema)
    wrapped = schema.get("properties", {}).keys() == {"value"} and not has_fields(spec)
    full = {"value": sent} if wrapped else sent
    jsonschema.Draft202012Validator(schema).validate(full)
    found = made.read_text(json.dumps(full)).value

    assert value == found
    assert repr(value) == repr(found) or isinstance(value, dict)


def has_fields(spec):
    """Return whether a generated type is a class with fields."""
    return getattr(spec, "__name__", "")[1:].isdecimal()


@pytest.mark.system
@GENERATED
@given(TYPES, ANY_JSON)
def test_any_json_is_decoded_exactly_or_refused(made, data):
    """
    Any JSON is either refused, with a path to the wrong value, or decoded without loss:
    the decoded value becomes the same JSON again.
    """
    spec, _ = made
    try:
        value = decoder(spec)(data)
    except MismatchError as mismatch:
        for step in reversed(mismatch.steps):
            data = data[step] if mismatch.found != "no such key" else data
        return
    assert same(data, encoded(value))


def same(left, right):
    """Return whether two JSON values are equal. 3 equals 3.0, but 1 does not equal
    True.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        keys = left.keys() | right.keys()
        return all(same(left.get(key), right.get(key)) for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, str):
        return Decimal(repr(left)) == Decimal(right)  # Decimals are strings in JSON
    return left == right or (isinstance(right, float) and float(left) == right)


def test_message_of_a_failed_validator_is_in_the_mismatch_error():
    """
    If a validator or ``__post_init__`` fails, its message is in the `MismatchError`. If
    a field's validator failed, the error's path leads to the field, otherwise to the
    object.
    """

    def even(instance, attribute, value):
        if value % 2:
            raise ValueError(f"{value} is odd")

    @attrs.define
    class Pair:
        left: int = attrs.field(validator=even, alias="L")
        right: int = attrs.field(validator=attrs.validators.instance_of(str))

        def __attrs_post_init__(self):
            raise RuntimeError

    @dataclasses.dataclass
    class Never:
        def __post_init__(self):
            raise RuntimeError

    pairs = {"Pair": Pair}
    left = "$.L: 1 is odd (found the number 1)"
    right = (
        "$.right: 'right' must be <class 'str'> (got 2 that is a <class 'int'>)."
        " (found the number 2)"
    )
    for data, words in (({"L": 1, "right": 2}, left), ({"L": 2, "right": 2}, right)):
        shape = Describer("x", pairs).shape(attrs.resolve_types(Pair, globals()))
        with pytest.raises(MismatchError) as caught:
            decoder_of(shape)(data)
        assert words == str(caught.value)
        assert isinstance(caught.value.__cause__, ValueError | TypeError)
    with pytest.raises(MismatchError, match=r"\$\[1\]: RuntimeError"):
        decoder(list[Never | int])([3, {}])


def test_object_has_the_keys_of_its_type_whatever_their_names_are():
    """
    A JSON object is decoded with the same keys, even if a key cannot be the name of an
    argument in Python source.
    """
    for key in ("class", "__debug__", "a b", "\ufb01", "self", "v0", "value"):
        spec = TypedDict("Odd", {key: int, "other": str})

        assert {key: 1, "other": "a"} == decoder(spec)({"other": "a", key: 1})
        with pytest.raises(MismatchError) as caught:
            decoder(spec)({"other": "a", key: "b"})
        assert [key] == caught.value.steps


def test_validator_is_called_once_for_each_value():
    """
    Each value is validated once, even if another value does not fit, or if the object
    has null in place of a default.
    """
    seen = []

    def note(instance, attribute, value):
        seen.append(value)

    @attrs.define
    class Inner:
        number: int = attrs.field(validator=note)
        name: str = "a"

    # A class statement could use `Inner` only if it were a name of the module.
    outer = TypedDict("Outer", {"first": Inner, "second": Inner})  # noqa: UP013
    read = decoder(outer)

    whole = read({"first": {"number": 1, "name": "b"}, "second": {"number": 2}})
    assert {"first": Inner(1, "b"), "second": Inner(2)} == whole
    assert [1, 2] == seen[:2]
    seen.clear()
    for second in ({"number": 4, "name": 5}, {"number": 4, "x": 5}, {}, 6):
        with pytest.raises(MismatchError):
            read({"first": {"number": 3, "name": None}, "second": second})
    with pytest.raises(MismatchError):
        read({"first": {"number": 3}})
    assert [3] * 5 == seen


def by_name_alone(init):
    """Return *init*, with the same signature, but without positional arguments."""

    @functools.wraps(init)
    def wrapped(self, **values):
        init(self, **values)

    return wrapped


class Swapping(type):
    """A metaclass whose classes take their two arguments in reverse order."""

    def __call__(cls, second, first):
        return super().__call__(first, second)


@dataclasses.dataclass
class OtherOrder:
    first: int
    second: int

    def __init__(self, second: int, first: int) -> None:
        self.first, self.second = first, second


@dataclasses.dataclass
class OtherNew:
    first: int
    second: int

    def __new__(cls, first: int, second: int) -> Self:
        return super().__new__(cls)

    __init__ = OtherOrder.__init__


@dataclasses.dataclass
class Wrapped:
    first: int
    second: int


Wrapped.__init__ = by_name_alone(Wrapped.__init__)


@dataclasses.dataclass(kw_only=True)
class ByName:
    first: int
    second: int


@attrs.define
class Swapped(metaclass=Swapping):
    first: int
    second: int


@attrs.define
class HalfByName:
    second: int
    first: int = attrs.field(kw_only=True)


class Named(TypedDict):
    names: list[str]
    other: int


@pytest.mark.parametrize(
    "cls", [OtherOrder, OtherNew, Wrapped, ByName, Swapped, HalfByName]
)
def test_each_field_gets_its_value_whatever_the_order_of_arguments_is(cls):
    """
    Each field gets the value of its own key, even if the class takes its arguments by
    name only, or not in the order of its fields.
    """
    value = decoder(cls)({"first": 1, "second": 2})

    assert (1, 2) == (value.first, value.second)


def test_list_is_not_shared_with_the_json_that_it_was_decoded_from():
    """
    A decoded list is a copy. If a validator sorts this copy, the JSON does not change,
    so that other types of a union can still be decoded from it.
    """
    data = {"names": ["b", "a"], "other": 1}
    value = decoder(Named)(data)
    value["names"].sort()

    assert {"names": ["b", "a"], "other": 1} == data
    for names in ("ab", ["a", 1], ["a", None], {"a": 1}):
        with pytest.raises(MismatchError) as caught:
            decoder(Named)({"names": names, "other": 1})
        assert "names" == caught.value.steps[-1]


def test_key_that_is_not_an_identifier_is_quoted_in_the_path():
    """
    In the path of a `MismatchError`, a key that is not an identifier is quoted.
    """
    with pytest.raises(MismatchError) as caught:
        decoder(dict[str, list[int]])({'a "b"': [1, None]})

    assert r'$["a \"b\""][1]' == caught.value.path


def test_long_key_is_cut_in_the_path_of_a_wrong_value():
    """
    The path of a wrong value is a part of error messages, and of the request that asks
    the model again. So a very long key is cut in the path.
    """
    decode = output_type(dict[str, int]).decode

    with pytest.raises(MismatchError) as caught:
        decode({"k" * 10_000: "one"})

    assert f'$["{"k" * 60}\\u2026"]' == caught.value.path
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "the boolean true"),
        (3, "the number 3"),
        ("a" * 100, 'the string "' + "a" * 59 + "…"),
        ("\ud800", r'the string "\ufffd"'),
        ([1], "an array with 1 item"),
        ({"a": 1, "b": 2}, "an object with 2 keys"),
    ],
)
def test_mismatch_error_shows_the_beginning_of_the_wrong_value(value, words):
    """
    A `MismatchError` shows the JSON type of the wrong value, and at most 60 characters
    of the value.
    """
    with pytest.raises(MismatchError) as caught:
        decoder(Literal["x"])(value)

    assert words == caught.value.found


def test_unhashable_item_of_a_set_raises_a_mismatch_error():
    """
    If an item of a set cannot be hashed, `MismatchError` is raised, not ``TypeError``.
    """
    with pytest.raises(MismatchError, match="unhashable"):
        decoder(set[tuple[Any, ...]])([[[1]]])
