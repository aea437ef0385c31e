"""
Tools with a JSON Schema from the user, not made from a function's signature.

Only the names of arguments are checked against the schema: the tool checks the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.output_errors import OutputInvalidError
from ..schema.mismatch import MismatchError, excerpt
from .callables import description_of, name_of
from .function_tool import loaded_arguments


__all__ = ["SchemaTool", "schema_tool"]


@frozen(kw_only=True, eq=False)
class SchemaTool:
    """
    A tool whose schema the user gave, as the model sees it.

    Attributes:
        name: The name by which the model calls the tool.
        description: What the tool does.
        parameters: The JSON Schema of the arguments, unchanged.
        strict: Whether the server is asked to enforce the schema; None to leave that
            out of requests.
    """

    name: str
    description: str
    parameters: dict[str, JSON]
    strict: bool | None = None

    @property
    def wire(self) -> dict[str, JSON]:
        """The tool as an item of ``tools`` in a request."""
        function: dict[str, JSON] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        function["parameters"] = self.parameters
        if self.strict is not None:
            function["strict"] = self.strict
        return {"type": "function", "function": function}

    def bind(self, arguments: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the arguments of a call, all of them keyword arguments.

        Only the names of the arguments are checked.

        Raises:
            OutputTruncatedError: The text ends inside a JSON value.
            OutputInvalidError: The text is not a JSON object, a required argument is
                missing, or the schema does not allow an argument.
        """
        # Servers send no text for a call that has no arguments.
        has_none = not arguments.strip() and not self.parameters.get("properties")
        data = {} if has_none else loaded_arguments(arguments, self.name)
        try:
            return (), _checked(data, self.parameters)
        except MismatchError as mismatch:
            raise OutputInvalidError(
                f"the arguments of {self.name} do not fit: {mismatch}",
                text=arguments,
                path=mismatch.path,
                expected=mismatch.expected,
            ) from None


def schema_tool(
    function: Callable[..., Any],
    *,
    parameters: Mapping[str, JSON],
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
) -> SchemaTool:
    """
    Return the tool of a function, with the schema that the user gave.

    Raises:
        ArgumentError: The function cannot be a tool; the message says why.
    """
    return SchemaTool(
        name=name_of(function, name),
        description=description_of(function) if description is None else description,
        parameters=dict(parameters),
        strict=strict,
    )


def _checked(data: JSON, schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return *data* if it is an object with keys that *schema* allows; else raise."""
    if not isinstance(data, dict):
        raise MismatchError("an object", excerpt(data))
    required, properties = schema.get("required"), schema.get("properties")
    for key in required if isinstance(required, list) else []:
        if key not in data:
            raise MismatchError("a value", "no such key").inside(str(key))
    known = properties if isinstance(properties, dict) else {}
    is_closed = schema.get("additionalProperties") is False
    if is_closed and "patternProperties" not in schema:
        words = f"only the keys {', '.join(known)}" if known else "no keys"
        for key, value in data.items():
            if key not in known:
                raise MismatchError(words, excerpt(value)).inside(key)
    return data
