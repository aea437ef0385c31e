"""The names of `asi1`, and what an import of it does."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys

import pytest

import asi1


THINGS = {name: getattr(asi1, name) for name in asi1.__all__}  # loads every module


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


def test_the_version_is_that_of_the_distribution():
    """
    ``asi1.__version__`` is the version that was installed.
    """
    assert importlib.metadata.version("asi1") == asi1.__version__


def python(*args):
    """Run this Python, the current folder not on its path; return what it printed."""
    return subprocess.run(
        [sys.executable, "-P", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.system
@pytest.mark.parametrize("library", ["cattrs", "httpcore", "httpx", "httpx_sse"])
def test_importing_asi1_is_light(library):
    """
    ``import asi1`` leaves the heavy libraries to the first use.
    """
    done = python("-c", f"import asi1, sys; print({library!r} in sys.modules)")

    assert ("False\n", "") == (done.stdout, done.stderr)


@pytest.mark.system
def test_importing_asi1_is_silent():
    """
    ``import asi1``, and of every name in it, neither warns nor prints.
    """
    done = python("-W", "error", "-c", "import asi1; from asi1 import *")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
