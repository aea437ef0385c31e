"""Modules of `asi1.integrations`: required packages, error messages and imports."""

from __future__ import annotations

import subprocess
import sys

from pathlib import Path
from types import SimpleNamespace

import pytest

import asi1

from asi1 import ChatStream, ToolRun
from asi1._install import install_hint
from asi1.testing import FakeASI1

from ..support.shape import foreign_imports
from ..support.talk import in_process


FRAMEWORKS = {
    "fastapi": "FastAPI",
    "starlette": "Starlette",
    "aiohttp": "aiohttp",
    "redis": "redis",
}


def python(code):
    """Run *code* in a new interpreter; return the interpreter's stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    return done.stdout


@pytest.mark.system
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_importing_the_module_of_a_missing_framework_names_the_extra(framework):
    """
    Importing the module of a framework that is not installed raises an ImportError of
    one line that says which extra to install.
    """
    output = python(
        f"import sys; sys.modules[{framework!r}] = None;"
        f" import asi1.integrations.{framework}"
    ).splitlines()

    assert (
        f"ImportError: asi1.integrations.{framework} needs {FRAMEWORKS[framework]}:"
        f" {install_hint(framework)}"
    ) == output[-1]


@pytest.mark.system
def test_importing_the_otel_module_without_opentelemetry_names_the_extra():
    """
    Importing `asi1.integrations.otel` without OpenTelemetry raises an ImportError of
    one line that says which extra to install.
    """
    output = python(
        "import sys; sys.modules['opentelemetry.util.genai.handler'] = None;"
        " import asi1.integrations.otel"
    ).splitlines()

    assert (
        "ImportError: asi1.integrations.otel needs OpenTelemetry:"
        f" {install_hint('otel')}"
    ) == output[-1]


@pytest.mark.system
def test_asi1_imports_no_web_framework():
    """
    Importing every public name of asi1 imports no web framework and no module of
    ``asi1.integrations``.
    """
    output = python(
        "import sys; from asi1 import *; import asi1.cli, asi1.integrations;"
        f"print([m for m in sys.modules if m.partition('.')[0] in {set(FRAMEWORKS)}"
        " or m.startswith('asi1.integrations.')])"
    )

    assert "[]\n" == output


@pytest.mark.system
def test_only_integrations_import_web_frameworks():
    """
    No module outside of ``asi1.integrations`` imports a web framework or
    ``asi1.integrations``.
    """
    root = Path(asi1.__file__).parent
    found = foreign_imports(root, set(FRAMEWORKS))
    inside = [each for each in found if each.startswith("integrations.")]
    importers = [
        path
        for path in root.rglob("*.py")
        if "integrations" in path.read_text("utf-8")
        and "integrations" not in path.parts
    ]

    assert inside == found
    assert 5 <= len(inside)
    assert [] == importers


@pytest.mark.parametrize("framework", ["starlette", "aiohttp"])
def test_get_client_without_a_client_in_the_application_raises_a_runtime_error(
    framework,
):
    """
    If the application has no client, `get_client` raises a RuntimeError that names the
    function to add to the application.
    """
    module = pytest.importorskip(f"asi1.integrations.{framework}")
    request = SimpleNamespace(state=SimpleNamespace(), config_dict={})

    with pytest.raises(RuntimeError, match=r"no client: .*(lifespan|client_ctx)\("):
        module.get_client(request)


@pytest.mark.parametrize("framework", ["starlette", "aiohttp"])
async def test_web_response_from_a_blocking_stream_or_coroutine_raises_type_error(
    framework,
):
    """
    A web response needs an async stream or run. A stream or run of the blocking `ASI1`,
    or a `create` call that was not awaited, raises a TypeError that says what to pass
    instead; no request is sent.
    """
    module = pytest.importorskip(f"asi1.integrations.{framework}")
    fake = FakeASI1()

    async with in_process(fake) as client:
        unawaited = client.chat.completions.create(messages="Hi", stream=True)
        run = client.chat.completions.run_tools("Hi", tools=[nap])
        blocking = (ChatStream(stream_of(client)), ToolRun(run._rounds, None))
        for wrong in (*blocking, unawaited):
            with pytest.raises(TypeError, match=r"AsyncToolRun .* awaited first"):
                if framework == "starlette":
                    module.ChatStreamResponse(wrong)
                else:
                    await module.stream_response(SimpleNamespace(), wrong)
        unawaited.close()

    assert [] == fake.requests


def nap() -> None:
    """A tool that does nothing."""


def stream_of(client):
    return client.chat.completions.stream(messages="Hi")


@pytest.mark.parametrize("grace", [-1, "10", None, float("nan")])
def test_grace_argument_of_an_aiohttp_application_must_be_a_number(grace):
    """
    The *grace* of `client_ctx` is checked when the application is made.
    """
    aiohttp = pytest.importorskip("asi1.integrations.aiohttp")

    with pytest.raises(asi1.ArgumentError, match=r"^grace: must be a"):
        aiohttp.client_ctx(grace=grace)


async def test_aiohttp_handler_that_returns_an_answer_gets_a_type_error(
    fake, fake_client
):
    """
    A handler of aiohttp that returns an answer of the model in place of a response gets
    a `TypeError` that names `to_dict`. Other responses are not affected.
    """
    module = pytest.importorskip("asi1.integrations.aiohttp")
    fake.reply("Four.")
    answer = await fake_client.chat.completions.create(messages="2 + 2?")

    async def handler(reply):
        return reply

    assert "reply" == await module.error_middleware("reply", handler)
    with pytest.raises(TypeError, match=r"a ChatCompletion, .*answer\.to_dict\(\)"):
        await module.error_middleware(answer, handler)


@pytest.mark.system
async def test_fastapi_writes_an_answer_that_a_view_returns(fake, fake_client):
    """
    If a FastAPI view returns an answer, the response is the answer's `model_dump`
    without the fields that are None.
    """
    encoders = pytest.importorskip("fastapi.encoders")
    fake.reply("Four.")
    answer = await fake_client.chat.completions.create(messages="2 + 2?")

    whole = answer.model_dump(exclude_none=True)
    assert "Four." == whole["choices"][0]["message"]["content"]
    assert whole == encoders.jsonable_encoder(answer)
