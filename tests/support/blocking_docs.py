"""
Writes the docstrings of the blocking API from those of the async one.

``python -m tests.support.blocking_docs`` rewrites the docstrings in `asi1._blocking`:
the first paragraph of the async twin's docstring, "Same as `AsyncX.y`" with what the
blocking docstring adds itself, and the twin's sections, such as its arguments.
"""

from __future__ import annotations

import ast
import inspect
import re

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asi1


__all__ = ["FOLDER", "rewritten"]

FOLDER = Path(asi1.__file__).parent / "_blocking"
SAME = re.compile(r"^Same as `Async", re.MULTILINE)
SECTION = re.compile(r"(?:Args|Returns|Raises|Reading raises):$", re.MULTILINE)
# Base classes, and the public class in which users see their members.
PARTS = {
    "AgentCalls": "Completions",
    "MapCalls": "Completions",
    "AgentTurns": "Conversation",
}
# Words of async docstrings, and what replaces them in the blocking ones.
WORDS = {
    r"(?<!httpx\.)\bAsync(?=[A-Z])": "",
    r"\basync (?=with|for|iterator)": "",
    r"``await ": "``",
    r"`aclose`": "`close`",
    r"\b([Aa]ny|[Aa]nother) task\b": r"\1 thread",
    r"iterable or async iterable": "iterable",
    r"; may return an awaitable": "",
    r", for asyncio and trio\.": ", with blocking methods.",
}


def rewritten(source: str) -> str:
    """Return a module's *source* with the docstrings that it should have."""
    lines = source.split("\n")
    for docstring, text in reversed([*documented(ast.parse(source))]):
        margin = " " * docstring.col_offset
        new = [f'"""{text}"""'] if "\n" not in text else ['"""', text, '"""']
        lines[docstring.lineno - 1 : docstring.end_lineno] = [
            margin + line if line else "" for line in "\n".join(new).split("\n")
        ]
    return "\n".join(lines)


def documented(tree: ast.Module) -> Iterator[tuple[Any, str]]:
    """Yield each docstring of a public class or member, and the text it should have."""
    for node in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        twin = getattr(asi1, f"Async{PARTS.get(node.name, node.name)}", None)
        if twin is None:
            continue
        if node.name not in PARTS:
            yield node.body[0], written(twin, twin.__name__, ast.get_docstring(node))
        for member in node.body:
            text = isinstance(member, ast.FunctionDef) and ast.get_docstring(member)
            if text and not member.name.startswith("_"):
                name = {"close": "aclose"}.get(member.name, member.name)
                original = getattr(twin, name)
                label = f"{twin.__name__}.{name}"
                yield member.body[0], written(original, label, text)


def written(twin: object, label: str, text: str) -> str:
    """
    Return the docstring of a class or member whose async *twin* has the name *label*.

    What *text*, the present docstring, adds after "Same as" is kept.
    """
    original = inspect.getdoc(twin) or ""
    for pattern, words in WORDS.items():
        original = re.sub(pattern, words, original)
    if isinstance(twin, property):
        return original
    found = SAME.search(text)
    own = SECTION.split(text[found.start() :])[0].strip() if found else ""
    blocks = ", but blocks" if inspect.iscoroutinefunction(twin) else ""
    first, *rest = original.split("\n\n")
    sections = [part for part in rest if SECTION.match(part)]
    return "\n\n".join([first, own or f"Same as `{label}`{blocks}.", *sections])


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.py")):
        path.write_text(rewritten(path.read_text("utf-8")), "utf-8")
