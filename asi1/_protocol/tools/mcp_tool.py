"""
Tools of MCP servers: names and arguments for the model, and results as text.

MCP is the Model Context Protocol. Its objects are read by their attributes: those of
version 2 of the ``mcp`` package, or their older names.
"""

from __future__ import annotations

import hashlib
import re

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.output_errors import OutputInvalidError
from ..schema.encode import encoded_text
from ..schema.mismatch import MismatchError, excerpt
from .errors import ToolError
from .function_tool import loaded_arguments


__all__ = ["MCPTool", "fitting_names", "result_text"]

_LONGEST = 64  # characters of a name
_UNFIT = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)


@frozen(kw_only=True, eq=False)
class MCPTool:
    """
    A tool of an MCP server as the model sees it.

    Attributes:
        name: The name by which the model calls the tool.
        description: What the tool does, in the server's words.
        parameters: The server's JSON Schema of the arguments, unchanged.
    """

    name: str
    description: str
    parameters: dict[str, JSON]

    @classmethod
    def of(cls, listed: Any, name: str) -> MCPTool:
        """Return the tool that an MCP server has *listed*, under another name."""
        schema = _first(listed, "input_schema", "inputSchema")
        return cls(
            name=name,
            description=_first(listed, "description", "title") or "",
            parameters=schema or {"type": "object", "properties": {}},
        )

    @property
    def wire(self) -> dict[str, JSON]:
        """The tool as a request has it in ``tools``."""
        function: dict[str, JSON] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        function["parameters"] = self.parameters
        return {"type": "function", "function": function}

    def bind(self, arguments: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the arguments of a call, all of them keyword arguments.

        The names are checked here. The server checks the values.

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


def fitting_names(names: Iterable[str], prefix: str = "") -> dict[str, str]:
    """
    Return, for each name of a tool, a name that the API takes; all are different.

    Names that fit are kept. The result does not depend on the order of the names, so
    that a saved run finds its tools again when the server lists them in another order.
    """
    wanted = {name: _UNFIT.sub("_", prefix + name) or "tool" for name in names}
    unchanged = {n for n, fit in wanted.items() if fit == prefix + n}
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in sorted(wanted, key=lambda name: (name not in unchanged, name)):
        own = wanted[name][:_LONGEST]
        mark = name
        while own in used:
            mark = hashlib.sha256(mark.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            own = f"{wanted[name][: _LONGEST - 9]}_{mark}"
        found[name] = own
        used.add(own)
    return found


def result_text(result: Any) -> str:
    """
    Return the text for the model of a result of an MCP server.

    Args:
        result: What ``call_tool`` of an MCP session returned.

    Raises:
        ToolError: The result is an error; the error's message is the text.
        ValueError: The structured content has no form in JSON.
    """
    parts = _first(result, "content") or ()
    lines = [_part_text(part) for part in parts]
    structured = _first(result, "structured_content", "structuredContent")
    if structured is not None and not any(_is_text(part) for part in parts):
        lines.insert(0, encoded_text(structured))
    text = "\n".join(lines)
    if _first(result, "is_error", "isError"):
        raise ToolError(text or "the tool failed without a message")
    return text


def _is_text(part: Any) -> bool:
    return bool(_first(part, "type") == "text")


def _part_text(part: Any) -> str:
    """Return the text of a part of a result; other parts are named in words."""
    if _is_text(part):
        return str(part.text)
    resource = _first(part, "resource")
    inner = part if resource is None else resource
    text = _first(inner, "text")
    name = f"[{', '.join(_words(_first(part, 'type'), inner))}]"
    return name if text is None else f"{name}\n{text}"


def _words(kind: Any, part: Any) -> Iterator[str]:
    """Yield what is known of a part: its type with its address, its size."""
    details = _first(part, "uri"), _first(part, "mime_type", "mimeType")
    yield " ".join(str(each) for each in (kind or "part", *details) if each)
    data = _first(part, "data", "blob")
    if isinstance(data, str):  # base64
        yield f"{len(data.rstrip('=')) * 3 // 4} bytes"


def _first(source: Any, *names: str) -> Any:
    """Return the first of the attributes that exists and is not None; else None."""
    for name in names:
        value = getattr(source, name, None)
        if value is not None:
            return value
    return None
