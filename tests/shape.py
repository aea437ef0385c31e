"""
What can be read of a package's shape from its source alone, nothing imported.

Each rule takes the package's folder and returns what breaks it, one line each: an
empty list is good. `test_package` asks about asi1, `test_shape` about a package with
one fault at a time.
"""

from __future__ import annotations

import ast
import re

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path


__all__ = [
    "badly_listed",
    "foreign_imports",
    "long_functions",
    "long_modules",
    "undocumented_tests",
    "upward_imports",
    "without_floor",
    "without_module",
]

Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules(root: Path) -> dict[str, Path]:
    """Return the file of each module, by its dotted name within the package."""
    files = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if len(parts) > 1 and parts[-1] == "__init__":
            parts = parts[:-1]
        files[".".join(parts)] = path
    return files


def room(module: str) -> str:
    """Return the part of a dotted name that has a floor: ``cli`` of ``cli.chat``."""
    return module.partition(".")[0]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(root: Path, module: str, path: Path) -> Iterator[tuple[int, str]]:
    """
    Yield line and absolute name of each import, wherever in the module it stands.

    Of ``from x import y`` the name is ``x.y``: *y* may be a module.
    """
    package = [root.name, *module.split(".")]
    if path.stem != "__init__":
        package.pop()
    elif module == "__init__":
        package = [root.name]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = [*above, *([node.module] if node.module else [])]
            yield from (
                (node.lineno, ".".join([*base, alias.name])) for alias in node.names
            )


def without_floor(root: Path, floor: Mapping[str, float]) -> list[str]:
    return sorted({room(module) for module in modules(root)} - set(floor))


def without_module(root: Path, floor: Mapping[str, float]) -> list[str]:
    return sorted(set(floor) - {room(module) for module in modules(root)})


def upward_imports(root: Path, floor: Mapping[str, float]) -> list[str]:
    found = []
    rooms = {room(module) for module in modules(root)}
    for module, path in modules(root).items():
        for line, name in imports(root, module, path):
            top, _, inner = name.partition(".")
            if top != root.name:
                continue
            target = room(inner) if room(inner) in rooms else "__init__"
            # What has no floor is another rule's concern.
            if floor.get(target, 0) > floor.get(room(module), 99):
                found.append(f"{module}:{line} imports {target}")
    return found


def foreign_imports(
    root: Path, forbidden: AbstractSet[str], *, rooms: AbstractSet[str] | None = None
) -> list[str]:
    """Name the imports of what is *forbidden* in some rooms, or in all of them."""
    return [
        f"{module}:{line} imports {name}"
        for module, path in modules(root).items()
        if rooms is None or room(module) in rooms
        for line, name in imports(root, module, path)
        if name.partition(".")[0] in forbidden
    ]


def long_modules(root: Path, limit: int) -> list[str]:
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in modules(root).items()
    }
    return [f"{module} has {n} lines" for module, n in lengths.items() if n > limit]


def long_functions(root: Path, limit: int) -> list[str]:
    """Count from ``def`` to the end, without the docstring and the decorators."""
    found = []
    for module, path in modules(root).items():
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, Functions):
                continue
            length = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                first = node.body[0]
                length -= (first.end_lineno or 0) - first.lineno + 1
            if length > limit:
                found.append(f"{module}:{node.lineno} {node.name} has {length} lines")
    return found


def badly_listed(root: Path) -> list[str]:
    """
    Each module has an ``__all__``: a literal, sorted, holding what is public there.

    Public is what is made at the top of the module under a name without an underscore.
    An import may be listed in an ``__init__``, whose task is to pass names on. Sorted
    means constants, then classes, then the rest, numbers by value.
    """
    found = []
    for module, path in modules(root).items():
        tree = tree_of(path)
        listed = listing(tree)
        if listed is None:
            found.append(f"{module} has no literal __all__")
            continue
        if listed != sorted(listed, key=rank):
            found.append(f"{module}: __all__ is not sorted")
        if path.stem == "__init__":
            continue  # what it passes on is for a test that imports it
        made = {name for name in bindings(tree) if not name.startswith("_")}
        unlisted, foreign = made - set(listed), set(listed) - set(bindings(tree))
        found += [f"{module}: {n} is not in __all__" for n in sorted(unlisted)]
        found += [f"{module}: {n} is not made here" for n in sorted(foreign)]
    return found


def listing(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            try:
                return list(ast.literal_eval(node.value or ast.Constant(None)))
            except (TypeError, ValueError):
                return None
    return None


def bindings(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the top level makes, those inside ``if`` and ``try`` too."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (*Functions, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.Lambda | ast.comprehension):
            todo.extend(ast.iter_child_nodes(node))


def rank(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = re.findall(r"\d+|\D+", name)
    return kind, [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]


def undocumented_tests(root: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.name}"
        for path in sorted(root.rglob("test_*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, Functions)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
