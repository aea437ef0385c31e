"""`Tool`: a function that the model may call, with its options."""

from __future__ import annotations

import functools
import inspect
import sys

from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, overload

from attrs import define, field

from ..._models.base_types import JSON, public
from ..._models.errors import ArgumentError
from ..._settings.validators import (
    Check,
    argument,
    flag,
    mapping,
    or_none,
    seconds,
    string,
    wrong,
)
from .function_tool import function_tool
from .schema_tool import schema_tool
from .tool_spec import ToolSpec


__all__ = ["Tool", "tool", "tools_by_name"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _object_schema(value: Any) -> str | None:
    """Return why *value* cannot be the JSON Schema of an object; None if it can."""
    if problem := mapping(value):
        return problem
    named = value.get("type", "object")
    fits = named == "object" or (isinstance(named, list) and "object" in named)
    return None if fits else 'must be the schema of an object ("type": "object")'


_TIMEOUT = or_none(seconds)
_CHECKS: dict[str, Check] = {
    "name": or_none(string),
    "description": or_none(string),
    "serial": flag,
    "needs_approval": flag,
    "timeout": _TIMEOUT,
    "strict": or_none(flag),
    "parameters": or_none(_object_schema),
}


def _check(**options: Any) -> None:
    for name, value in options.items():
        if problem := _CHECKS[name](value):
            raise wrong(name, problem, value)


@public
@define(eq=False, slots=False, repr=False)
class Tool(Generic[_P, _R]):
    """
    A function that the model may call. `tool` makes such a tool; calling the tool calls
    the function.

    Attributes:
        function: The function.
        serial: Whether the tool runs alone, never at the same time as another.
        needs_approval: Whether each call waits for a decision of yours.
        timeout: The most seconds that a call may take; None for the run's timeout.
    """

    function: Callable[_P, _R]
    serial: bool = field(default=False, validator=argument(flag))
    needs_approval: bool = field(default=False, validator=argument(flag))
    timeout: float | None = field(default=None, validator=argument(_TIMEOUT))
    _make: Callable[[Any], ToolSpec] = field(default=function_tool, alias="make")

    def __attrs_post_init__(self) -> None:
        # Gives the tool the function's name, docstring and signature, for `help`.
        functools.update_wrapper(self, self.function, updated=())

    def __repr__(self) -> str:
        return f"<Tool {getattr(self.function, '__qualname__', self.function)}>"

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Tool[..., _R]:
        """Return a tool of the bound method, if there is one; else this tool."""
        is_bound = isinstance(self.function, classmethod | staticmethod)
        is_bound = is_bound or instance is not None
        if not is_bound or not hasattr(self.function, "__get__"):
            return self
        function = self.function.__get__(instance, owner)
        return Tool(
            function,
            serial=self.serial,
            needs_approval=self.needs_approval,
            timeout=self.timeout,
            make=self._make,
        )

    def __reduce__(self) -> Any:
        # A decorated function's name in its module refers to the tool, not to the
        # function.
        name = getattr(self, "__qualname__", "")
        found: object = sys.modules.get(self.__module__)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return name
        options = (self.serial, self.needs_approval, self.timeout, self._make)
        return Tool, (self.function, *options)

    @functools.cached_property
    def spec(self) -> ToolSpec:
        """
        The tool as the model sees it, read from the function at the first use.

        Raises:
            ArgumentError: The function cannot be a tool; the message says why.
        """
        # Made late, since a decorated method is not bound to an instance at first, and
        # annotations may name classes that are defined later in the module.
        return self._make(self.function)

    @property
    def name(self) -> str:
        """The name by which the model calls the tool."""
        return self.spec.name

    @property
    def description(self) -> str:
        """What the tool does, as the model reads it."""
        return self.spec.description

    @property
    def parameters(self) -> dict[str, JSON]:
        """The JSON Schema of the arguments; not to be changed."""
        return self.spec.parameters

    def to_dict(self) -> dict[str, JSON]:
        """Return the tool as an item of ``tools`` in a request."""
        return self.spec.wire


@overload
def tool(
    function: Callable[_P, _R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    serial: bool = False,
    needs_approval: bool = False,
    timeout: float | None = None,
    strict: bool | None = None,
    parameters: Mapping[str, JSON] | None = None,
) -> Tool[_P, _R]: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    serial: bool = False,
    needs_approval: bool = False,
    timeout: float | None = None,
    strict: bool | None = None,
    parameters: Mapping[str, JSON] | None = None,
) -> Callable[[Callable[_P, _R]], Tool[_P, _R]]: ...


@public
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    serial: bool = False,
    needs_approval: bool = False,
    timeout: float | None = None,
    strict: bool | None = None,
    parameters: Mapping[str, JSON] | None = None,
) -> Any:
    """
    Make a tool of a function, method, partial or other callable; may be a decorator.

    The parameters' types become the schema, as for `AsyncCompletions.parse`; the
    docstring (Google, NumPy or Sphinx style) describes the tool and its parameters.
    What the function returns is sent to the model: a str as it is, any other value as
    JSON. A coroutine function runs on the event loop, any other in a worker thread.

    Args:
        function: The function; None to use ``@tool(...)`` with options.
        name: The tool's name; by default that of the function.
        description: What the tool does; by default the docstring's text.
        serial: True if the tool must never run at the same time as another.
        needs_approval: True if each call must be approved before it runs.
        timeout: The most seconds that a call may take; None for the ``tool_timeout`` of
            the run. A thread cannot be stopped: after a timeout it runs on, but its
            result is discarded.
        strict: Whether the server is asked to enforce the schema; by default only if
            the types allow it.
        parameters: The JSON Schema of the arguments, which describes an object, in
            place of the one that the function's types become. The function is called
            with keyword arguments; only their names are checked.

    Raises:
        ArgumentError: An option is wrong, or *function* is not callable. Whether the
            function can be a tool is checked when the tool is first used.
    """
    _check(
        name=name,
        description=description,
        serial=serial,
        needs_approval=needs_approval,
        timeout=timeout,
        strict=strict,
        parameters=parameters,
    )
    made: dict[str, Any] = {"name": name, "description": description, "strict": strict}
    make: Callable[[Any], ToolSpec] = functools.partial(function_tool, **made)
    if parameters is not None:
        make = functools.partial(schema_tool, **made, parameters=parameters)

    def wrap(function: Any) -> Tool[..., Any]:
        _check_function(function)
        return Tool(
            function,
            serial=serial,
            needs_approval=needs_approval,
            timeout=timeout,
            make=make,
        )

    return wrap if function is None else wrap(function)


