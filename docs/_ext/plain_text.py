"""
Makes `llms-full.txt`, and the sources that `llms.txt` links to, plain text.

There, the directives of Sphinx would say nothing: names get their docstrings, included
files their text, and tables of contents are left out.
"""

import inspect
import re

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from asi1._settings.options import as_written


ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^`{3,}\{([\w-]+)\} *(.*)\n((?:.*\n)*?)`{3,}$\n?", flags=re.MULTILINE
)
OPTION = re.compile(r'^:([\w-]+): "?(.*?)"?$', flags=re.MULTILINE)
# What autodoc has read, by name.
DOCSTRINGS: dict[str, str] = {}
SIGNATURES: dict[str, str] = {}
NAME = re.compile(r"^\.\. (?:auto|py:)\w+:: (\S+)", flags=re.MULTILINE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build, after sphinx_llms_txt has written its files."""
    app.connect("build-finished", rewrite, priority=900)
    app.connect("autodoc-process-docstring", note_docstring, priority=10)
    app.connect("autodoc-process-signature", note_signature, priority=900)
    return {"parallel_read_safe": True}


def rewrite(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the files in place; a directive that is left over fails the build."""
    if exception is not None or app.builder.format != "html":
        return
    for path in [*app.outdir.glob("_sources/**/*.txt"), app.outdir / "llms-full.txt"]:
        text = BLOCK.sub(plain, path.read_text("utf-8"))
        if left := re.search(r"^(`{3,}\{|\.\. auto).*", text, re.MULTILINE):
            raise ValueError(f"{path.name}: {left[0]}")
        path.write_text(text, "utf-8")


def plain(block: re.Match[str]) -> str:
    """Return what a directive stands for, as Markdown."""
    name, argument, body = block.groups()
    if name == "eval-rst":
        return "\n".join(described(body))
    if name in ("include", "literalinclude"):
        text = (ROOT / argument.replace("../", "")).read_text("utf-8")
        for option, value in OPTION.findall(body):
            text = CUTS.get(option, keep)(text, value)
        inner = BLOCK.sub(plain, text)
        return inner if name == "include" else f"```text\n{inner}```\n"
    return f"({argument})\n" if name == "image" else ""


def keep(text: str, _: str) -> str:
    """Return *text*, for options that cut nothing off."""
    return text


CUTS = {
    "start-at": lambda text, mark: mark + text.partition(mark)[2],
    "start-line": lambda text, n: "\n".join(text.split("\n")[int(n) :]),
    "start-after": lambda text, mark: text.partition(mark)[2],
    "end-before": lambda text, mark: text.partition(mark)[0],
}


def described(body: str) -> Iterator[str]:
    """Yield Markdown for each name of the *body* of a block ``eval-rst``."""
    names = [*NAME.finditer(body)]
    ends = [*(match.start() for match in names[1:]), len(body)]
    for match, end in zip(names, ends, strict=True):
        top = match[1]
        own = inspect.cleandoc(re.sub(r"^ +:.*\n", "", body[match.end() : end]))
        text = own or DOCSTRINGS.get(top, "")
        yield f"### `{top}{SIGNATURES.get(top, '')}`\n\n{text}\n"
        for name, text in DOCSTRINGS.items():
            if name.startswith(f"{top}.") and text:
                yield f"#### `{name}{SIGNATURES.get(name, '')}`\n\n{text}\n"


def note_docstring(
    _: Sphinx, __: str, name: str, ___: Any, ____: object, lines: list[str]
) -> None:
    """Keep the docstring of *name*, before other extensions change it."""
    DOCSTRINGS[name] = "\n".join(lines).strip()


def note_signature(
    _: Sphinx,
    __: str,
    name: str,
    thing: Any,
    ___: object,
    text: str | None,
    ____: str | None,
) -> None:
    """Keep the signature of *name*, with ``**options`` for the options."""
    if inspect.isfunction(thing) and hasattr(thing, "__signature__"):
        text = str(inspect.signature(as_written(thing))).replace("'", "")
        text = text.replace("(self, ", "(")
    SIGNATURES[name] = text or ""
