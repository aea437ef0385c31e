"""The tools of a chat: their functions, and whether each call needs an approval."""

from __future__ import annotations

import importlib
import os
import sys

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias, cast

import attrs

import asi1


__all__ = ["MODES", "Mode", "Toolbox"]

Mode: TypeAlias = Literal["ask", "run", "off"]
MODES: dict[str, str] = {
    "ask": "asks before each call",
    "run": "runs without asking",
    "off": "is not offered to the model",
}


class Toolbox:
    """
    The tools of a chat, by their names.

    Args:
        places: The functions, each as ``module:name``.
        mode: The initial mode of all tools: "ask", "run" or "off".

    Attributes:
        modes: The current mode of each tool.

    Raises:
        asi1.ConfigurationError: There is no such function, or it cannot be a tool.
    """

    def __init__(self, places: list[str], mode: Mode) -> None:
        self._tools = {tool.name: tool for place in places for tool in _found(place)}
        self.modes: dict[str, Mode] = dict.fromkeys(self._tools, mode)

    @property
    def offered(self) -> list[asi1.Tool[..., Any]]:
        """The tools that the model may call."""
        return [
            attrs.evolve(tool, needs_approval=self.modes[name] == "ask")
            for name, tool in self._tools.items()
            if self.modes[name] != "off"
        ]

    def set_mode(self, name: str, mode: str) -> None:
        """
        Set the mode of a tool; "" turns it off, or on again if it was off.

        Raises:
            asi1.ConfigurationError: There is no such tool, or no such mode.
        """
        if name not in self.modes:
            known = ", ".join(self.modes)
            raise asi1.ConfigurationError(f"{name} is not a tool; there are {known}")
        new = mode or ("ask" if self.modes[name] == "off" else "off")
        if new not in MODES:
            raise asi1.ConfigurationError(
                f"{mode} is not a mode; there are {', '.join(MODES)}"
            )
        self.modes[name] = cast("Mode", new)

    def describe(self) -> Iterator[str]:
        """Yield a line for each tool: its name, its mode and what it does."""
        for name, tool in self._tools.items():
            about = tool.description.partition("\n")[0]
            yield f"{name}: {MODES[self.modes[name]]}" + (
                f" ({about})" if about else ""
            )


def _found(place: str) -> list[asi1.Tool[..., Any]]:
    module_name, colon, name = place.partition(":")
    if not (module_name and colon and name):
        raise _error(place, "must be MODULE:FUNCTION, such as mytools:search")
    if "" not in sys.path and os.getcwd() not in sys.path:  # noqa: PTH109 - loads less
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
    try:
        value: Any = importlib.import_module(module_name)
        for part in name.split("."):
            value = getattr(value, part)
    except Exception as error:
        raise _error(place, f"{type(error).__name__}: {error}") from error
    return [
        _tool(place, each)
        for each in (value if isinstance(value, list | tuple) else [value])
    ]


def _tool(place: str, value: Callable[..., Any]) -> asi1.Tool[..., Any]:
    try:
        made = value if isinstance(value, asi1.Tool) else asi1.tool(value)
        made.spec  # noqa: B018 - reads the function, which may not be fit for a tool
    except asi1.ArgumentError as error:
        raise _error(place, str(error)) from error
    return made


def _error(place: str, problem: str) -> asi1.ConfigurationError:
    return asi1.ConfigurationError(f"--tools {place}: {problem}")