def _check_function(function: Any) -> None:
    """Raise unless *function* is a function that neither wraps nor decorates a tool."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    inner = inspect.unwrap(inner, stop=lambda each: isinstance(each, Tool))
    if isinstance(inner, Tool):
        raise wrong("function", "must not be a tool already", function)
    if not callable(function) and not isinstance(function, classmethod):
        raise wrong("function", "must be a function", function)


def _as_tool(function: Any) -> Tool[..., Any]:
    if isinstance(function, Tool):
        return function
    inner = getattr(function, "__func__", None)
    if isinstance(inner, Tool):  # true of a classmethod, from Python 3.13 on
        return inner.__get__(function.__self__)
    return tool(function)


def tools_by_name(tools: Any) -> dict[str, Tool[..., Any]]:
    """
    Return the tools of a run by their names; functions become tools.

    Raises:
        ArgumentError: *tools* is not a list of functions and tools, or two tools have
            the same name.
    """
    if isinstance(tools, str | bytes | dict) or not hasattr(tools, "__iter__"):
        raise wrong("tools", "must be a list of functions and tools", tools)
    found: dict[str, Tool[..., Any]] = {}
    for each in tools:
        if not callable(each) or inspect.isclass(each):
            raise wrong("tools", "must contain only functions and tools", each)
        one = _as_tool(each)
        if one.name in found:
            message = f"tools: two tools have the name {one.name!r}"
            raise ArgumentError(message, argument="tools")
        found[one.name] = one
    if not found:
        raise ArgumentError("tools: is empty", argument="tools")
    return found
