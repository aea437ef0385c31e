"""The pages of the documentation: their programs, links and lists of names."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
import runpy
import tomllib

from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType

import httpx
import pytest

import asi1
import asi1.testing

from asi1.testing import FakeASI1

from ..support.services import aiohttp_serving, uvicorn_serving
from ..support.shape import nodes_of


pytest_plugins = ["asi1.testing.pytest_plugin"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SKILL = ROOT / "asi1" / "skills" / "asi1" / "SKILL.md"
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), SKILL]
    if not path.is_relative_to(DOCS / "_build")
)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
PROGRAMS = {
    f"{name}:{number}": program
    for name, text in TEXTS.items()
    for number, program in enumerate(
        re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE), 1
    )
}
# What a code block may be marked as, besides a directive of Sphinx in braces. Only
# those marked as Python are run.
MARKS = {"python", "text", "sh", "shell", "js"}
INTEGRATIONS = ("fastapi", "starlette", "aiohttp", "otel", "ray", "redis")


@pytest.fixture(autouse=True)
def _logging_as_before():
    loggers = logging.getLogger("asi1"), logging.getLogger()
    before = [(each.level, [*each.handlers]) for each in loggers]
    yield
    for each, (level, handlers) in zip(loggers, before, strict=True):
        each.setLevel(level)
        each.handlers[:] = handlers


@pytest.fixture(scope="module")
def standing():
    """Run one fake server for all programs."""
    with FakeASI1(seed=1) as fake:
        yield fake


@pytest.fixture
def environment(standing, tmp_path, monkeypatch):
    """Return the fake server that clients without arguments call."""
    standing.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk_documentation")
    monkeypatch.setenv("ASI1_BASE_URL", standing.base_url)
    return standing


def run(source: str, path: Path) -> dict:
    """Run a program from its file, or as a notebook cell if it has a top-level
    ``await``.
    """
    path.write_text(source, "utf-8")
    code = compile(source, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        return run_cell(code)
    return runpy.run_path(str(path), run_name="__main__")


def run_cell(code: CodeType) -> dict:
    """Run a cell of a notebook, and close its client."""
    made: dict = {}

    async def cell() -> None:
        await eval(code, made)
        await made["client"].aclose()

    asyncio.run(cell())
    return made


def streamed(app: object) -> str:
    """Serve the application, and return the events of its path ``/chat``."""
    if hasattr(app, "test_client"):  # Flask
        return app.test_client().get("/chat?q=Hi").text
    serving = aiohttp_serving if hasattr(app, "cleanup_ctx") else uvicorn_serving
    with serving(app) as url:
        return httpx.get(f"{url}/chat", params={"q": "Hi"}).text


@pytest.mark.system
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_python_block_of_the_documentation_runs(
    program, environment, tmp_path, capsys, request
):
    """
    Each Python block of the README and the site is a program that runs unchanged
    against the fake server, and calls this server if it makes a client. A block with a
    web application streams an answer. A block with a test passes with the fixtures that
    the test names.
    """
    source = PROGRAMS[program]

    made = run(source, tmp_path / "example.py")

    tests = [made[name] for name in made if name.startswith("test_")]
    for test in tests:
        test(*map(request.getfixturevalue, inspect.signature(test).parameters))
    if "app" in made:
        assert "event: done" in streamed(made["app"])
    shown = capsys.readouterr().out or "assert" in source or "app" in made or tests
    assert shown or re.search(r"client\.\w+|pytest_plugins", source)
    if re.search(r"\b(Async)?ASI1\(", source) and "FakeASI1" not in source:
        assert environment.requests or tests


@pytest.mark.parametrize(
    "part", ["create(", "stream=True", ".thought", "messages +=", "except asi1."]
)
def test_programs_of_the_documentation_show_the_main_features(part):
    """
    The programs of the documentation show a call, a stream, thoughts, a conversation
    of several turns by hand, and error handling.
    """
    assert part in "\n".join(PROGRAMS.values())


def test_code_blocks_have_a_known_mark():
    """
    Each code block of the documentation says what it is, so that no program escapes
    the test that runs it.
    """
    found = {
        (name, mark)
        for name, text in TEXTS.items()
        for mark in re.findall(r"^`{3,}(.*)\n(?:.*\n)*?^`{3,}$", text, re.MULTILINE)
        if mark not in MARKS and not mark.startswith("{")
    }

    assert {("CONTRIBUTING.md", "")} >= found


def test_skill_for_coding_agents_is_part_of_the_package():
    """
    The installed package, and the source distribution, have the page for coding agents.
    The page has a name and a description, and is short.
    """
    skill = Path(asi1.__file__).parent / "skills" / "asi1" / "SKILL.md"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packed = settings["tool"]["hatch"]["build"]["targets"]
    _, head, body = SKILL.read_text("utf-8").split("---\n", 2)
    members = dict(line.split(": ", 1) for line in head.splitlines())

    assert SKILL.read_bytes() == skill.read_bytes()
    assert "/asi1" in packed["sdist"]["include"]
    assert ["asi1"] == packed["wheel"]["packages"]
    assert "asi1" == members["name"]
    assert 50 < len(members["description"]) <= 1024
    assert len(body.splitlines()) <= 280


def test_links_between_pages_lead_to_files():
    """Each relative link of a page leads to a file of the repository."""
    for name, text in TEXTS.items():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (ROOT / name).parent.joinpath(target).exists(), (name, target)


def test_reference_has_each_public_name_once():
    """
    Each public name of asi1, of `asi1.testing` and of the integrations has one place
    in the reference, and the reference has no other names of these modules.
    """
    listed = re.findall(
        r"^\.\. (?:auto|py:)\w+:: (asi1\.[\w.]+)",
        "\n".join(text for name, text in TEXTS.items() if "reference/" in name),
        re.MULTILINE,
    )
    modules = [f"asi1.integrations.{name}" for name in INTEGRATIONS]
    modules += ["asi1", "asi1.testing", "asi1.testing.pytest_plugin"]

    names = [
        f"{module}.{name}"
        for module in modules
        for name in import_module(module).__all__
        if name != "__version__" and not name.startswith("pytest_")
    ]

    assert sorted(names) == sorted(listed)


@pytest.mark.parametrize("name", ["ASI1", "ChatOptions", "RequestOptions", "Timeouts"])
def test_docstring_describes_each_option(name):
    """
    The reference is made from docstrings, and these name each option of a client, of a
    call, and of the timeouts.
    """
    kind = getattr(asi1, name)
    described = "".join(base.__doc__ or "" for base in (asi1.AsyncASI1, kind))
    described += asi1.ParseOptions.__doc__ + asi1.ToolOptions.__doc__
    described += asi1.RequestOptions.__doc__
    options = inspect.get_annotations(kind) or inspect.signature(kind).parameters

    assert [] == [each for each in options if f"    {each}: " not in described]


@cache
def messages() -> str:
    """Return all strings of asi1's code, with an ellipsis for each value in them."""
    found = []
    for path in Path(asi1.__file__).parent.rglob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", None) for part in node.values]
                texts = (part if isinstance(part, str) else "…" for part in parts)
                found.append("".join(texts))
    return "\n".join(found)


