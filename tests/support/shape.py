"""
The rules about a package's structure, checked on its source without importing it.

Each rule takes the package's folder and returns its violations, one line each.
`test_layers` checks asi1, `test_shape` a package with one fault at a time.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import re

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path


__all__ = [
    "badly_listed",
    "crowded_packages",
    "foreign_imports",
    "import_cycles",
    "long_functions",
    "long_modules",
    "misplaced",
    "undocumented_tests",
    "upward_imports",
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


def top(module: str) -> str:
    """Return the top-level part of a module's name: ``cli`` of ``cli.chat``."""
    return module.partition(".")[0]


def inside(module: str, places: Collection[str]) -> bool:
    """
    Return whether *module* is in *places*, or in a package that is in *places*.
    """
    return any(f"{module}.".startswith(f"{place}.") for place in places)


def tree_of(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))[0]


def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module's syntax tree, which must not be changed."""
    return parsed(path.read_text(encoding="utf-8"))[1]


@functools.cache
def parsed(source: str) -> tuple[ast.Module, tuple[ast.AST, ...]]:
    """Return the syntax tree of *source* and all of its nodes."""
    tree = ast.parse(source)
    return tree, (*ast.walk(tree),)


def imports(root: Path, module: str, path: Path) -> Iterator[tuple[int, str]]:
    """
    Yield the line number and the absolute name of each import, anywhere in the module.

    Of ``from x import y`` the name is ``x.y``: *y* may be a module.
    """
    package = [root.name, *module.split(".")]
    if path.stem != "__init__":
        package.pop()
    elif module == "__init__":
        package = [root.name]
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = [*above, *([node.module] if node.module else [])]
            yield from (
                (node.lineno, ".".join([*base, alias.name])) for alias in node.names
            )


def import_graph(root: Path) -> dict[str, dict[str, int]]:
    """
    Return the modules that each module imports, with the line number of each import.

    A name that is not a module belongs to the module above it. A package's ``__init__``
    runs before its modules, but does not count as imported by them.
    """
    files = modules(root)
    graph: dict[str, dict[str, int]] = {module: {} for module in files}
    for module, path in files.items():
        for line, name in imports(root, module, path):
            package, _, target = name.partition(".")
            while target and target not in files:
                target = target.rpartition(".")[0]
            target = target or "__init__"
            if package == root.name and target != module:
                graph[module].setdefault(target, line)
    return graph


def misplaced(root: Path, layers: Sequence[Collection[str]]) -> list[str]:
    """
    Name modules that are in no layer or in two, and names in *layers* that are not
    modules.
    """
    listed = [name for layer in layers for name in layer]
    present = {top(module) for module in modules(root)}
    return [
        *(f"{name} is in no layer" for name in sorted(present - set(listed))),
        *(f"{name} does not exist" for name in sorted(set(listed) - present)),
        *(f"{n} is in two layers" for n in sorted(set(listed)) if listed.count(n) > 1),
    ]


def upward_imports(root: Path, layers: Sequence[Collection[str]]) -> list[str]:
    """Name imports from a higher layer; *layers* lists the lowest layer first."""
    height = {name: i for i, layer in enumerate(layers) for name in layer}
    return [
        f"{module}:{line} imports {target}"
        for module, targets in import_graph(root).items()
        for target, line in targets.items()
        # Modules in no layer are ignored here, since `misplaced` reports them.
        if height.get(top(target), 0) > height.get(top(module), len(layers))
    ]


def import_cycles(root: Path) -> list[str]:
    """Name one cycle of modules that import each other, if the package has a cycle."""
    try:
        graphlib.TopologicalSorter(import_graph(root)).prepare()
    except graphlib.CycleError as error:
        # In a CycleError, a module comes before its importers, so the list is reversed.
        return [" imports ".join(reversed(error.args[1]))]
    return []


def foreign_imports(
    root: Path,
    forbidden: Collection[str],
    *,
    places: Collection[str] | None = None,
    exceptions: Collection[str] = (),
) -> list[str]:
    """
    Name the imports of *forbidden* packages in *places*, or anywhere if *places* is
    None.

    *places* and *exceptions* are names of modules, or of packages with all their
    modules.
    """
    return [
        f"{module}:{line} imports {name}"
        for module, path in modules(root).items()
        if places is None or inside(module, places)
        if not inside(module, exceptions)
        for line, name in imports(root, module, path)
        if top(name) in forbidden
    ]


def crowded_packages(root: Path, limit: int) -> list[str]:
    """
    Name private packages whose ``__init__`` is not just a docstring and an empty
    ``__all__``.

    The docstring has *limit* lines at most. A package is private if a name in its path
    begins with an underscore.
    """
    found = []
    for path in sorted(root.rglob("__init__.py")):
        parts = path.relative_to(root).parent.parts
        if not any(part.startswith("_") for part in parts):
            continue
        tree = tree_of(path)
        doc = ast.get_docstring(tree)
        if doc is None or len(tree.body) != 2 or listing(tree) != []:
            found.append(f"{'.'.join(parts)} is not a docstring and an empty __all__")
        elif len(doc.splitlines()) > limit:
            found.append(
                f"{'.'.join(parts)} has a docstring of more than {limit} lines"
            )
    return found


def long_modules(root: Path, limit: int) -> list[str]:
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in modules(root).items()
    }
    return [f"{module} has {n} lines" for module, n in lengths.items() if n > limit]


def long_functions(root: Path, limit: int) -> list[str]:
    """
    Name functions of more than *limit* lines, docstring and decorators not counted.
    """
    found = []
    for module, path in modules(root).items():
        for node in nodes_of(path):
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
    Name modules whose ``__all__`` is not a sorted literal of all public names.

    A public name is defined at the top of the module and has no leading underscore.
    ``TYPE_CHECKING``, which type checkers take for true, does not count as public.
    Imports may be listed in an ``__init__``, whose task is to re-export names. The
    order is constants, then classes, then the rest, with numbers by value.
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
            continue  # other tests check which names an `__init__` exports
        made = {name for name in bindings(tree) if not name.startswith("_")}
        made.discard("TYPE_CHECKING")
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
    """Yield names that a module defines at top level, also in ``if`` and ``try``."""
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


def definitions(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements of a module and of its classes, where pytest finds tests."""
    for node in tree.body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from node.body


def undocumented_tests(root: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.name}"
        for path in sorted(root.rglob("test_*.py"))
        for node in definitions(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, Functions)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
