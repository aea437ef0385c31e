"""Public names of `asi1`, and the effects of importing it."""

from __future__ import annotations

import importlib.metadata
import inspect
import pydoc
import re
import subprocess
import sys

import pytest

import asi1


PUBLIC = {name: getattr(asi1, name) for name in asi1.__all__}  # loads every lazy name


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_has_asi1_as_its_module(name):
    """
    Each public name is in ``dir(asi1)``, and its class or function has ``asi1`` as its
    module.
    """
    value = PUBLIC[name]

    assert name in dir(asi1)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert "asi1" == value.__module__
        assert name == value.__qualname__


def test_reading_an_unknown_name_of_asi1_raises_attribute_error():
    """
    Reading a name that asi1 does not have raises the same error as for any module.
    """
    with pytest.raises(AttributeError, match="'asi1' has no attribute 'giraffe'"):
        _ = asi1.giraffe


def test_version_is_that_of_the_distribution():
    """
    ``asi1.__version__`` is the version of the installed distribution.
    """
    assert importlib.metadata.version("asi1") == asi1.__version__


def python(*args):
    """Run Python without the current folder on its path; return its output."""
    return subprocess.run(
        [sys.executable, "-P", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.system
@pytest.mark.parametrize("library", ["cattrs", "httpcore", "httpx", "httpx_sse"])
def test_import_does_not_load_heavy_libraries(library):
    """
    ``import asi1`` does not load heavy libraries; they are loaded when first used.
    """
    done = python("-c", f"import asi1, sys; print({library!r} in sys.modules)")

    assert ("False\n", "") == (done.stdout, done.stderr)


@pytest.mark.system
def test_import_prints_and_warns_nothing():
    """
    Importing ``asi1`` and every name in it neither warns nor prints.
    """
    done = python("-W", "error", "-c", "import asi1; from asi1 import *")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_help_begins_with_the_public_names():
    """
    ``help(asi1)`` begins with the clients and the main public names, before the list of
    submodules.
    """
    text = pydoc.plain(pydoc.render_doc(asi1)).partition("PACKAGE CONTENTS")[0]
    named = {*re.findall(r"\w+", text)} & {*asi1.__all__}

    assert {"AsyncASI1", "ASI1", "ChatCompletion", "ASI1Error", "tool"} <= named
    assert 9 <= len(named)
