"""
Prepares asi1's docstrings for Sphinx.

A name in single backticks becomes a link if the name has a place in the reference, and
code otherwise. Each attribute gets its type, and its default if it has one.
"""

import builtins
import inspect
import re

from typing import Any, get_type_hints

import attrs

from docutils.nodes import document
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

import asi1


SINGLE = re.compile(r"(?<![`:\w])`([^`\s][^`]*)`(?!`)")
ATTRIBUTE = re.compile(r"    (\w+):(\s.*)")
OPTION = re.compile(r"        (\w+):(\s.*)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc, before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("doctree-read", unlink_builtins)
    return {"parallel_read_safe": True}


def process(
    _: Sphinx, kind: str, name: str, thing: Any, __: object, lines: list[str]
) -> None:
    """Rewrite the lines of one docstring in place."""
    if kind == "class":
        lines[:] = typed_attributes(thing, lines)
    lines[:] = options_as_list(lines)
    owner = name if kind == "class" else name.rpartition(".")[0]
    lines[:] = [SINGLE.sub(lambda m: linked(m[1], owner), line) for line in lines]


def unlink_builtins(_: Sphinx, page: document) -> None:
    """Leave types such as `bytes` without a link: Sphinx would take one of asi1's."""
    for link in list(page.findall(pending_xref)):
        if link["refdomain"] == "py" and hasattr(builtins, link["reftarget"]):
            link.replace_self(link.children)


def linked(name: str, owner: str) -> str:
    """Return the markup of a *name* that stands in the docstring of *owner*."""
    for place in (f"{owner}.{name}", f"asi1.{name}", name):
        if has_page(place):
            return f":py:obj:`{name} <{place}>`"
    return f"``{name}``"


def has_page(place: str) -> bool:
    """Whether *place*, such as ``asi1.ASI1.close``, stands in the reference."""
    package, _, rest = place.partition(".")
    name, *members = rest.split(".")
    if package != "asi1" or name not in asi1.__all__ or len(members) > 1:
        return False
    thing = getattr(asi1, name)
    for member in members:
        thing = getattr(thing, member, None) if inspect.isclass(thing) else None
        if not callable(thing) and not isinstance(thing, property):
            return False
    return True


def typed_attributes(kind: type, lines: list[str]) -> list[str]:
    """Return the *lines* of a class with the types of the attributes that they name."""
    types = {name: stringify_annotation(hint, "smart") for name, hint in hints(kind)}
    defaults = {}
    if attrs.has(kind):
        defaults = {field.name: field.default for field in attrs.fields(kind)}
    typed, inside = [], False
    for line in lines:
        if line and not line.startswith(" "):
            inside = line == "Attributes:"
        found = ATTRIBUTE.fullmatch(line) if inside else None
        if found and found[1] in types:
            name, text = found.groups()
            default = written(defaults.get(name))
            typed.append(f"    {name} ({types[name]}):{default}{text}")
        else:
            typed.append(line)
    return typed


def options_as_list(lines: list[str]) -> list[str]:
    """Return the *lines* with the options below ``**options`` as a list."""
    listed, inside = [], False
    for line in lines:
        if line.strip():
            inside = line.startswith("    **") or (inside and line.startswith(" " * 8))
        found = OPTION.fullmatch(line) if inside else None
        if found:
            listed.append(f"        - ``{found[1]}``:{found[2]}")
        else:
            listed.append(line[2:] if inside and line.startswith(" " * 12) else line)
    return listed


def hints(kind: type) -> list[tuple[str, Any]]:
    """Return the annotations of a class, as pairs."""
    try:
        return list(get_type_hints(kind).items())
    except NameError:  # a name that is imported for type checkers only
        return []


def written(default: object) -> str:
    """Return a default as text; "" if there is none that says something."""
    if isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        return f" (default: ``{default!r}``)"
    return ""
