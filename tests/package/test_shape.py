"""Each rule of the package's structure reports the violation that a test creates."""

from __future__ import annotations

import itertools
import sys
import types

from collections.abc import AsyncIterator, Iterator

import pytest

from ..support import shape
from ..support.twins import differences


LAYERS = [["_ground"], ["_upper", "_inner"], ["__init__"], ["cli"]]
GOOD = {
    "__init__.py": '"""The front door."""\n\n__all__ = ["thing"]\n',
    "_ground.py": (
        '"""Things."""\n\nTYPE_CHECKING = False\n__all__ = ["thing"]\nthing = 1\n'
    ),
    "_upper.py": (
        '"""More."""\n\nfrom ._ground import thing\n\n'
        '__all__ = ["BIG", "Big", "big2", "big10"]\n'
        "BIG = thing\nclass Big: ...\nbig2, (big10, _small) = 1, (2, 3)\n"
    ),
    "_inner/__init__.py": '"""In.\nAnd\nout."""\n\n__all__: list[str] = []\n',
    "_inner/one.py": '"""One."""\n\nfrom .._upper import BIG\n\n__all__ = []\n',
    "_inner/two.py": '"""Two."""\n\nfrom . import one\n\n__all__ = []\n',
    "cli/__init__.py": '"""Words."""\n\nimport dummy\n\n__all__ = []\n',
    "cli/chat.py": '"""Chat."""\n\nfrom .. import _upper\n\n__all__ = []\n',
}

BREAKS = {
    "no-layer": ("_lost.py", "", "misplaced"),
    "no-layer-for-a-package": ("_lost/one.py", "", "misplaced"),
    "listed-module-missing": ("_upper.py", None, "misplaced"),
    "upward-import": ("_ground.py", "from ._upper import BIG", "upward_imports"),
    "upward-import-by-absolute-name": (
        "_ground.py",
        "from dummy._upper import BIG",
        "upward_imports",
    ),
    "upward-import-of-a-whole-module": (
        "_ground.py",
        "import dummy._upper",
        "upward_imports",
    ),
    "upward-import-in-a-function": (
        "_ground.py",
        "def f():\n from . import _upper",
        "upward_imports",
    ),
    "upward-import-for-types": (
        "_ground.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from ._upper import BIG",
        "upward_imports",
    ),
    "upward-import-of-the-root": ("_upper.py", "from . import thing", "upward_imports"),
    "upward-import-in-the-root": (
        "__init__.py",
        "from .cli import chat",
        "upward_imports",
    ),
    "upward-import-of-an-unknown-name": (
        "_upper.py",
        "from . import nothing",
        "upward_imports",
    ),
    "upward-import-of-a-top-package": (
        "_upper.py",
        "from .cli.chat import x",
        "upward_imports",
    ),
    "upward-import-of-a-package": (
        "_ground.py",
        "from ._inner import one",
        "upward_imports",
    ),
    "upward-import-in-a-package": (
        "_inner/one.py",
        "from ..cli import x",
        "upward_imports",
    ),
    "cycle": ("_upper.py", "from ._inner import one", "import_cycles"),
    "cycle-by-absolute-name": ("_upper.py", "import dummy._inner.one", "import_cycles"),
    "cycle-in-a-function": (
        "_upper.py",
        "def f():\n from ._inner.one import x",
        "import_cycles",
    ),
    "cycle-for-types": (
        "_upper.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from ._inner import two",
        "import_cycles",
    ),
    "cycle-in-a-package": ("_inner/one.py", "from .two import x", "import_cycles"),
    "cycle-with-the-root": ("__init__.py", "from . import cli", "import_cycles"),
    "package-with-an-import": (
        "_inner/__init__.py",
        '"""In."""\nfrom .one import x\n__all__ = []',
        "crowded_packages",
    ),
    "package-with-a-name": (
        "_inner/__init__.py",
        '"""In."""\n__all__ = ["x"]',
        "crowded_packages",
    ),
    "package-with-a-long-docstring": (
        "_inner/__init__.py",
        '"""In.\nAnd\nout.\nOr up."""\n__all__ = []',
        "crowded_packages",
    ),
    "package-without-a-docstring": (
        "_inner/__init__.py",
        "x = 1\n__all__ = []",
        "crowded_packages",
    ),
    "package-without-all": (
        "_inner/__init__.py",
        '"""In."""',
        "crowded_packages",
    ),
    "private-package-in-a-public-one": (
        "cli/_inner/__init__.py",
        "",
        "crowded_packages",
    ),
    "public-name-not-listed": (
        "_upper.py",
        "__all__ = []\ndef f(): ...",
        "badly_listed",
    ),
    "public-name-in-try-not-listed": (
        "_upper.py",
        "__all__ = []\ntry:\n  x = 1\nexcept ValueError:\n  pass",
        "badly_listed",
    ),
    "all-not-sorted": ("_upper.py", '__all__ = ["b", "a"]\na = b = 1', "badly_listed"),
    "all-not-sorted-by-kind": (
        "_upper.py",
        '__all__ = ["Aa", "B1"]\nAa = B1 = 1',
        "badly_listed",
    ),
    "all-not-sorted-by-number": (
        "_upper.py",
        '__all__ = ["a10", "a2"]\na10 = a2 = 1',
        "badly_listed",
    ),
    "import-listed": (
        "_upper.py",
        'from ._ground import thing\n__all__ = ["thing"]',
        "badly_listed",
    ),
    "no-all": ("_upper.py", "x = 1", "badly_listed"),
    "all-not-literal": ("_upper.py", "__all__ = sorted(vars())", "badly_listed"),
}


