"""
Compares an async class with its blocking twin, which must have the same API.

If the annotations of two compared members name classes of the package, the classes in
the same places are compared next.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing

from collections.abc import Callable, Iterator
from typing import Any

import asi1

from asi1._blocking import models, raw_calls
from asi1._client import models as async_models
from asi1._client import raw_calls as async_raw_calls


__all__ = ["differences"]

# Async methods whose blocking twin has another name: async name, blocking name.
RENAMED = {"aclose": "close"}
SPECIAL = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}


class Twins:
    """
    A comparison of async classes with their blocking twins: `found` has the
    differences, `seen` the compared members.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[str] = []
        self.seen: set[str] = set()
        self.paired: set[tuple[type, type]] = set()

    def classes(self, one: type, two: type) -> None:
        if (one, two) in self.paired or one is two:
            return
        self.paired.add((one, two))
        names, twins = members(one), members(two)
        wanted = {RENAMED.get(n, SPECIAL.get(n, n)): n for n in names}
        for name in sorted(set(wanted) ^ set(twins)):
            alone = one if name in wanted else two
            self.found.append(f"{alone.__name__}.{wanted.get(name, name)} has no twin")
        for name in sorted(set(wanted) & set(twins)):
            self.member(
                f"{one.__name__}.{wanted[name]}", names[wanted[name]], twins[name]
            )

    def member(self, label: str, one: object, two: object) -> None:
        self.seen.add(label)
        if kind(one) != kind(two):
            self.found.append(f"{label} is {kind(one)}, its twin {kind(two)}")
        elif kind(one) == "a method":
            self.methods(label, function(one), function(two))
        elif kind(one) == "a property":
            self.annotations(label, hints(getter(one)), hints(getter(two)))
        elif kind(one) == "a field":
            self.annotations(label, {"return": one}, {"return": two})

    def methods(
        self, label: str, one: Callable[..., Any], two: Callable[..., Any]
    ) -> None:
        if inspect.iscoroutinefunction(two) or inspect.isasyncgenfunction(two):
            self.found.append(f"{label}: its twin does not block")
        self.signatures(label, one, two)
        ones, twos = typing.get_overloads(one), typing.get_overloads(two)
        if len(ones) != len(twos):
            self.found.append(f"{label}: {len(ones)} overloads, its twin {len(twos)}")
        for i, (a, b) in enumerate(zip(ones, twos, strict=False), 1):
            self.signatures(f"{label} (overload {i})", a, b)

    def signatures(
        self, label: str, one: Callable[..., Any], two: Callable[..., Any]
    ) -> None:
        if shape(one) == shape(two):
            self.annotations(label, hints(one), hints(two))
        else:
            self.found.append(f"{label}{shape(one)} differs from its twin{shape(two)}")

    def annotations(self, label: str, one: dict[str, Any], two: dict[str, Any]) -> None:
        for name in sorted(set(one) | set(two)):
            a, b = one.get(name), two.get(name)
            if plain(a) != plain(b):
                self.found.append(f"{label}: {name} is {a}, with its twin {b}")
                continue
            # A union may name a class more than once.
            ones, twos = dict.fromkeys(self.ours(a)), dict.fromkeys(self.ours(b))
            for first, second in zip(ones, twos, strict=True):
                if name == "return" and second.__name__.startswith("Async"):
                    self.found.append(f"{label}: its twin returns {second.__name__}")
                self.classes(first, second)

    def ours(self, annotation: Any) -> Iterator[type]:
        cls = typing.get_origin(annotation) or annotation
        module = getattr(cls, "__module__", "")
        if inspect.isclass(cls) and module.partition(".")[0] == self.package:
            yield cls
        for inner in typing.get_args(annotation):
            yield from self.ours(inner)


def differences(one: type, two: type) -> Twins:
    """
    Compare the async class *one* with the blocking class *two*, and all classes that
    the annotations of their members name.
    """
    walk = Twins(one.__module__.partition(".")[0])
    walk.classes(one, two)
    # Users create clients only, so no other constructors are compared.
    walk.member(f"{one.__name__}.__init__", one.__init__, two.__init__)
    return walk


def members(cls: type) -> dict[str, object]:
    """Return a class's public members, and its special methods that have twins."""
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if base.__module__ in {"builtins", "typing", "abc"}:
            continue
        # Annotations replace default values, since fields are compared by their types.
        found |= vars(base)
        found |= inspect.get_annotations(base, globals=home(base), eval_str=True)
    special = {*SPECIAL, *SPECIAL.values()}
    return {n: m for n, m in found.items() if not n.startswith("_") or n in special}


def home(cls: type) -> dict[str, Any]:
    """Return the globals of *cls*'s defining module, even if `__module__` differs."""
    package = cls.__module__.partition(".")[0]
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}.") and vars(module).get(cls.__name__) is cls:
            return vars(module)
    return vars(sys.modules[cls.__module__])


def function(member: Any) -> Callable[..., Any]:
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    return typing.cast("Callable[..., Any]", inspect.unwrap(member))


def getter(member: Any) -> Callable[..., Any]:
    return typing.cast(
        "Callable[..., Any]", getattr(member, "fget", None) or member.func
    )


def kind(member: object) -> str:
    if isinstance(member, property) or hasattr(member, "attrname"):
        return "a property"
    if inspect.isfunction(member) or isinstance(member, classmethod | staticmethod):
        return "a method"
    return "a field"


def hints(func: Callable[..., Any]) -> dict[str, Any]:
    # Names that asi1 imports lazily may be missing in a function's globals, so they are
    # passed as local names.
    lazy = {name: getattr(asi1, name) for name in asi1.__all__}
    for module in (models, raw_calls, async_models, async_raw_calls):
        lazy |= {name: getattr(module, name) for name in module.__all__}
    return typing.get_type_hints(func, localns=lazy, include_extras=True)


def shape(func: Callable[..., Any]) -> str:
    """Return a function's parameters as text: their names, kinds and defaults."""
    parameters = inspect.signature(func).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare))


def plain(annotation: Any) -> str:
    """Return an annotation as text, with the async types written as blocking ones."""
    text = inspect.formatannotation(annotation)
    # module names are removed: `a.b.C` becomes `C`
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)
    text = re.sub(r"\bAsync(?=[A-Z])", "", text)
    # what only the async method takes is removed: `Iterable[X] | AsyncIterable[X]`
    text = re.sub(r"\b(Iterable\[.*\]) \| \1", r"\1", text)
    text = re.sub(r"\bAwaitable\[(.*)\]", r"\1", text)
    text = re.sub(r"\bCoroutine\[Any, Any, (.*)\]", r"\1", text)
    return re.sub(
        r"\bGenerator\[([^\[\]]*), None, None\]", r"Generator[\1, None]", text
    )
