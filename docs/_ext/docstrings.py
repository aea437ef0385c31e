"""
Prepares asi1's docstrings for Sphinx.

A name in single backticks becomes a link if the name has a place in the reference, and
code otherwise. Attributes get their defaults; Sphinx itself adds the types.
"""

import builtins
import inspect
import re

from typing import Any

import attrs

from docutils.nodes import document
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

import asi1

from asi1._settings.options import as_written


SINGLE = re.compile(r"(?<![`:\w])`([^`\s][^`]*)`(?!`)")
ATTRIBUTE = re.compile(r"    (\w+):(\s.*)")
SHOWN = bool | int | float | str
OPTION = re.compile(r"        (\w+):(\s.*)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc, before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("autodoc-process-docstring", shorten_types, priority=900)
    app.connect("autodoc-process-signature", shorten)
    app.connect("doctree-read", unlink_builtins)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    return {"parallel_read_safe": True}


def process(
    _: Sphinx, kind: str, name: str, thing: Any, __: object, lines: list[str]
) -> None:
    """Rewrite the lines of one docstring in place."""
    if kind in ("class", "exception"):
        lines[:] = with_defaults(thing, lines)
    lines[:] = options_as_list(lines)
    owner = name if kind in ("class", "exception") else name.rpartition(".")[0]
    lines[:] = [SINGLE.sub(lambda m: linked(m[1], owner), line) for line in lines]


def shorten_types(
    _: Sphinx, __: str, ___: str, ____: Any, _____: object, lines: list[str]
) -> None:
    """Mend types with a string in them, in which Sphinx (9.0) leaves the sign ``~``."""
    for place, line in enumerate(lines):
        if line.startswith(":vartype") and "'" in line:
            lines[place] = re.sub(r"~(\w+\.)*", "", line)


def shorten(
    _: Sphinx,
    kind: str,
    __: str,
    thing: Any,
    ___: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | str | None:
    """Leave out the arguments of classes that users do not construct."""
    if kind == "class" and "do not construct" in (thing.__init__.__doc__ or ""):
        return "", None
    if inspect.isfunction(thing) and hasattr(thing, "__signature__"):
        # The options have their own page.
        written = inspect.signature(as_written(thing))
        parameters = [*written.parameters.values()]
        bare = [p.replace(annotation=p.empty) for p in parameters if p.name != "self"]
        return str(inspect.Signature(bare)), None
    return signature and (signature.replace("NOTHING", "..."), returns)


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


def with_defaults(kind: type, lines: list[str]) -> list[str]:
    """Return the *lines* of a class with the defaults of the attributes they name."""
    defaults = {}
    if attrs.has(kind):
        defaults = {field.name: field.default for field in attrs.fields(kind)}
    changed, inside = [], False
    for line in lines:
        if line and not line.startswith(" "):
            inside = line == "Attributes:"
        found = ATTRIBUTE.fullmatch(line) if inside else None
        default = defaults.get(found[1]) if found else None
        if found and default not in (None, "") and isinstance(default, SHOWN):
            line = f"    {found[1]}: Default: ``{default!r}``.{found[2]}"  # noqa: PLW2901
        changed.append(line)
    return changed


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