@pytest.fixture
def package(tmp_path):
    """Return the folder of a small package that passes every check of its structure."""
    root = tmp_path / "dummy"
    for name, text in GOOD.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def violations(root, rule):
    """Return the violations of one rule in a package."""
    rules = {
        "foreign_imports": lambda: shape.foreign_imports(
            root, {"time"}, places={"_ground", "_inner"}, exceptions={"_inner.two"}
        ),
        "misplaced": lambda: shape.misplaced(root, LAYERS),
        "upward_imports": lambda: shape.upward_imports(root, LAYERS),
        "crowded_packages": lambda: shape.crowded_packages(root, 3),
        "long_modules": lambda: shape.long_modules(root, 9),
        "long_functions": lambda: shape.long_functions(root, 3),
    }
    return rules.get(rule, lambda: getattr(shape, rule)(root))()


@pytest.mark.parametrize("rule", shape.__all__)
def test_package_with_a_correct_structure_has_no_violations(package, rule):
    """
    A package with a correct structure has no violation of any rule.
    """
    assert [] == violations(package, rule)


@pytest.mark.parametrize(("file", "text", "rule"), BREAKS.values(), ids=BREAKS)
def test_each_rule_reports_a_module_that_breaks_it(package, file, text, rule):
    """
    If a module has one fault, the rule that forbids this fault reports one violation.
    """
    path = package / file
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert 1 == len(violations(package, rule))


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import time as t",
        "from time import sleep",
        "import os, time",
        "def f():\n    import time",
    ],
)
def test_import_ban_for_some_modules_does_not_apply_to_other_modules(package, line):
    """
    A ban on an import may name the modules to which it applies. The import is found
    there in any form, but not in other modules or in the exceptions of the ban.
    """
    (package / "_upper.py").write_text(line)
    (package / "_inner/two.py").write_text(line)
    assert [] == violations(package, "foreign_imports")

    (package / "_ground.py").write_text(line)
    (package / "_inner/one.py").write_text(line)
    assert 2 == len(violations(package, "foreign_imports"))


def test_import_ban_that_names_no_modules_applies_to_every_module(package):
    """
    If a ban on an import names no modules, the import is found in every module. Only
    the modules that the ban lists as exceptions may have it.
    """
    for name in ("_ground.py", "_groundling.py", "_inner/one.py", "cli/chat.py"):
        (package / name).write_text("import time")

    found = shape.foreign_imports(package, {"time"}, exceptions={"_ground", "_inner"})

    assert ["_groundling:1 imports time", "cli.chat:1 imports time"] == found


def test_module_in_two_layers_is_reported(package):
    """
    A module may be in only one layer. If the list of layers has it twice, this is
    reported, since its layer would be ambiguous.
    """
    assert ["cli is in two layers"] == shape.misplaced(package, [["cli"], *LAYERS])


def test_import_cycle_is_reported_in_the_direction_of_the_imports(package):
    """
    An import cycle of the modules one and two is reported as "one imports two imports
    one".
    """
    (package / "_upper.py").write_text("from ._inner.two import x")

    assert [
        "_inner.one imports _upper imports _inner.two imports _inner.one"
    ] == shape.import_cycles(package)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param("    1\n    2\n", 0, id="fits"),
        pytest.param("    1\n    2\n    3\n", 1, id="too-long"),
        pytest.param('    """\n    A.\n\n    B.\n    """\n    1\n', 0, id="docstring"),
        pytest.param("    1\n    2\n    3\n\n\n", 1, id="empty-lines-after"),
    ],
)
@pytest.mark.parametrize("head", ["def f():\n", "@g\n@g\n@g\nasync def f():\n"])
def test_function_length_excludes_docstring_and_decorators(package, head, body, found):
    """
    A function's length is counted from ``def`` to the last line, less the docstring.
    """
    (package / "_upper.py").write_text(head + body)

    assert found == len(violations(package, "long_functions"))