HEADINGS = re.findall(r"^### `(.*)`$", TEXTS["docs/troubleshooting.md"], re.MULTILINE)
# Messages of Python and of servers, which asi1 does not write.
OTHERS = r"'\w+' object .*|\d{3}: …"


@pytest.mark.system
@pytest.mark.parametrize("heading", [h for h in HEADINGS if not re.match(OTHERS, h)])
def test_troubleshooting_quotes_messages_of_asi1(heading):
    """Each message in a heading of the troubleshooting page is one of asi1's own."""
    assert all(part in messages() for part in heading.split("…"))


def test_promises_of_the_documentation_name_tests_that_exist():
    """Each promise names the tests that check it, and these tests exist."""
    text = TEXTS["docs/explanation/promises.md"]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    named = [re.findall(r"`(tests/[\w/.]+)`", row) for row in rows]

    assert len(rows) >= 15
    assert all(named)
    assert [] == [
        path for each in named for path in each if not ROOT.joinpath(path).exists()
    ]


def test_pages_state_the_right_number_of_faults():
    """Where a page says how many faults the fake server has, the number is right."""
    stated = re.findall(r"(\d+)\W+(?:server )?faults", "\n".join(TEXTS.values()))

    assert {str(len(asi1.testing.FAULTS))} == set(stated)
