"""Which libraries and extras are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import asi1

from asi1.cli._doctor.versions import find_extras, find_libraries, find_versions


REQUIREMENTS = [
    "anyio>=4.11",
    "httpx<1,>=0.27",
    "rich>=15; extra == 'cli'",
    'ray[data]>=2.40; extra == "ray"',
    "redis>=5; extra == 'redis'",
]


def version_of(name):
    """Return the version of a package; only three packages count as installed."""
    versions = {"anyio": "4.16", "httpx": "0.28.1", "rich": "15.1"}
    if name not in versions:
        raise PackageNotFoundError(name)
    return versions[name]


def test_missing_packages_of_extras_are_named():
    """An extra counts as installed if all its packages are; otherwise the missing
    packages are named.
    """
    finding = find_extras(REQUIREMENTS, version_of)

    assert "installed: cli; not: ray (ray), redis (redis)" == finding.text
    assert {"cli": True, "ray": False, "redis": False} == finding.facts


def test_missing_library_is_a_failure():
    """A required library that is not installed is a failure. A missing extra is no
    failure.
    """
    whole = find_libraries(REQUIREMENTS, version_of)
    broken = find_libraries([*REQUIREMENTS, "h11"], version_of)

    assert ("ok", "anyio 4.16, httpx 0.28.1") == (whole.state, whole.text)
    assert ("failed", "anyio 4.16, httpx 0.28.1, h11 (missing)") == broken[1:3]
    assert "pip install" in broken.cure


def test_version_and_folder_of_asi1_are_shown():
    """The finding has the version of asi1 and the folder that it was imported from."""
    finding = find_versions()

    assert finding.text.startswith(f"{asi1.__version__} in ")
    assert "asi1" in finding.text
