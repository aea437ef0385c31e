"""The structure of asi1: layers, sizes, names and imports."""

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

# The lowest layer is first. Modules of one layer may import each other, but not in a
# cycle.
LAYERS = [
    ["_version", "_log", "_fork_lock", "_files", "_names", "_install"],
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
IMPURE = {
    *("anyio", "asyncio", "h11", "httpcore", "httpx", "trio"),
    *("pathlib", "select", "selectors", "shutil", "socket", "ssl", "subprocess"),
    *("random", "secrets", "time", "uuid"),
}
# `_settings.config` imports two httpx types, for type checkers only.
HTTP_TYPES = "_settings.config"


def test_every_top_level_module_is_in_exactly_one_layer():
    """
    Each module or package at the top level of asi1 is in the list of layers exactly
    once.
    """
    assert [] == misplaced(ROOT, LAYERS)


def test_no_module_imports_from_a_higher_layer():
    """
    A module of asi1 imports only from its own layer or lower ones, even inside
    functions and under ``TYPE_CHECKING``.
    """
    assert [] == upward_imports(ROOT, LAYERS)


def test_imports_have_no_cycle():
    """
    The modules of asi1 do not import each other in a cycle, so that each module can be
    read and tested after the modules that it imports.
    """
    assert [] == import_cycles(ROOT)


def test_no_module_below_the_transport_imports_io_clock_or_random():
    """
    Modules in the layers below ``_transport`` import no library that can wait, connect,
    read a clock or draw a random number.
    """
    assert [] == foreign_imports(ROOT, IMPURE, places=PURE, exceptions={HTTP_TYPES})


def test_only_the_transport_and_the_fake_server_import_httpx():
    """
    httpx is imported only by the transport, which sends requests, and by the fake
    server, so that a new release of httpx affects few modules.
    """
    knowing = {"_transport", "testing", HTTP_TYPES}

    assert [] == foreign_imports(ROOT, {"httpcore", "httpx"}, exceptions=knowing)


def test_only_one_module_imports_httpx_sse():
    """
    Only one module imports httpx_sse, so that a new release of httpx_sse affects only
    this module.
    """
    knowing = {"_protocol.sse_fields"}

    assert [] == foreign_imports(ROOT, {"httpx_sse"}, exceptions=knowing)


def test_init_of_a_private_package_has_only_a_docstring():
    """
    The ``__init__`` of a private package has a docstring of at most three lines and no
    code. Code there would run whenever any module of the package is imported.
    """
    assert [] == crowded_packages(ROOT, 3)


def test_no_module_has_more_than_300_lines():
    """
    No module of asi1 has more than 300 lines.
    """
    assert [] == long_modules(ROOT, 300)


def test_no_function_has_more_than_40_lines():
    """
    No function of asi1 has more than 40 lines, its docstring not counted.
    """
    assert [] == long_functions(ROOT, 40)


def test_every_module_lists_its_public_names():
    """
    Each ``__all__`` is sorted and has exactly the public names of its module.
    """
    assert [] == badly_listed(ROOT)


def test_every_test_has_a_docstring():
    """
    Each test has a docstring that states what the test asserts.
    """
    assert [] == undocumented_tests(Path(__file__).parents[1])
