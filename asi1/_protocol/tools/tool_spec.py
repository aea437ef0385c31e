"""`ToolSpec`: the interface of tools, however their schemas were made."""

from __future__ import annotations

from typing import Any, Protocol

from ..._models.base_types import JSON


__all__ = ["ToolSpec"]


class ToolSpec(Protocol):
    """A tool as the model sees it; reads the arguments of calls."""

    @property
    def name(self) -> str:
        """The name by which the model calls the tool."""
        ...

    @property
    def description(self) -> str:
        """What the tool does."""
        ...

    @property
    def parameters(self) -> dict[str, JSON]:
        """The JSON Schema of the arguments; not to be changed."""
        ...

    @property
    def wire(self) -> dict[str, JSON]:
        """The tool as an item of ``tools`` in a request."""
        ...

    def bind(self, arguments: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """
        Return the positional and keyword arguments of a call.

        Raises:
            OutputError: The text is not whole JSON, or does not fit the parameters.
        """
        ...
