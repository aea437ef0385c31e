"""`asi1.tool`: functions, methods and other callables as tools, and their options."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import pickle
import pydoc
import types

import pytest

import asi1

from asi1._protocol.tools.tool import tools_by_name


@asi1.tool(timeout=5)
def add(a: int, b: int = 2) -> int:
    """
    Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


async def wait(seconds: float) -> str:
    """Wait a while."""
    return f"waited {seconds}"


def plain(a: int, b: int = 2) -> int:
    """Add without a decorator."""
    return a + b


class Shop:
    """A shop."""

    place = "Oslo"

    @asi1.tool(needs_approval=True, serial=True, timeout=3, name="buy_it")
    def buy(self, thing: str):
        """Buy a thing."""
        return self.place, thing

    @classmethod
    @asi1.tool(needs_approval=True)
    def of(cls, name: str):
        """Make a shop."""
        return cls.place, name

    @asi1.tool(needs_approval=True)
    @classmethod
    def inner_of(cls, name: str):
        """Make a shop."""
        return cls.place, name

    @staticmethod
    @asi1.tool(needs_approval=True)
    def open_at(hour: int):
        """Say whether it is open."""
        return hour

    @asi1.tool(needs_approval=True)
    @staticmethod
    def inner_open_at(hour: int):
        """Say whether it is open."""
        return hour

    def __call__(self, query: str):
        """Find things."""
        return query


class Kiosk(Shop):
    place = "Bergen"


class Answerer:
    """Answers questions."""

    async def __call__(self, question: str):
        return question


def logged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def endless():
    yield 1


async def async_endless():
    yield 1


class Endless:
    def __call__(self):
        yield 1


def test_decorated_function_can_still_be_called_and_inspected():
    """
    A decorated function keeps its name, docstring, signature and behaviour.
    """
    assert 3 == add(1) == add(a=1)
    assert "add" == add.__name__ == add.name
    assert "Add two numbers." == add.description
    assert ["a", "b"] == list(inspect.signature(add).parameters)
    assert inspect.signature(add.function) == inspect.signature(add)
    assert add.function.__doc__ == add.__doc__
    assert "The first." == add.parameters["properties"]["a"]["description"]
    assert add.to_dict()["function"]["parameters"] is add.parameters
    assert "<Tool add>" == repr(add)
    assert (False, False, 5) == (add.serial, add.needs_approval, add.timeout)


@pytest.mark.parametrize(("tool", "name"), [(add, "add"), (Shop().buy, "buy")])
def test_help_shows_the_function_of_a_tool(tool, name):
    """
    ``help`` of a tool shows the function's name, parameters and docstring.
    """
    shown = pydoc.plain(pydoc.render_doc(tool))

    assert f"{name}{inspect.signature(tool)}" in shown
    assert tool.description in shown


@pytest.mark.parametrize(
    ("owner", "place"),
    [(Shop(), "Oslo"), (Kiosk(), "Bergen"), (Shop, "Oslo"), (Kiosk, "Bergen")],
)
@pytest.mark.parametrize("attribute", ["of", "inner_of", "open_at", "inner_open_at"])
def test_class_and_static_methods_are_tools_of_classes_and_objects(
    owner, place, attribute
):
    """
    Class methods and static methods are tools, taken from the class or from an object,
    whichever of the two decorators is outside. The tools keep the options of
    `asi1.tool`.
    """
    (tool,) = tools_by_name([getattr(owner, attribute)]).values()

    assert tool.needs_approval
    assert attribute == tool.name
    if "of" in attribute:
        assert ["name"] == list(tool.parameters["properties"])
        assert (place, "x") == tool("x")
    else:
        assert ["hour"] == list(tool.parameters["properties"])
        assert 5 == tool(5)


@pytest.mark.parametrize(("owner", "place"), [(Shop(), "Oslo"), (Kiosk(), "Bergen")])
def test_method_is_a_tool_of_its_object_with_the_same_options(owner, place):
    """
    A decorated method, taken from an object, calls the method of that object and has
    all options of the decorator.
    """
    tool = owner.buy

    assert "buy_it" == tool.name
    assert ["thing"] == list(tool.parameters["properties"])
    assert (place, "a") == tool("a") == Shop.buy(owner, "a")
    assert (True, True, 3) == (tool.serial, tool.needs_approval, tool.timeout)


def test_method_without_an_object_is_refused():
    """
    A decorated method that was taken from the class, not from an object, cannot be a
    tool of a run.
    """
    with pytest.raises(asi1.ArgumentError, match="the method has no object"):
        tools_by_name([Shop.buy])


def test_method_bound_to_a_tool_keeps_its_options():
    """
    From Python 3.13 on, a class method around a tool becomes a method that is bound to
    the tool. This method keeps the tool's options, such as its approval.
    """
    method = types.MethodType(Shop.__dict__["buy"], Kiosk())

    (tool,) = tools_by_name([method]).values()

    assert (True, ("Bergen", "a")) == (tool.needs_approval, tool("a"))


