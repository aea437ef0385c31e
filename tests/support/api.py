"""
The public API as lines of text, one per name, member and option.

``python -m tests.support.api`` writes them to ``tests/package/api.txt``, with which
`test_api` compares them. Parameters and defaults are those of the running package;
annotations are copied from the source, because Python's text of them differs from
version to version. A member that a class inherits from a public class is listed with
that class only.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import pkgutil
import typing

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

import asi1
import asi1.integrations
import asi1.testing

from asi1._settings.options import as_written
from asi1.cli._parser import build_parser

from .api_source import (
    Function,
    Source,
    annotations,
    as_text,
    decorators,
    place,
    target,
    value_of,
    written,
)


__all__ = ["SNAPSHOT", "differences", "public_api"]

SNAPSHOT = Path(__file__).parents[1] / "package" / "api.txt"
ROOT = Path(asi1.__file__).parent

# Special methods left out of a snapshot: they do not show how an object is used.
COMMON = {*vars(object), "__del__", "__attrs_post_init__", "__setstate__"}


class Snapshot:
    """The public names of all public modules, as lines of text."""

    def __init__(self) -> None:
        self.source = Source(ROOT)
        self.lines: list[str] = []
        modules = list(public_modules())
        self.names = {module.__name__ for module in modules}
        self.public = {
            thing
            for module in modules
            for thing in (getattr(module, name) for name in module.__all__)
            if inspect.isclass(thing)
        }
        for module in modules:
            for name in module.__all__:
                self.thing(module.__name__, name, getattr(module, name))

    def add(self, label: str, kind: str, text: str = "", doc: object = "given") -> None:
        note = "" if doc else "  (no docstring)"
        self.lines.append(f"{label}  {kind}{text}{note}")

    def thing(self, module: str, name: str, value: Any) -> None:
        """Add the line of one public name of a module, and the lines of its members."""
        label = f"{module}.{name}"
        home = getattr(value, "__module__", module)
        defined = inspect.isclass(value) or inspect.isfunction(value)
        if defined and home != module and home in self.names:
            self.add(label, f"same as {home}.{name}")
        elif inspect.isclass(value):
            self.a_class(label, value)
        elif inspect.isfunction(value):
            self.function(label, "function", value)
        elif name in self.source.constants:
            node = self.source.constants[name]
            alias = written(node.annotation) == "TypeAlias"
            text = written(node.value if alias else node.annotation)
            self.add(label, "type " if alias else "constant: ", text)
        elif name in self.source.functions:  # a decorated function, such as a fixture
            node = self.source.functions[name]
            kind = " ".join(sorted(decorators(node)))
            doc = ast.get_docstring(node)
            self.add(label, kind, f" -> {written(node.returns)}", doc)
        else:
            self.add(label, f"constant: {type(value).__name__}")

    def a_class(self, label: str, cls: type) -> None:
        """Add a class and its members, except those inherited from a public class."""
        if typing.is_typeddict(cls):
            parents = [ast.unparse(b) for b in self.source.classes[cls.__name__].bases]
            kind = "keys" if cls.__total__ else "optional keys"
        else:
            parents = [base.__name__ for base in self.parents(cls)]
            kind = "class"
        text = f" ({', '.join(parents)})" if parents else ""
        self.add(label, kind, text, cls.__doc__)
        seen: set[str] = set()
        for owner in self.owners(cls):
            node = self.source.class_of(owner)
            found = {n.name: n for n in node.body if isinstance(n, Function)}
            fields = {target(n): n for n in node.body if isinstance(n, ast.AnnAssign)}
            for name in sorted(({*found, *fields, *vars(owner)}) - seen):
                seen.add(name)
                if name in fields:
                    self.field(label, cls, fields[name])
                elif name in found or not name.startswith("_") or name == "__init__":
                    self.member(label, name, vars(owner).get(name), found.get(name))

    def private(self, cls: type) -> bool:
        return cls.__module__.partition(".")[0] == "asi1" and cls not in self.public

    def parents(self, cls: type) -> Iterator[type]:
        for base in cls.__bases__:
            if self.private(base):
                yield from self.parents(base)
            elif base is not object:
                yield base

    def owners(self, cls: type) -> Iterator[type]:
        """Yield *cls* and the private classes that *cls* inherits from."""
        yield cls
        for base in cls.__bases__:
            if self.private(base):
                yield from self.owners(base)

    def field(self, label: str, cls: type, node: ast.AnnAssign) -> None:
        name = target(node)
        if name.startswith("_"):
            return
        text = f": {written(node.annotation)}"
        known = attrs.fields_dict(cls).get(name) if attrs.has(cls) else None
        if known is not None and known.default is not attrs.NOTHING:
            text += f" = {value_of(known.default)}"
        kind = "key" if typing.is_typeddict(cls) else "field"
        self.add(f"{label}.{name}", kind, text)

    def member(self, label: str, name: str, value: Any, node: Function | None) -> None:
        if name.startswith("_") and name in COMMON - {"__init__"}:
            return
        if name.startswith("_") and not name.endswith("__"):
            return
        label = f"{label}.{name}"
        if isinstance(value, classmethod | staticmethod):
            self.function(label, type(value).__name__, value.__func__)
        elif inspect.isfunction(value):
            # An `__init__` that has a docstring and is not made by attrs is left out,
            # since only asi1 calls it.
            if name != "__init__" or (by_attrs(value) or not value.__doc__):
                self.function(label, "method", value)
        elif isinstance(value, property):
            node = self.source.by_line[place(value.fget)]
            kind = "settable property" if value.fset else "property"
            self.add(label, kind, f": {written(node.returns)}", value.__doc__)
        elif node is not None:  # a cached property, which attrs replaces
            doc = ast.get_docstring(node)
            self.add(label, "property", f": {written(node.returns)}", doc)
        elif not inspect.ismemberdescriptor(value):
            self.add(label, f"attribute: {type(value).__name__}")

    def function(self, label: str, kind: str, value: Callable[..., Any]) -> None:
        """Add a line for a function or method, and a line for each of its overloads."""
        if by_attrs(value):
            types = None
        elif place(value) in self.source.by_line:
            types = annotations(self.source.by_line[place(value)])
        else:
            return  # Python adds an `__init__` without source to a Protocol
        waits = inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
        kind = f"async {kind}" if waits else kind
        # Special methods need no docstring, since Python defines what they do.
        doc = label.endswith("__") or value.__doc__
        # A signature that lists its options is recorded as in the source, with
        # ``**options``.
        source = as_written(value) if "__signature__" in vars(value) else value
        self.add(label, f"{kind} ", as_text(inspect.signature(source), types), doc)
        for node in self.source.overloads.get(place(value), ()):
            arguments = ast.unparse(node.args).removeprefix("self, ")
            self.add(label, "overload ", f"({arguments}) -> {written(node.returns)}")


def by_attrs(function: Callable[..., Any]) -> bool:
    return place(function)[0].startswith("<attrs")


def public_modules() -> Iterator[ModuleType]:
    """Yield the modules that users import, except those of the command line."""
    yield asi1
    for package in (asi1.testing, asi1.integrations):
        yield package
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if "._" not in found.name:
                yield importlib.import_module(found.name)


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the commands, arguments and options of the command line."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield f"$ {command.prog}"
                yield from options(command)
        elif action.option_strings:
            value = f" {action.metavar}" if action.metavar else ""
            yield f"$ {parser.prog} {', '.join(action.option_strings)}{value}"
        else:
            yield f"$ {parser.prog} {action.dest} (nargs={action.nargs})"


def public_api() -> list[str]:
    """Return the lines of the whole public API, sorted."""
    return sorted([*Snapshot().lines, *options(build_parser())])


def differences(old: list[str], new: list[str]) -> list[str]:
    """
    Return the lines that only *old* has, each with a leading minus, and the lines that
    only *new* has, each with a leading plus.
    """
    gone = [f"- {line}" for line in old if line not in new]
    added = [f"+ {line}" for line in new if line not in old]
    return sorted([*gone, *added], key=lambda line: line[2:])


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(public_api()) + "\n", encoding="utf-8")
