"""
The checks of the project. `nox` alone runs `lint`, `types` and `tests`, in this order.

The versions of Python are the classifiers in `pyproject.toml`, and each session
installs one of its dependency groups, so that no list is kept twice.
"""

from __future__ import annotations

import logging
import re
import shutil

from pathlib import Path

import nox


nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True
nox.options.sessions = ["lint", "types", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)

# Keeps the checkout off `sys.path`, for pytest and for every Python that a test starts,
# so that the installed package is tested.
INSTALLED_ONLY = {"PYTHONSAFEPATH": "1"}

# The files are handed out in the order of tests/conftest.py.
IN_PARALLEL = (
    *("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"),
    "--no-loadscope-reorder",
)
# Options of pytest that say themselves how many processes there are, or need to be the
# only one: -n, and what stops at the first failure or in a debugger.
IN_ONE_PROCESS = re.compile(
    r"-n\d*|--numprocesses(=.*)?|-[a-z]*x[a-z]*|--exitfirst|--pdb|--trace"
)


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def run_tests(session: nox.Session) -> None:
    """Run all tests and check the coverage; with arguments, only what they select."""
    picked = session.posargs or ["--cov", "--cov-report=term"]
    if not any(IN_ONE_PROCESS.fullmatch(option) for option in session.posargs):
        picked = [*IN_PARALLEL, *picked]
    session.run("pytest", *picked, env=INSTALLED_ONLY)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the format and the lint rules of every Python file, and the workflows."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", "--diff", ".")
    session.run("ruff", "check", ".")
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with two checkers, and that all public names are typed."""
    session.install(".", *group("types"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "asi1")


@nox.session
def tests(session: nox.Session) -> None:
    """Test the built package on the Python that runs nox."""
    session.install(".", *group("tests"))
    run_tests(session)
    # Hides nox's own success lines, so that pytest's summary is the last output. nox
    # logs failed sessions as errors, which still appear.
    logging.getLogger("nox").setLevel(logging.WARNING)


@nox.session(python=PYTHONS)
def matrix(session: nox.Session) -> None:
    """Test the built package on each installed Python of the classifiers."""
    session.install(".", *group("tests"))
    run_tests(session)


@nox.session
def oldest(session: nox.Session) -> None:
    """Test with the oldest allowed release of each direct dependency."""
    session.install("uv")
    session.run_install(
        "uv",
        "pip",
        "install",
        "--resolution=lowest-direct",
        ".",
        *group("oldest"),
        env={"VIRTUAL_ENV": session.virtualenv.location},
    )
    session.run("pytest", *session.posargs, env=INSTALLED_ONLY)


@nox.session
def compare(session: nox.Session) -> None:
    """Compare JSON Schemas, and idioms of programs, with OpenAI's own client."""
    session.install(".", *group("compare"))
    compared = ("tests/protocol/schema", "tests/package/test_openai_idioms.py")
    session.run("pytest", *compared, *session.posargs, env=INSTALLED_ONLY)


@nox.session
def soak(session: nox.Session) -> None:
    """Test life cycles, a map of 200,000 prompts, and the rate limiter, at length."""
    session.install(".", *group("tests"))
    sizes = {"SOAK_CALLS": "10000", "SOAK_PROMPTS": "200000"}
    sizes |= {"SOAK_HISTORIES": "20000", "SOAK_SECONDS": "30"}
    folders = ("tests/system/life", "tests/system/limits")
    env = {**INSTALLED_ONLY, **sizes}
    session.run("pytest", "-rP", *folders, *session.posargs, env=env)


@nox.session
def ray(session: nox.Session) -> None:
    """Answer 2,000 rows with two workers of Ray and one limit in Redis."""
    session.install(".[ray,redis]", "pandas", *group("tests"))
    # Ray's own modules issue warnings, which are errors in our tests.
    only = ("-W", "ignore", "tests/integrations/test_ray.py")
    session.run("pytest", *only, *session.posargs, env=INSTALLED_ONLY)


@nox.session
def mutants(session: nox.Session) -> None:
    """Check that tests fail on mutated code; `-- --sample 0` tries all mutants."""
    session.install(".", *group("tests"))
    session.run("python", "-m", "tests.support.mutants", *session.posargs)


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
def docs(session: nox.Session) -> None:
    """Build the documentation site in docs/_build; a warning is an error."""
    session.install(".[aiohttp,fastapi]", *group("docs"))
    session.run(
        "sphinx-build",
        *("--fail-on-warning", "--keep-going", "--fresh-env", "--quiet"),
        *("docs", "docs/_build"),
        env=INSTALLED_ONLY,
    )
    session.log("built docs/_build/index.html")


@nox.session
def build(session: nox.Session) -> None:
    """Build what is published, in dist/, and build/sbom.cdx.json, which lists it."""
    session.install(*group("build"))
    for folder in ("dist", "build"):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build")
    (wheel,) = Path("dist").glob("*.whl")
    # The list must not have the tools of this session.
    installed = Path(session.create_tmp()) / "installed"
    session.run("python", "-m", "venv", "--clear", str(installed))
    python = next(installed.glob("[bS]*/python*"))
    session.run(str(python), "-m", "pip", "install", "-q", str(wheel), external=True)
    Path("build").mkdir()
    target = "build/sbom.cdx.json"
    session.run("cyclonedx-py", "environment", "-o", target, str(python))


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known weaknesses of the dependencies; needs the network."""
    session.install(".", *group("audit"))
    session.run("pip-audit", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks with all contenders; arguments after `--` go to them."""
    session.install(".", *group("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def guard(session: nox.Session) -> None:
    """Report the cost of the hot paths beside httpx; a slow result does not fail."""
    session.install(".")
    session.run("python", "-m", "benchmarks", "guard", *session.posargs)