@pytest.mark.parametrize(
    ("function", "name", "description", "parameters"),
    [
        (plain, "plain", "Add without a decorator.", ["a", "b"]),
        (wait, "wait", "Wait a while.", ["seconds"]),
        (functools.partial(plain, 1), "plain", "Add without a decorator.", ["b"]),
        (functools.partial(plain, b=1), "plain", "Add without a decorator.", ["a"]),
        (Shop(), "Shop", "Find things.", ["query"]),
        (Answerer(), "Answerer", "Answers questions.", ["question"]),
        (Shop().__call__, "__call__", "Find things.", ["query"]),
        (logged(plain), "plain", "Add without a decorator.", ["a", "b"]),
        (logged(logged(wait)), "wait", "Wait a while.", ["seconds"]),
    ],
)
@pytest.mark.parametrize("wrap", [asi1.tool, lambda function: function])
def test_each_kind_of_callable_can_be_a_tool(
    function, name, description, parameters, wrap
):
    """
    Functions, coroutine functions, partials, objects with ``__call__``, methods and
    functions wrapped by `functools.wraps` become tools, with `tool` or without.
    """
    (tool,) = tools_by_name([wrap(function)]).values()

    assert (name, description) == (tool.name, tool.description)
    assert parameters == list(tool.parameters["properties"])
    assert function is tool.function


def test_tool_has_no_options_by_default():
    """
    A tool without options runs at the same time as other tools, without approval and
    without a timeout of its own. A timeout may be shorter than a second.
    """
    for tool in (asi1.Tool(plain), asi1.tool(plain), asi1.tool()(plain)):
        assert (False, False, None) == (tool.serial, tool.needs_approval, tool.timeout)
    assert 0.5 == asi1.tool(plain, timeout=0.5).timeout


def test_lambda_needs_a_name_to_be_a_tool():
    """
    A lambda is a tool if it is given a name.
    """
    tool = asi1.tool(lambda x=1: x, name="same", description="Return it.")

    assert ("same", "Return it.", 1) == (tool.name, tool.description, tool())
    with pytest.raises(asi1.ArgumentError, match="<lambda>: a tool's name"):
        tools_by_name([lambda: 1])


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(endless, id="function"),
        pytest.param(async_endless, id="async"),
        pytest.param(Endless(), id="object"),
        pytest.param(Endless().__call__, id="method"),
        pytest.param(functools.partial(endless), id="partial"),
        pytest.param(asi1.tool(endless), id="tool"),
    ],
)
def test_generator_function_is_refused_as_a_tool(function):
    """
    A generator function has no result that the model could read.
    """
    with pytest.raises(asi1.ArgumentError, match="a generator has no result"):
        tools_by_name([function])


def test_generator_in_a_decorator_that_returns_a_list_can_be_a_tool():
    """
    A generator function inside a decorator that returns a list can be a tool, since the
    function that the tool calls is then not a generator function.
    """

    @functools.wraps(endless)
    def collected():
        return list(endless())

    assert [1] == asi1.tool(collected)()
    assert ["endless"] == list(tools_by_name([collected]))


@pytest.mark.parametrize(
    "function",
    [
        add,
        functools.partial(add, 1),
        functools.partial(functools.partial(add, 1), 2),
        logged(add),
        functools.partial(logged(add), 1),
        Shop().buy,
    ],
    ids=["tool", "partial", "nested", "decorated", "partial-decorated", "method"],
)
@pytest.mark.parametrize("use", [asi1.tool, asi1.tool(serial=True)])
def test_making_a_tool_of_a_tool_is_refused(function, use):
    """
    A partial or another decorator around a tool is refused, since it would lose the
    tool's options, such as its approval.
    """
    with pytest.raises(asi1.ArgumentError, match="must not be a tool already"):
        use(function)


