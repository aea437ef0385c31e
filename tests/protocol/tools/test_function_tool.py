"""A tool that is made from a function: its schema, and the arguments of its calls."""

from __future__ import annotations

import dataclasses
import functools
import json

from typing import TYPE_CHECKING, Annotated, Any, Literal

import jsonschema
import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._protocol.schema.strict import is_strict
from asi1._protocol.tools.function_tool import function_tool


if TYPE_CHECKING:
    from decimal import Decimal as Hidden


@dataclasses.dataclass
class Place:
    lat: float
    lon: float


class Context:
    """An ordinary class, which JSON Schema cannot describe."""


async def weather(
    city: str,
    place: Place | None,
    unit: Literal["c", "f"] = "c",
    *,
    days: Annotated[int, "How many"] = 3,
):
    """
    Return the weather.

    Args:
        city: The city's name,
            in English.
        place: Where it is.
        days: Not shown.
    """
    return city, place, unit, days


class Shop:
    """A shop of things."""

    def buy(self, thing: str, /, count: int = 1, *, gift: bool = False):
        """
        Buy a thing.

        Parameters
        ----------
        thing
            What to buy.
        """
        return thing, count, gift

    @classmethod
    def of(cls, name: str):
        """Make a shop."""
        return name

    @staticmethod
    def open_at(hour: int):
        """
        Return whether it is open.

        :param hour: The hour.
        """
        return hour

    def __call__(self, query: list[str]):
        return query


def positional(first: int = 1, second: int = 2, /, third: int = 3):
    """Return all arguments."""
    return first, second, third


def located(context: Context):
    return context


def untyped(a, b=2):
    return a, b


def free(data: dict[str, int]):
    return data


def generator(a: int):
    yield a


async def async_generator(a: int):
    yield a


def many(*args: int):
    return args


def options(**options: int):
    return options


def unresolved(hidden: Hidden):
    return hidden


def binary(data: list[bytes]):
    return data