def test_long_modules_and_tests_without_a_docstring_are_reported(package):
    """
    A module that is one line too long is reported, as is a test without a docstring.
    """
    (package / "_upper.py").write_text("1\n" * 10)
    (package / "test_it.py").write_text("class T:\n    async def test_it(self): ...\n")

    assert ["_upper has 10 lines"] == violations(package, "long_modules")
    assert ["test_it.py:2 test_it"] == violations(package, "undocumented_tests")


ASYNC_TREE = """
class AsyncLeaf:
    def __aiter__(self) -> "AsyncIterator[int]": ...
    async def read(self, n: int = 1) -> str: ...

class AsyncTree:
    size: int
    def __init__(self, key: str = "k", *, child: "AsyncTree | None" = None): ...
    @property
    def leaf(self) -> AsyncLeaf: ...
    @typing.overload
    async def ask(self, word: str) -> str: ...
    @typing.overload
    async def ask(self, word: int) -> int: ...
    async def ask(self, word: str | int) -> str | int: ...
    async def aclose(self) -> None: ...
"""
TREE = """
class Leaf:
    def __iter__(self) -> "Iterator[int]": ...
    def read(self, n: int = 1) -> str: ...

class Tree:
    size: int
    def __init__(self, key: str = "k", *, child: "Tree | None" = None): ...
    @property
    def leaf(self) -> Leaf: ...
    @typing.overload
    def ask(self, word: str) -> str: ...
    @typing.overload
    def ask(self, word: int) -> int: ...
    def ask(self, word: str | int) -> str | int: ...
    def close(self) -> None: ...
"""
numbers = itertools.count()


def compared(monkeypatch, blocking):
    """Return how the class `Tree` in *blocking* differs from `AsyncTree`."""
    module = types.ModuleType(f"trees{next(numbers)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    vars(module).update(
        typing=__import__("typing"), AsyncIterator=AsyncIterator, Iterator=Iterator
    )
    exec(ASYNC_TREE + blocking, vars(module))
    return differences(module.AsyncTree, module.Tree)


def test_all_members_of_an_async_class_and_its_blocking_twin_are_compared(monkeypatch):
    """
    An async class and its exact blocking twin have no differences. Each member of the
    class is compared, and each member of the classes that these members return.
    """
    result = compared(monkeypatch, TREE)

    assert [] == result.found
    assert {
        "AsyncTree.__init__",
        "AsyncTree.aclose",
        "AsyncTree.ask",
        "AsyncTree.leaf",
        "AsyncTree.size",
        "AsyncLeaf.__aiter__",
        "AsyncLeaf.read",
    } == result.seen


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("n: int = 1", "n: int = 1, m: int = 2", id="extra-parameter"),
        pytest.param("n: int = 1", "", id="missing-parameter"),
        pytest.param("n: int = 1", "k: int = 1", id="parameter-name"),
        pytest.param("n: int = 1", "*, n: int = 1", id="parameter-kind"),
        pytest.param("n: int = 1", "n: int = 2", id="default"),
        pytest.param("n: int = 1", "n: str = 1", id="annotation"),
        pytest.param("-> str: ...\n\n", "-> bytes: ...\n\n", id="return-type"),
        pytest.param("def read", "async def read", id="twin-does-not-block"),
        pytest.param("def read", "def fetch", id="name"),
        pytest.param(
            "def read", "def more(self): ...\n    def read", id="extra-method"
        ),
        pytest.param("def __iter__", "def __next__", id="special"),
        pytest.param("Iterator[int]", "Iterator[str]", id="special-return-type"),
        pytest.param("leaf(self) -> Leaf", "leaf(self) -> AsyncLeaf", id="property"),
        pytest.param("@property", "", id="property-or-method"),
        pytest.param('key: str = "k"', "key: str", id="constructor"),
        pytest.param(
            "(self, word: int) -> int", "(self, word: int) -> str", id="overload"
        ),
        pytest.param("size: int", "size: str", id="field"),
        pytest.param("size: int", "", id="missing-field"),
        pytest.param("def close", "def aclose", id="not-renamed"),
    ],
)
def test_each_difference_of_an_async_class_and_its_blocking_twin_is_found(
    monkeypatch, old, new
):
    """
    A member or annotation that differs between an async class and its blocking twin is
    reported.
    """
    assert old in TREE

    assert compared(monkeypatch, TREE.replace(old, new)).found
