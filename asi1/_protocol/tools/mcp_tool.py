"""
Makes tools from the tools of MCP servers: names, schemas, and results as text.

MCP is the Model Context Protocol. Its objects are read by their attributes: those of
version 2 of the ``mcp`` package, or their older names.
"""

from __future__ import annotations

import hashlib
import re

from collections.abc import Iterable, Iterator
from typing import Any

from ..schema.encode import encoded_text
from .errors import ToolError
from .schema_tool import SchemaTool


__all__ = ["fitting_names", "mcp_tool", "result_text"]

_LONGEST = 64  # characters in a name that the API takes
_UNFIT = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)


def mcp_tool(listed: Any, name: str) -> SchemaTool:
    """Return the tool that an MCP server has *listed*, under the given *name*."""
    schema = _first(listed, "input_schema", "inputSchema")
    return SchemaTool(
        name=name,
        description=_first(listed, "description", "title") or "",
        parameters=schema or {"type": "object", "properties": {}},
    )


def fitting_names(names: Iterable[str], prefix: str = "") -> dict[str, str]:
    """
    Return, for each tool's name, a name that the API takes; no two of them are equal.

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
    Return the result of an MCP server's tool as text for the model.

    Args:
        result: What ``call_tool`` of an MCP session returned.

    Raises:
        ToolError: The result is an error; the error's message is the text.
        ValueError: JSON cannot express the structured content.
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
    """Return the text of a part of a result; describe a part that is not text."""
    if _is_text(part):
        return str(part.text)
    resource = _first(part, "resource")
    inner = part if resource is None else resource
    text = _first(inner, "text")
    name = f"[{', '.join(_words(_first(part, 'type'), inner))}]"
    return name if text is None else f"{name}\n{text}"


def _words(kind: Any, part: Any) -> Iterator[str]:
    """Yield a part's type with its address, and its size, as far as they are known."""
    details = _first(part, "uri"), _first(part, "mime_type", "mimeType")
    yield " ".join(str(each) for each in (kind or "part", *details) if each)
    data = _first(part, "data", "blob")
    if isinstance(data, str):  # the data is base64
        yield f"{len(data.rstrip('=')) * 3 // 4} bytes"


def _first(source: Any, *names: str) -> Any:
    """Return the first attribute of *source* in *names* that is not None; else None."""
    for name in names:
        value = getattr(source, name, None)
        if value is not None:
            return value
    return None