@pytest.mark.parametrize("function", [functools.partial(add, 1), logged(add)])
def test_partial_of_a_tool_or_decorator_around_it_is_refused_in_a_run(function):
    """
    A run refuses a partial of a tool, or another decorator around a tool, in its list
    of tools.
    """
    with pytest.raises(asi1.ArgumentError, match="must not be a tool already"):
        tools_by_name([function])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": 5}, "name: must be a str"),
        ({"description": 5}, "description: must be a str"),
        ({"serial": 1}, "serial: must be True or False"),
        ({"serial": None}, "serial: must be True or False"),
        ({"needs_approval": "yes"}, "needs_approval: must be True or False"),
        ({"strict": 0}, "strict: must be"),
        ({"timeout": 0}, "timeout: must be a number of seconds above 0"),
        ({"timeout": -1}, "timeout: must be a number of seconds above 0"),
        ({"timeout": "5"}, "timeout: must be a number of seconds above 0"),
        ({"timeout": True}, "timeout: must be a number of seconds above 0"),
        ({"timeout": float("nan")}, "timeout: must be a number of seconds above 0"),
        ({"parameters": []}, "parameters: must be a mapping"),
        ({"parameters": {"type": "string"}}, "parameters: must be the schema of an"),
        (
            {"parameters": {"type": ["array", "null"]}},
            "must be the schema of an object",
        ),
    ],
    ids=str,
)
def test_wrong_option_of_the_tool_decorator_is_refused(options, words):
    """
    A wrong option of `asi1.tool` raises `ArgumentError` when the tool is made.
    """
    (name,) = options

    with pytest.raises(asi1.ArgumentError, match=words) as caught:
        asi1.tool(**options)

    assert name == caught.value.argument


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {"a": {"type": "string"}}},
        {"type": "object"},
        {"type": ["object", "null"]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
    ],
    ids=str,
)
def test_schema_that_may_describe_an_object_is_sent_unchanged(schema):
    """
    A schema of an object, or one that names no type, is sent as it was given.
    """
    made = asi1.tool(plain, parameters=schema)

    assert schema == made.to_dict()["function"]["parameters"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("serial", "no"), ("needs_approval", 1), ("timeout", -1), ("timeout", "5")],
)
def test_wrong_option_of_the_tool_class_is_refused(name, value):
    """
    A wrong option raises `ArgumentError` when a `Tool` is made, and when the option is
    set later.
    """
    made = asi1.Tool(plain)

    with pytest.raises(asi1.ArgumentError) as caught:
        asi1.Tool(plain, **{name: value})
    assert name == caught.value.argument
    with pytest.raises(asi1.ArgumentError):
        setattr(made, name, value)


@pytest.mark.parametrize("function", ["add", 5, [], object()])
def test_value_that_cannot_be_called_is_refused_as_a_tool(function):
    """
    `asi1.tool` of a value that is not a function raises `ArgumentError` at once.
    """
    with pytest.raises(asi1.ArgumentError, match="must be a function") as caught:
        asi1.tool(function)

    assert "function" == caught.value.argument


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ("add", "must be a list"),
        (b"add", "must be a list"),
        ({"add": add}, "must be a list"),
        (None, "must be a list"),
        (add, "must be a list"),
        (plain, "must be a list"),
        ([], "is empty"),
        ((), "is empty"),
        ([add, add], "two tools have the name 'add'"),
        ([plain, asi1.tool(plain)], "two tools have the name 'plain'"),
        ([add, "add"], "only functions and tools"),
        ([None], "only functions and tools"),
        ([add.to_dict()], "only functions and tools"),
        ([Shop], "only functions and tools"),
        ([[add]], "only functions and tools"),
    ],
)
def test_wrong_list_of_tools_is_refused(tools, words):
    """
    A value that is not a list of functions and tools with different names raises an
    error.
    """
    with pytest.raises(asi1.ArgumentError, match=f"^tools: .*{words}") as caught:
        tools_by_name(tools)

    assert "tools" == caught.value.argument


def test_tools_may_be_any_iterable():
    """
    Tools may come from a tuple or a generator, and keep their order.
    """
    assert ["plain", "add", "wait"] == list(tools_by_name(iter([plain, add, wait])))
    assert add is tools_by_name((add,))["add"]


def test_annotations_of_a_tool_may_name_classes_that_are_defined_later():
    """
    The function is read when the tool is first used, so a decorated function may name
    classes that the module defines later.
    """
    assert ["anyOf"] == list(later.parameters["properties"]["a"])
    assert later.spec is later.spec


@asi1.tool
def later(a: Later | None):
    """Use a class that is defined later."""
    return a


@dataclasses.dataclass
class Later:
    name: str


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda tool: pickle.loads(pickle.dumps(tool))]
)
def test_tools_of_a_module_can_be_copied_and_pickled(copied, used):
    """
    Copying or pickling a decorated function gives the function itself, before and after
    its first use. Copying a tool of another function makes a new tool with the same
    options.
    """
    made = asi1.tool(plain, serial=True, needs_approval=True, timeout=2, name="sum")
    if used:
        tools_by_name([made, add])
    again = copied(made)

    assert add is copied(add)
    assert Shop.buy is copied(Shop.buy)
    assert again is not made
    assert ("sum", 3) == (again.name, again(1))
    assert (True, True, 2) == (again.serial, again.needs_approval, again.timeout)


def test_copied_tool_of_a_method_belongs_to_the_copied_object():
    """
    A deep copy of an object's tool has a copy of the object.
    """
    shop = Shop()
    shop.place = "Rome"
    tool = copy.deepcopy(shop.buy)
    shop.place = "Oslo"

    assert ("Rome", "a") == tool("a")
    assert tool.needs_approval


def test_tools_are_compared_by_identity():
    """
    Tools can be keys of a dict; two tools of the same function are different.
    """
    assert asi1.tool(plain) != asi1.tool(plain)
    assert 1 == {add: 1}[add]
