"""Finds what is installed: asi1, the libraries that it needs, and its extras."""

from __future__ import annotations

import platform
import re

from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

import asi1

from ..._install import install_hint
from .finding import Finding


__all__ = ["find_extras", "find_libraries", "find_versions"]

_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")


def find_versions() -> Finding:
    """Return the versions of asi1, Python and the system, and the folder of asi1."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = platform.platform(terse=True)
    place = Path(asi1.__file__).parent
    text = f"{asi1.__version__} in {place}, {python}, {system}"
    facts = {"version": asi1.__version__, "python": python, "system": system}
    return Finding("asi1", "ok", text, facts=facts)


def find_libraries(
    requirements: Iterable[str], version_of: Callable[[str], str] = metadata.version
) -> Finding:
    """
    Return the versions of the libraries that asi1 needs.

    Args:
        requirements: The requirements of asi1, in the form of Python's packaging
            metadata.
        version_of: Returns the version of a package, or raises PackageNotFoundError.
    """
    needed = [_named(each) for each in requirements if not _EXTRA.search(each)]
    found = {name: _version(name, version_of) for name in needed}
    missing = [name for name, version in found.items() if version is None]
    text = ", ".join(
        f"{name} {version or '(missing)'}" for name, version in found.items()
    )
    if not missing:
        return Finding("libraries", "ok", text, facts=found)
    cure = install_hint()
    return Finding("libraries", "failed", text, cure, found)


def find_extras(
    requirements: Iterable[str], version_of: Callable[[str], str] = metadata.version
) -> Finding:
    """
    Return which extras of asi1 are installed.

    Args:
        requirements: As for `find_libraries`.
        version_of: As for `find_libraries`.
    """
    packages: dict[str, list[str]] = {}
    for each in requirements:
        for extra in _EXTRA.findall(each):
            packages.setdefault(extra, []).append(_named(each))
    missing = {
        extra: [name for name in names if _version(name, version_of) is None]
        for extra, names in packages.items()
    }
    there = [extra for extra, names in missing.items() if not names]
    lacking = [f"{e} ({', '.join(names)})" for e, names in missing.items() if names]
    text = f"installed: {', '.join(there) or 'none'}"
    text += f"; not: {', '.join(lacking)}" if lacking else ""
    facts = {extra: not names for extra, names in missing.items()}
    return Finding("extras", "ok", text, facts=facts)


def _named(requirement: str) -> str:
    found = _NAME.match(requirement)
    return found[0] if found else requirement


def _version(name: str, version_of: Callable[[str], str]) -> str | None:
    try:
        return version_of(name)
    except metadata.PackageNotFoundError:
        return None
