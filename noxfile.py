"""
What is checked, and how. Plain `nox` runs `lint`, `types` and `tests`, in that order.

The versions of Python are those of the classifiers in `pyproject.toml`, and what each
session installs is one of its dependency groups: no list is kept twice.
"""

from __future__ import annotations

import logging

import nox


nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True
nox.options.sessions = ["lint", "types", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)

# Keeps the checkout off `sys.path`, for pytest and for every Python that a test starts:
# what is tested is what is shipped.
INSTALLED_ONLY = {"PYTHONSAFEPATH": "1"}


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def run_tests(session: nox.Session) -> None:
    """Run all tests and hold the coverage floor, or only those that are asked for."""
    together = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"]
    picked = session.posargs or [*together, "--cov", "--cov-report=term"]
    session.run("pytest", *picked, env=INSTALLED_ONLY)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the format and the rules of every Python file."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", "--diff", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with two checkers, and that the public ones are complete."""
    session.install(".", *group("types"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "asi1")


@nox.session
def tests(session: nox.Session) -> None:
    """Test the built package on the Python that runs nox; pytest has the last word."""
    session.install(".", *group("tests"))
    run_tests(session)
    # Only pytest's summary shall follow. A session that failed before is still told
    # of: nox reports failures as errors.
    logging.getLogger("nox").setLevel(logging.WARNING)


@nox.session(python=PYTHONS)
def matrix(session: nox.Session) -> None:
    """Test the built package on each Python of the classifiers that is installed."""
    session.install(".", *group("tests"))
    run_tests(session)


@nox.session
def oldest(session: nox.Session) -> None:
    """Test with the oldest release of each direct dependency that we allow."""
    session.install("uv")
    session.run_install(
        "uv",
        "pip",
        "install",
        "--resolution=lowest-direct",
        ".",
        *group("tests"),
        env={"VIRTUAL_ENV": session.virtualenv.location},
    )
    session.run("pytest", *session.posargs, env=INSTALLED_ONLY)


@nox.session
def soak(session: nox.Session) -> None:
    """Sweep, fork, exit and interrupt, with ten thousand calls cut off."""
    session.install(".", *group("tests"))
    env = {**INSTALLED_ONLY, "SOAK_CALLS": "10000"}
    session.run("pytest", "-rP", "tests/life", *session.posargs, env=env)


@nox.session
def mutants(session: nox.Session) -> None:
    """See whether the tests notice when the code is wrong; `-- --sample 0` for all."""
    session.install(".", *group("tests"))
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def bare(session: nox.Session) -> None:
    """Import the package and its names with its required dependencies only."""
    session.install(".")
    session.run(
        "python",
        *("-P", "-W", "error", "-c"),
        "import asi1; [getattr(asi1, name) for name in asi1.__all__]",
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks beside the peers; what follows `--` goes to them."""
    session.install(".", *group("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def guard(session: nox.Session) -> None:
    """Report what the hot paths cost beside the floor; nothing fails for its time."""
    session.install(".")
    session.run("python", "-m", "benchmarks", "guard", *session.posargs)
