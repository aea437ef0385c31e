"""The package about its own shape: layers, sizes, names, twins, errors, imports."""

from __future__ import annotations

from pathlib import Path

import asi1

from ..support.shape import (
    badly_listed,
    crowded_packages,
    foreign_imports,
    import_cycles,
    long_functions,
    long_modules,
    misplaced,
    undocumented_tests,
    upward_imports,
)


ROOT = Path(asi1.__file__).parent

# Bottom up. What stands side by side may import each other, but not in a circle.
LAYERS = [
    ["_version", "_log", "_fork_lock"],
    ["_models"],
    ["_settings"],
    ["_protocol"],
    ["_transport"],
    ["_call"],
    ["_client"],
    ["_blocking"],
    ["__init__"],
    ["testing", "integrations", "cli", "__main__"],
]
PURE = [name for layer in LAYERS[:4] for name in layer]
WORLD = {
    *("anyio", "asyncio", "h11", "httpcore", "httpx", "trio"),
    *("pathlib", "select", "selectors", "shutil", "socket", "ssl", "subprocess"),
    *("random", "secrets", "time", "uuid"),
}
# Gives type checkers the two httpx types that users meet; nothing is loaded.
HTTP_TYPES = "_settings.config"


def test_every_top_level_module_stands_in_one_layer():
    """
    A module or package that is added to the root gets its place in the list of layers.
    """
    assert [] == misplaced(ROOT, LAYERS)


def test_imports_only_point_down():
    """
    A module imports from its own layer or below, in functions and for types too.
    """
    assert [] == upward_imports(ROOT, LAYERS)


def test_modules_do_not_import_each_other_in_a_circle():
    """
    Each module can be read, and tested, after all that it imports.
    """
    assert [] == import_cycles(ROOT)


def test_no_io_clock_or_chance_below_the_transport():
    """
    What decides imports nothing that can wait, connect, tell the time or draw a number.
    """
    assert [] == foreign_imports(ROOT, WORLD, places=PURE, exceptions={HTTP_TYPES})


def test_only_the_transport_knows_httpx():
    """
    The HTTP library is imported where requests are sent, and by the stand-in for a
    server, so that a new release of it concerns one package.
    """
    knowing = {"_transport", "testing", HTTP_TYPES}

    assert [] == foreign_imports(ROOT, {"httpcore", "httpx"}, exceptions=knowing)


def test_only_the_event_decoder_knows_httpx_sse():
    """
    The SSE library is imported in one module.
    """
    knowing = {"_protocol.sse_reader"}

    assert [] == foreign_imports(ROOT, {"httpx_sse"}, exceptions=knowing)


def test_private_packages_hold_a_docstring_only():
    """
    The ``__init__`` of a private package says in three lines what belongs there, and
    what does not: whatever else it held would be loaded with each of its modules.
    """
    assert [] == crowded_packages(ROOT, 3)


def test_modules_are_short():
    """
    No module has more than 300 lines.
    """
    assert [] == long_modules(ROOT, 300)


def test_functions_are_short():
    """
    No function has more than 40 lines, its docstring not counted.
    """
    assert [] == long_functions(ROOT, 40)


def test_every_module_lists_what_is_public():
    """
    Each ``__all__`` is sorted and holds exactly what its module makes public.
    """
    assert [] == badly_listed(ROOT)


def test_every_test_states_its_rule():
    """
    No test is without a docstring.
    """
    assert [] == undocumented_tests(Path(__file__).parents[1])
