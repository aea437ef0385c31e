"""The package about its own shape: layers, sizes, names, twins, errors, imports."""

from __future__ import annotations

import copy
import importlib.metadata
import inspect
import pickle
import subprocess
import sys
import types
import typing

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest

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
from ..support.twins import differences


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


def family(cls):
    """Return an error class of ours and all that inherit from it, listed or not."""
    below = {error for child in cls.__subclasses__() for error in family(child)}
    return {cls, *below} if cls.__module__.startswith("asi1") else below


THINGS = {name: getattr(asi1, name) for name in asi1.__all__}  # loads every module
ERRORS = sorted(family(asi1.ASI1Error), key=lambda cls: cls.__name__)


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


@pytest.mark.parametrize("name", THINGS)
def test_public_names_are_names_of_asi1(name):
    """
    Each public name can be had from ``asi1``, and its class or function says so itself.
    """
    thing = THINGS[name]

    assert name in dir(asi1)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert "asi1" == thing.__module__
        assert name == thing.__qualname__


def test_names_that_do_not_exist_are_attribute_errors():
    """
    A name that asi1 does not have is refused as every module refuses it.
    """
    with pytest.raises(AttributeError, match="'asi1' has no attribute 'giraffe'"):
        _ = asi1.giraffe


def test_every_error_is_public():
    """
    Each error class is listed in ``asi1.__all__`` and calls itself a name of ``asi1``.
    """
    assert asi1.RateLimitError in ERRORS
    assert [] == [e.__name__ for e in ERRORS if e.__name__ not in asi1.__all__]
    assert {"asi1"} == {e.__module__ for e in ERRORS}


def test_the_version_is_that_of_the_distribution():
    """
    ``asi1.__version__`` is the version that was installed.
    """
    assert importlib.metadata.version("asi1") == asi1.__version__


def test_both_clients_offer_the_same():
    """
    Whatever can be reached from `AsyncASI1` can be reached from `ASI1`, under the same
    name, with the same parameters, defaults and types.
    """
    walk = differences(asi1.AsyncASI1, asi1.ASI1)

    assert [] == walk.found
    assert {"create", "map", "stream"} <= {s.rpartition(".")[2] for s in walk.seen}
    assert {"Answers", "Chat", "ChatStream", "Completions", "Pieces"} <= {
        two.__name__ for _, two in walk.paired
    }


def test_twins_refer_to_each_other():
    """
    Each public class and member of the blocking client is documented as the same as its
    async twin, which exists, and a method that was awaited says that it blocks.
    """
    paired = differences(asi1.AsyncASI1, asi1.ASI1).paired
    twins = [(a, b) for a, b in paired if a.__name__ == f"Async{b.__name__}"]
    told, wanted = {}, {}
    for one, two in twins:
        told[two.__name__] = inspect.getdoc(two).partition(".")[0].partition(",")[0]
        wanted[two.__name__] = f"Same as `{one.__name__}`"
        for name in (n for n in vars(two) if not n.startswith("_")):
            twin = {"close": "aclose"}.get(name, name)
            label = f"{two.__name__}.{name}"
            told[label] = inspect.getdoc(getattr(two, name)).removesuffix(
                ", but blocks."
            )
            wanted[label] = f"Same as `{one.__name__}.{twin}`"
            told[label] = told[label].removesuffix(".")
            if inspect.iscoroutinefunction(getattr(one, twin)):
                assert inspect.getdoc(getattr(two, name)).endswith(", but blocks.")

    assert 8 == len(twins)
    assert wanted == told


def sample(kind, name="", depth=0):
    """Return a value of an annotated type that is no default and is its own equal."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(a for a in args if a is not type(None)), name, depth)
    if origin is typing.Literal:
        return args[-1]
    if origin is tuple and depth < 2:
        return (sample(args[0], name, depth + 1),)
    if origin and issubclass(origin, Mapping):
        return {"key": sample(args[1], name, depth + 1)}
    if origin and issubclass(origin, Sequence):
        return ()
    if attrs.has(kind):
        return build(kind, depth + 1)
    plain = {str: f"a {name}", int: 7, float: 1.5, bool: True, bytes: b"\x00\xff"}
    return plain.get(kind, {"key": [None, 1, "two"]})


def build(cls, depth=0):
    """Return an instance of an attrs class with every argument given."""
    hints = typing.get_type_hints(cls.__init__)
    values = {
        field.alias: sample(hints[field.alias], field.name, depth)
        for field in attrs.fields(cls)
        if field.init
    }
    first = [values.pop("message")] if issubclass(cls, Exception) else []
    return cls(*first, **values)


def pickled(error):
    """Return what comes back from a pickle of each protocol, one through the other."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        error = pickle.loads(pickle.dumps(error, protocol))
    return error


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_errors_survive_a_copy(cls, copied):
    """
    An error that was pickled or copied equals the first, in every field and as text.
    """
    error = build(cls)

    twin = copied(error)

    assert cls is type(twin)
    assert error == twin
    assert hash(error) == hash(twin)
    assert (str(error), repr(error), error.args) == (str(twin), repr(twin), twin.args)
    for field in attrs.fields(cls):
        assert getattr(error, field.name) == getattr(twin, field.name)


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_errors_name_no_private_module(cls, protocol):
    """
    A pickled error names public classes only, so that another version of asi1 reads it.
    """
    data = pickle.dumps(build(cls), protocol)

    assert b"asi1" in data
    assert b"asi1._" not in data
    assert b"asi1\n_" not in data


@pytest.mark.parametrize("cls", ERRORS)
def test_errors_differ_by_any_field(cls):
    """
    Two errors are equal only if their class and all their fields are.
    """
    for field in attrs.fields(cls):
        other = build(cls)
        object.__setattr__(other, field.name, object())

        assert build(cls) != other, field.name
    assert all(build(cls) != build(c) for c in ERRORS if c is not cls)


def python(*args):
    """Run this Python, the current folder not on its path; return what it printed."""
    return subprocess.run(
        [sys.executable, "-P", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("library", ["cattrs", "httpcore", "httpx", "httpx_sse"])
def test_importing_asi1_is_light(library):
    """
    ``import asi1`` leaves the heavy libraries to the first use.
    """
    done = python("-c", f"import asi1, sys; print({library!r} in sys.modules)")

    assert ("False\n", "") == (done.stdout, done.stderr)


def test_importing_asi1_is_silent():
    """
    ``import asi1``, and of every name in it, neither warns nor prints.
    """
    done = python("-W", "error", "-c", "import asi1; from asi1 import *")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
