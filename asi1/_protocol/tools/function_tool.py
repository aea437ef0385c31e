"""
Makes a tool of a function: the schema of its parameters, and the arguments of a call.

The function is called only with arguments that are complete and of the right types;
otherwise an error is raised.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import Any

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.json_text import load_json
from ..._models.output_errors import OutputInvalidError, OutputTruncatedError
from ..schema.annotations import UnresolvedError, resolved_hints, without_result
from ..schema.answer_text import JSONCutOffError, NoJSONError, read_json_answer
from ..schema.decode import decoder_of
from ..schema.describe import Describer
from ..schema.docstrings import Docs
from ..schema.fields import RawField, shown_default
from ..schema.mismatch import MismatchError
from ..schema.shapes import Definition, Object
from ..schema.strict import is_strict
from ..schema.write import json_schema
from .callables import (
    ARGUMENT,
    annotated,
    docs_of,
    name_of,
    tool_error,
    without_partials,
)


__all__ = ["FunctionTool", "function_tool", "loaded_arguments"]

_VARIADIC: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


@frozen(kw_only=True, eq=False)
class FunctionTool:
    """
    A function as a tool that the model can call.

    Attributes:
        name: The name by which the model calls the function.
        description: What the function does, from its docstring.
        parameters: The JSON Schema of the parameters; not to be changed.
        strict: Whether the server is asked to enforce the schema.
        decode: Converts JSON arguments to values, by parameter name; raises
            `MismatchError`.
        signature: The function's signature.
    """

    name: str
    description: str
    parameters: dict[str, JSON]
    strict: bool
    decode: Callable[[JSON], dict[str, Any]]
    signature: inspect.Signature

    @property
    def wire(self) -> dict[str, JSON]:
        """The tool as an item of ``tools`` in a request."""
        function: dict[str, JSON] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        function |= {"parameters": self.parameters, "strict": self.strict}
        return {"type": "function", "function": function}

    def bind(self, arguments: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the positional and keyword arguments of a call.

        Args:
            arguments: The JSON text that the model wrote.

        Raises:
            OutputTruncatedError: The text ends inside a JSON value.
            OutputInvalidError: The text is not JSON, or does not fit the parameters;
                ``path`` is the first place that does not fit.
        """
        # Servers send no text for a call that has no arguments.
        has_none = not arguments.strip() and not self.parameters["properties"]
        data = {} if has_none else loaded_arguments(arguments, self.name)
        try:
            values = self.decode(data)
        except MismatchError as mismatch:
            raise OutputInvalidError(
                f"the arguments of {self.name} do not fit: {mismatch}",
                text=arguments,
                path=mismatch.path,
                expected=mismatch.words or mismatch.expected,
            ) from mismatch.__cause__
        return _call_arguments(self.signature, values)


def loaded_arguments(arguments: str, name: str) -> JSON:
    """
    Return the JSON value of the arguments of a call.

    Raises:
        OutputTruncatedError: The text ends inside a JSON value.
        OutputInvalidError: The text is not JSON.
    """
    try:
        return load_json(arguments.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        reason = str(error)
    try:
        read_json_answer(arguments)
    except JSONCutOffError as error:
        message = f"the arguments of {name} are cut off: {error}"
        raise OutputTruncatedError(message, text=arguments) from None
    except NoJSONError:
        pass
    message = f"the arguments of {name} are not valid JSON: {reason}"
    raise OutputInvalidError(message, text=arguments, expected="JSON")


def _call_arguments(
    signature: inspect.Signature, values: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind is Parameter.POSITIONAL_ONLY:
            # A later positional argument needs the earlier ones, so a missing argument
            # is passed as its default.
            value = values.get(name, parameter.default)
            args += [] if value is Parameter.empty else [value]
        elif name in values:
            kwargs[name] = values[name]
    return tuple(args), kwargs


def function_tool(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
) -> FunctionTool:
    """
    Return the tool of a function, method, partial or other callable object.

    Args:
        function: A function or coroutine function.
        name: The tool's name; by default that of the function.
        description: What the tool does; by default the docstring's text.
        strict: Whether the server is asked to enforce the schema; by default only if
            the types allow it.

    Raises:
        ArgumentError: The function cannot be a tool; the message says why.
    """
    inner, preset = without_partials(function)
    name = name_of(function, name)
    signature = _signature(function, name)
    hints = _hints(annotated(inner), name)
    docs = docs_of(inner)
    fields: list[RawField] = []
    for parameter in _named(signature, name, annotated(inner)):
        annotation = hints.get(parameter.name, Any)
        if parameter.name not in preset:
            fields.append(_field_of(parameter, annotation, docs))
    shape = _shape(name, fields)
    schema = json_schema(shape)
    can_be_strict = is_strict(schema)
    if strict and not can_be_strict:
        raise tool_error(
            name, "its types do not allow strict=True: a dict or any value"
        )
    return FunctionTool(
        name=name,
        description=docs.text if description is None else description,
        parameters=schema,
        strict=can_be_strict if strict is None else strict,
        decode=decoder_of(shape),
        signature=signature,
    )


def _shape(name: str, fields: list[RawField]) -> Object:
    describer = Describer(ARGUMENT, {})
    definition = Definition(
        name=name,
        fields=tuple(
            describer.field(each, f"{name}.{each.attribute}", {}, {}) for each in fields
        ),
        build=dict,
        find_invalid=lambda _, __: None,
    )
    return Object(name=name, definition=definition)


def _field_of(parameter: Parameter, annotation: Any, docs: Docs) -> RawField:
    required = parameter.default is Parameter.empty
    return RawField(
        attribute=parameter.name,
        argument=parameter.name,
        key=parameter.name,
        annotation=annotation,
        required=required,
        description=docs.names.get(parameter.name, ""),
        default=shown_default(parameter.default),
    )


def _named(
    signature: inspect.Signature, name: str, function: Any
) -> Iterator[Parameter]:
    """Yield each parameter; refuse ``*args``, ``**kwargs`` and an unbound ``self``."""
    for place, parameter in enumerate(signature.parameters.values()):
        stars = _VARIADIC.get(parameter.kind)
        if stars:
            raise tool_error(
                name,
                f"the model cannot give {stars}{parameter.name}; name each parameter,"
                " and let decorators use functools.wraps",
            )
        is_method = "." in getattr(function, "__qualname__", "").rpartition(">")[2]
        if not place and parameter.name in {"self", "cls"} and is_method:
            raise tool_error(
                name, "the method has no object; give the method of an object"
            )
        yield parameter


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise tool_error(name, f"its signature cannot be read: {error}") from None


def _hints(function: Any, name: str) -> dict[str, Any]:
    # The type of the result is not needed, and may be known to type checkers only.
    try:
        return resolved_hints(without_result(function), {})
    except UnresolvedError as error:
        raise tool_error(name, str(error)) from None
