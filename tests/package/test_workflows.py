"""The workflows that test and publish the package on GitHub."""

from __future__ import annotations

import re
import tomllib

from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
WORKFLOWS = {
    path.stem: path.read_text("utf-8")
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


def test_ci_tests_each_python_that_the_package_is_for():
    """
    The CI workflow tests on each Python version of the classifiers, on Linux, macOS and
    Windows, and runs only nox sessions that exist.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = re.findall(r":: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    (pythons,) = re.findall(r"python: (\[.*\])", WORKFLOWS["ci"])
    (systems,) = re.findall(r"system: \[(.*)\]", WORKFLOWS["ci"])
    sessions = re.findall(r"nox -s (.*)", "\n".join(WORKFLOWS.values()))
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")

    assert found == re.findall(r'"([\d.]+)"', pythons)
    assert ["ubuntu-latest", "macos-latest", "windows-latest"] == systems.split(", ")
    assert {"lint", "types", "docs", "tests", "build"} == {*" ".join(sessions).split()}
    assert all(f"def {name}(" in noxfile for name in " ".join(sessions).split())


@pytest.mark.parametrize("name", ["ci", "release"])
def test_each_action_is_pinned_by_the_hash_of_a_commit(name):
    """
    Each action of a workflow is pinned by the hash of a commit, with its version in a
    comment; a tag could be moved to other code.
    """
    used = re.findall(r"uses: (.*)", WORKFLOWS[name])

    assert used
    assert [] == [
        each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", each)
    ]


def test_release_publishes_without_a_stored_secret():
    """
    The workflow Release publishes the files that it has built and attested, and uses no
    stored secret.
    """
    release = WORKFLOWS["release"]

    assert "secrets." not in release
    assert "id-token: write" in release
    assert ["build", "sbom"] == re.findall(r"actions/attest-(build|sbom)", release)