def logged(function):
    """Return a function that calls *function*, as decorators do."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def test_tool_has_name_description_and_strict_schema():
    """
    The schema has the parameters with the types of the annotations, and descriptions
    from annotations and docstring.
    """
    tool = function_tool(weather)
    place = {
        "type": "object",
        "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
        "required": ["lat", "lon"],
        "additionalProperties": False,
    }
    unit = {"type": ["string", "null"], "enum": ["c", "f", None]}

    assert {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Return the weather.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {
                        "type": "string",
                        "description": "The city's name, in English.",
                    },
                    "place": {
                        "anyOf": [place, {"type": "null"}],
                        "description": "Where it is.",
                    },
                    "unit": {**unit, "description": 'Default: "c".'},
                    "days": {
                        "type": ["integer", "null"],
                        "description": "How many. Default: 3.",
                    },
                },
                "required": ["city", "place", "unit", "days"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    } == tool.wire
    jsonschema.Draft202012Validator.check_schema(tool.parameters)


SHOP = Shop()


@pytest.mark.parametrize(
    ("function", "name", "description", "first"),
    [
        (SHOP.buy, "buy", "Buy a thing.", "What to buy."),
        (Shop.of, "of", "Make a shop.", ""),
        (Shop.open_at, "open_at", "Return whether it is open.", "The hour."),
        (SHOP, "Shop", "A shop of things.", ""),
        (logged(weather), "weather", "Return the weather.", None),
        (functools.partial(SHOP.buy, count=2), "buy", "Buy a thing.", "What to buy."),
        (
            functools.partial(functools.partial(positional), 5),
            "positional",
            "Return",
            "",
        ),
    ],
)
def test_callables_of_each_kind_can_be_tools(function, name, description, first):
    """
    Tools of methods, class and static methods, partials, objects with ``__call__`` and
    decorated functions have the name, docstring and annotations of the inner function.
    """
    tool = function_tool(function)
    properties = list(tool.parameters["properties"].values())

    assert name == tool.name
    assert tool.description.startswith(description)
    if first is not None:
        described = properties[0].get("description", "")
        assert first == described or not first


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (SHOP.buy, '{"thing": "a", "count": 2, "gift": true}', ("a", 2, True)),
        (SHOP.buy, '{"thing": "a", "count": null, "gift": null}', ("a", 1, False)),
        (SHOP.buy, '{"gift": true, "thing": "a"}', ("a", 1, True)),
        (functools.partial(SHOP.buy, count=2), '{"thing": "a"}', ("a", 2, False)),
        (functools.partial(SHOP.buy, "b"), '{"count": 3}', ("b", 3, False)),
        (positional, '{"second": 5}', (1, 5, 3)),
        (positional, '{"third": 5}', (1, 2, 5)),
        (positional, "{}", (1, 2, 3)),
        (SHOP, ' {"query": ["a"]}\n', ["a"]),
        (logged(Shop.open_at), '{"hour": 5}', 5),
        (untyped, '{"a": [1]}', ([1], 2)),
        (lambda: 3, "", 3),
        (lambda: 3, "{}", 3),
    ],
)
def test_arguments_are_bound_to_the_parameters_of_the_function(
    function, arguments, result
):
    """
    The model's JSON arguments reach parameters of every kind. Null and a missing key
    leave the default. For a function without parameters, even "" is valid.
    """
    args, kwargs = function_tool(function, name="tool").bind(arguments)

    assert result == function(*args, **kwargs)


@pytest.mark.parametrize(
    ("arguments", "error", "path"),
    [
        ('{"city": "a"}', asi1.OutputInvalidError, "$.place"),
        ('{"city": 1, "place": null}', asi1.OutputInvalidError, "$.city"),
        (
            '{"city": "a", "place": {"lat": "1"}}',
            asi1.OutputInvalidError,
            "$.place.lat",
        ),
        (
            '{"city": "a", "place": null, "days": 1.5}',
            asi1.OutputInvalidError,
            "$.days",
        ),
        ('{"city": "a", "place": null, "x": 1}', asi1.OutputInvalidError, "$.x"),
        ("[]", asi1.OutputInvalidError, "$"),
        ("null", asi1.OutputInvalidError, "$"),
        (r'"{\"city\": \"a\"}"', asi1.OutputInvalidError, "$"),
        ("", asi1.OutputInvalidError, "$"),
        ("city=a", asi1.OutputInvalidError, "$"),
        ('```json\n{"city": "a", "place": null}\n```', asi1.OutputInvalidError, "$"),
        ('{"city": "a", "place": null,}', asi1.OutputInvalidError, "$"),
        ('{"city": "a", "place": NaN}', asi1.OutputInvalidError, "$"),
        ('{"city": "a", "place": null', asi1.OutputTruncatedError, None),
        ('{"city": "a', asi1.OutputTruncatedError, None),
        ("{", asi1.OutputTruncatedError, None),
    ],
)
def test_arguments_that_do_not_fit_raise_output_error(arguments, error, path):
    """
    Arguments that are cut off, are not valid JSON or do not match the tool's schema
    raise an error with the arguments' text and the path of the wrong value.
    """
    tool = function_tool(weather)

    with pytest.raises(asi1.OutputError, match="arguments of weather") as caught:
        tool.bind(arguments)

    assert error is type(caught.value)
    assert arguments == caught.value.text
    assert path == getattr(caught.value, "path", None)


@pytest.mark.system
@given(st.data())
def test_arguments_cut_off_anywhere_raise_output_error(data):
    """
    JSON arguments of a tool call that are cut off anywhere raise an error.
    """
    tool = function_tool(weather)
    place = {"lat": 1, "lon": 2.5}
    text = json.dumps({"city": 'a "}', "place": place, "unit": "f", "days": 33})
    end = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(asi1.OutputError):
        tool.bind(text[:end])


def hidden_result(place: Place) -> Hidden:
    """Return a value of a type that only type checkers know."""
    return place.lat


def test_type_of_the_result_may_be_known_to_type_checkers_only():
    """
    Only the types of the parameters are needed: the result's type is often imported
    below ``if TYPE_CHECKING:``.
    """
    args, kwargs = function_tool(hidden_result).bind('{"place":{"lat":1.5,"lon":2}}')

    assert 1.5 == hidden_result(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (many, {}, r"many: the model cannot give \*args; .*functools\.wraps"),
        (options, {}, r"options: the model cannot give \*\*options"),
        (Shop.buy, {}, r"buy: the method has no object"),
        (Shop, {}, r"is not a function"),
        ("weather", {}, r"is not a function"),
        (lambda: 1, {}, r"<lambda>: a tool's name has 1 to 64 ASCII letters"),
        (weather, {"name": "a b"}, r"a b: a tool's name"),
        (weather, {"name": "ä"}, r"a tool's name"),
        (located, {}, r"located\.context: Context"),
        (unresolved, {}, r"unresolved: the annotation 'Hidden'"),
        (binary, {}, r"binary\.data\[\]: bytes has no form"),
        (free, {"strict": True}, r"free: its types do not allow strict=True"),
        (generator, {}, r"generator: a generator has no result"),
        (async_generator, {}, r"async_generator: a generator has no result"),
        (max, {}, r"max: its signature cannot be read"),
    ],
)
def test_function_that_cannot_be_a_tool_is_an_argument_error(function, options, words):
    """
    A function whose parameters the model cannot fill raises `ArgumentError`, which says
    why and names the parameter.
    """
    with pytest.raises(asi1.ArgumentError, match=words) as caught:
        function_tool(function, **options)

    assert "tools" == caught.value.argument


def test_options_set_the_name_description_and_strictness_of_a_tool():
    """
    Options replace the function's name and docstring, and set whether the tool is
    strict. By default, a tool is not strict if a parameter takes any value or a dict.
    """
    tool = function_tool(free, name="set-free", description="It is free.")
    loose = function_tool(positional, strict=False, description="")

    assert ("set-free", "It is free.", False) == (
        tool.name,
        tool.description,
        tool.strict,
    )
    assert not loose.strict
    assert is_strict(loose.parameters)
    assert "description" not in loose.wire["function"]
    assert function_tool(untyped).strict is False
    assert {} == function_tool(untyped).parameters["properties"]["a"]


def test_function_without_parameters_has_an_empty_strict_schema():
    """
    The strict schema of a function without parameters allows no key in the arguments.
    """
    tool = function_tool(lambda: None, name="none")

    assert {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    } == tool.parameters
    assert tool.strict
    with pytest.raises(asi1.OutputInvalidError, match="no keys"):
        tool.bind('{"a": 1}')


def test_parameter_of_type_any_takes_any_json_value():
    """
    A parameter of type ``Any`` takes any JSON value.
    """

    def show(value: Any):
        return value

    assert ((), {"value": [1, None]}) == function_tool(show).bind(
        '{"value": [1, null]}'
    )
