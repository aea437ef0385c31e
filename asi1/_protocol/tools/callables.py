"""Reads the name and the docstring of a function that becomes a tool."""

from __future__ import annotations

import functools
import inspect
import re

from collections.abc import Callable
from typing import Any

import attrs

from ..._models.errors import ArgumentError
from ..schema.docstrings import Docs, read_docs


__all__ = [
    "ARGUMENT",
    "annotated",
    "description_of",
    "docs_of",
    "name_of",
    "tool_error",
    "without_partials",
]

# The name of the argument in error messages.
ARGUMENT = "tools"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def name_of(function: Callable[..., Any], name: str | None) -> str:
    """
    Return the name of a function's tool: *name*, or else the function's own.

    Raises:
        ArgumentError: The API does not take the name, or *function* is a generator.
    """
    inner, _ = without_partials(function)
    own_name: str = getattr(inner, "__name__", type(inner).__name__)
    name = _checked_name(name or own_name)
    _refuse_generator(inner, name)
    return name


def description_of(function: Callable[..., Any]) -> str:
    """Return the description in a function's docstring."""
    return docs_of(without_partials(function)[0]).text


def without_partials(function: Any) -> tuple[Any, set[str]]:
    """
    Return the function inside ``functools.partial`` objects, and the arguments they
    set.
    """
    names: set[str] = set()
    while isinstance(function, functools.partial):
        names |= function.keywords.keys()
        function = function.func
    if inspect.isclass(function) or not callable(function):
        message = f"{ARGUMENT}: {function!r} is not a function"
        raise ArgumentError(message, argument=ARGUMENT)
    return function, names


def annotated(function: Any) -> Any:
    """Return the function that has the annotations of a callable object."""
    is_object = not inspect.isroutine(function)
    return inspect.unwrap(type(function).__call__ if is_object else function)


def docs_of(function: Any) -> Docs:
    """Return the docstring of a function or callable object, or that of its class."""
    docs = read_docs(annotated(function))
    if docs.text or inspect.isroutine(function):
        return docs
    return attrs.evolve(docs, text=read_docs(type(function)).text)


def _refuse_generator(function: Any, name: str) -> None:
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise tool_error(
            name, "a generator has no result for the model; return a value"
        )


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise tool_error(
            name, "a tool's name has 1 to 64 ASCII letters, digits, '_' and '-'; set it"
        )
    return name


def tool_error(name: str, reason: str) -> ArgumentError:
    """Return the error that says why the function *name* cannot be a tool."""
    message = f"{ARGUMENT}: {name}: {reason}"
    return ArgumentError(message, argument=ARGUMENT)
