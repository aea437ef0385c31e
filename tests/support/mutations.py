"""
Small changes to a module's source, each of which ought to break a test.

A change replaces one comparison, number, string, condition, keyword or statement.
Annotations, docstrings, imports, `__all__` and error messages are not changed: they
have no behaviour, or other tools check them.
"""

from __future__ import annotations

import ast
import copy

from collections.abc import Iterator
from typing import Any

from attrs import define, frozen


__all__ = ["Mutant", "mutants_of", "mutated"]

_SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
# Fields of syntax tree nodes that do not affect behaviour, and so are not changed.
_LEFT_ALONE = {"annotation", "returns", "format_spec", "type_params", "type_comment"}
_TYPES = {"TypeAlias", "TypeVar", "__all__", "public", "cast"}


@frozen
class Mutant:
    """
    One change to one module.

    Attributes:
        module: Name of the module, without the package.
        number: Index of the change among all changes to the module.
        line: Line number of the changed code.
        change: The function, the old code and the new code.
    """

    module: str
    number: int
    line: int
    change: str


@define
class _Slot:
    """
    A position in a syntax tree, and a node that can replace the node at this position.
    """

    parent: ast.AST
    name: str
    place: int | None
    function: str
    line: int
    new: Any

    @property
    def old(self) -> Any:
        here = getattr(self.parent, self.name)
        return here if self.place is None else here[self.place]

    def fill(self) -> None:
        if self.place is None:
            setattr(self.parent, self.name, self.new)
        elif self.new is None:
            del getattr(self.parent, self.name)[self.place]
        else:
            getattr(self.parent, self.name)[self.place] = self.new

    def change(self) -> str:
        old, new = (_as_code(node) for node in (self.old, self.new))
        return f"{self.function}: {old} -> {new}"


def _as_code(node: Any) -> str:
    if node is None:
        return "(nothing)"
    if isinstance(node, ast.keyword):
        return f"{node.arg}={ast.unparse(node.value)}"
    return " ".join(ast.unparse(node).split())[:90]


def _slots(node: ast.AST, function: str, *, strings: bool) -> Iterator[_Slot]:
    """
    Yield a slot for each change below *node*, in strings only if *strings* is true.
    """
    strings = strings and not isinstance(node, ast.Raise)
    for name, value in ast.iter_fields(node):
        if name in _LEFT_ALONE:
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for place, child in children:
            if not isinstance(child, ast.AST) or _has_no_behaviour(child):
                continue
            inside = getattr(child, "name", None) or ""
            where = f"{function}.{inside}".strip(".") if _is_named(child) else function
            line = getattr(child, "lineno", 0) or getattr(node, "lineno", 0)
            for new in _variants(child, node, name, strings=strings):
                yield _Slot(node, name, place, where or "module", line, new)
            yield from _slots(
                child, where, strings=strings and not isinstance(child, ast.JoinedStr)
            )


def _is_named(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _has_no_behaviour(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
        head = ast.Module([node], [])
        names = {n.id for n in ast.walk(head) if isinstance(n, ast.Name)}
        return bool(names & _TYPES)
    return isinstance(node, ast.ClassDef) and node.name.endswith("Options")


def _variants(child: Any, parent: Any, name: str, *, strings: bool) -> Iterator[Any]:
    """Yield the nodes that can replace *child*; None means that *child* is removed."""
    yield from _other_operators(child)
    match child:
        case ast.UnaryOp(op=ast.Not()):
            yield child.operand
        case ast.Constant(value=value) if not isinstance(parent, ast.JoinedStr):
            yield from _other_constants(value, strings=strings)
        case ast.Return(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield ast.Return(ast.Constant(None))
        case ast.keyword(arg=str()):
            yield None
        case ast.Break() | ast.Raise() | ast.Expr() | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
    asked = name in ("test", "ifs", "guard") and isinstance(child, ast.expr)
    if asked and not isinstance(child, ast.UnaryOp | ast.Compare):
        yield ast.UnaryOp(ast.Not(), child)


def _other_operators(child: Any) -> Iterator[Any]:
    match child:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                for swap in _SWAPS.get(type(op), ()):
                    new = copy.deepcopy(child)
                    new.ops[place] = swap()
                    yield new
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op):
            for swap in _SWAPS.get(type(op), ()):
                new = copy.deepcopy(child)
                new.op = swap()
                yield new


def _other_constants(value: object, *, strings: bool) -> Iterator[ast.Constant]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str() if strings:
            yield ast.Constant(f"XX{value}")
        case bytes() if strings:
            yield ast.Constant(b"XX" + value)


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return every change to *source*, in the order of the source."""
    slots = _slots(ast.parse(source), "", strings=True)
    return [
        Mutant(module, number, slot.line, slot.change())
        for number, slot in enumerate(slots)
    ]


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Return the syntax tree of *source* with one change made."""
    tree = ast.parse(source)
    for number, slot in enumerate(_slots(tree, "", strings=True)):
        if number == mutant.number:
            slot.fill()
            break
    return ast.fix_missing_locations(tree)
