"""The source of a package's classes, functions and constants."""

from __future__ import annotations

import ast
import enum
import inspect

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs


__all__ = [
    "Function",
    "Source",
    "annotations",
    "as_text",
    "decorators",
    "place",
    "target",
    "value_of",
    "written",
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Verbatim(str):
    """A string whose repr has no quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class Source:
    """The classes, functions and constants of all files below *root*."""

    def __init__(self, root: Path) -> None:
        self.classes: dict[str, ast.ClassDef] = {}
        self.documented: dict[tuple[str, str | None], ast.ClassDef] = {}
        self.constants: dict[str, ast.AnnAssign] = {}
        self.functions: dict[str, Function] = {}
        self.by_line: dict[tuple[str, int], Function] = {}
        self.overloads: dict[tuple[str, int], list[Function]] = {}
        for path in sorted(root.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            listed = exported(tree)
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    self.methods(path, node.body)
                    self.documented[node.name, ast.get_docstring(node)] = node
                    # If a public and a private class have the same name, the public one
                    # is recorded.
                    if node.name in listed or node.name not in self.classes:
                        self.classes[node.name] = node
                elif isinstance(node, Function) and node.name in listed:
                    self.functions[node.name] = node
                elif isinstance(node, ast.AnnAssign) and target(node) in listed:
                    self.constants[target(node)] = node
            self.methods(path, tree.body)

    def class_of(self, cls: type) -> ast.ClassDef:
        """Return the source of *cls*; docstrings tell classes of one name apart."""
        # Python 3.13 and later remove the indentation from docstrings.
        words = inspect.cleandoc(cls.__doc__) if cls.__doc__ else None
        found = self.documented.get((cls.__name__, words))
        return found or self.classes[cls.__name__]

    def methods(self, path: Path, body: list[ast.stmt]) -> None:
        """
        Record the functions of *body* by file and first line, with their overloads.
        """
        waiting: dict[str, list[Function]] = {}
        for node in body:
            if isinstance(node, Function):
                if "overload" in decorators(node):
                    waiting.setdefault(node.name, []).append(node)
                    continue
                line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                self.by_line[str(path), line] = node
                self.overloads[str(path), line] = waiting.pop(node.name, [])


def exported(tree: ast.Module) -> list[str]:
    """Return the ``__all__`` of a module."""
    return next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            if target(node) == "__all__" and node.value is not None
        ),
        [],
    )


def target(node: ast.stmt) -> str:
    """Return the name that a statement assigns or annotates, or "" if there is none."""
    first = node.targets[0] if isinstance(node, ast.Assign) else None
    first = node.target if isinstance(node, ast.AnnAssign) else first
    return first.id if isinstance(first, ast.Name) else ""


def decorators(node: Function) -> set[str]:
    return {ast.unparse(d).rpartition(".")[2] for d in node.decorator_list}


def written(node: ast.expr | None) -> str:
    """
    Return an annotation as written in the source; a quoted annotation without its
    quotes.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ast.unparse(node) if node else ""


def value_of(default: object) -> str:
    """
    Return a default value as text that is equal in all versions of Python and attrs.
    """
    if default is attrs.NOTHING or isinstance(default, attrs.Factory):
        return "..."
    if isinstance(default, type):
        return default.__name__
    if isinstance(default, bool | int | float | str | bytes | enum.Enum | None):
        return repr(default)
    return repr(default) if default == () else f"{type(default).__name__}(...)"


def place(function: Callable[..., Any]) -> tuple[str, int]:
    """
    Return a function's file and first line; decorators count as part of the function.
    """
    code = inspect.unwrap(function).__code__
    return code.co_filename, code.co_firstlineno


def annotations(node: Function) -> dict[str, str]:
    args = node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    types = {arg.arg: written(arg.annotation) for arg in every if arg}
    return {**types, "return": written(node.returns)}


def as_text(signature: inspect.Signature, types: dict[str, str] | None) -> str:
    """
    Return a signature as text, without self, and with *types* as its annotations.

    Without *types*, the signature is that of a constructor made by attrs, and has the
    types and defaults of the fields.
    """
    parameters = []
    for name, parameter in signature.parameters.items():
        if name in {"self", "cls"}:
            continue
        changed = parameter.replace(annotation=parameter.empty)
        if parameter.default is not parameter.empty:
            default = "..." if types is None else value_of(parameter.default)
            changed = changed.replace(default=Verbatim(default))
        if types and types.get(name):
            changed = changed.replace(annotation=Verbatim(types[name]))
        parameters.append(changed)
    text = str(inspect.Signature(parameters))
    return f"{text} -> {types['return']}" if types and types["return"] else text
