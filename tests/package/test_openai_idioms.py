"""
One-line idioms of OpenAI's client, run with OpenAI's client and with asi1.

Each idiom runs twice, on the same fake server, with the names of either package.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import functools
import inspect
import json
import pickle

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import AsyncMock, Mock, patch

import httpx
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.openai_idioms import ARGUMENTS, DIFFERENT, IDIOMS, REPLIES
from ..support.openai_page import PAGE, renewed


@pytest.fixture(scope="module")
def server():
    """Run a fake server for the idioms."""
    with FakeASI1(seed=1) as fake:
        yield fake


@pytest.fixture
def openai(monkeypatch, server):
    """Return OpenAI's package, and let both packages find a key and a URL."""
    for name in ("OPENAI", "ASI_ONE", "ASI1"):
        monkeypatch.setenv(f"{name}_API_KEY", "k")
        monkeypatch.setenv(f"{name}_BASE_URL", server.base_url)
    return pytest.importorskip("openai", reason="OpenAI's client is not installed")


def script(fake: FakeASI1, server: str) -> None:
    """Let *fake* play the replies of *server*, as often as an idiom needs them."""
    fake.clear()
    once = server == "500 once"
    for name in [server, *["answer" if once else server] * 3]:
        fake.play(*REPLIES[name])


class Failed(str):
    """The error of an idiom, as text."""

    __slots__ = ()


def plain(value: Any) -> Any:
    """Return *value* with lists in place of tuples, and dicts in place of objects."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def names_of(package: Any, classes: tuple[type, type], fake: FakeASI1) -> Any:
    """Return the names that an idiom may use, with new clients of *classes*."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    settings = {"api_key": "k", "base_url": fake.base_url, "max_retries": 0}
    client, aclient = (kind(**settings) for kind in classes)

    def create(client=client, **more):
        request = {"model": "asi1-mini", "messages": ARGUMENTS["MESSAGES"], **more}
        return client.chat.completions.create(**request)

    def error(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - of either package
            return error

    return {
        **ARGUMENTS,
        "openai": package,
        "OpenAI": classes[0],
        "AsyncOpenAI": classes[1],
        "client": client,
        "aclient": aclient,
        "URL": fake.base_url,
        "create": create,
        "error": error,
        "sent": lambda: fake.requests[-1],
        "acreate": lambda client=aclient, **more: create(client, **more),
        "asyncio": asyncio,
        "copy": copy,
        "httpx": httpx,
        "json": json,
        "functools": functools,
        "ThreadPoolExecutor": ThreadPoolExecutor,
        "pickle": pickle,
        "patch": patch,
        "Mock": Mock,
        "AsyncMock": AsyncMock,
        "City": pydantic.create_model("City", name=(str, ...)),
    }


def outcome(idiom: str, names: dict[str, Any]) -> Any:
    """Run *idiom* with *names*; return its result, or the text of its error."""
    source = idiom if "result = " in idiom else f"result = ({idiom})"
    code = compile(source, "idiom", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def run() -> None:
        try:
            await eval(code, names)
        finally:
            await names["aclient"].close()

    try:
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(run())
        else:
            eval(code, names)
    except Exception as error:  # noqa: BLE001 - the idiom may fail in any way
        return Failed(f"{type(error).__name__}: {error}")
    finally:
        names["client"].close()
    return plain(names["result"])


def test_guide_has_the_hints_and_the_idioms_that_differ():
    """
    The guide for programs that come from OpenAI's client has all hints of asi1's
    errors. It says how many idioms give the same with both clients, and why the rest do
    not. If this test fails, ``python -m tests.support.openai_page`` renews the guide.
    """
    page = PAGE.read_text("utf-8")

    assert renewed(page) == page
    assert len(DIFFERENT) <= sum(map(len, IDIOMS.values())) / 10


@pytest.mark.system
@pytest.mark.parametrize("reply", IDIOMS)
def test_idioms_give_the_same_with_both_packages_unless_the_guide_names_them(
    reply, server, openai
):
    """
    An idiom gives the same result with OpenAI's client and with asi1, unless the guide
    for programs that come from OpenAI's client names it. No idiom fails with OpenAI's
    client.
    """
    packages = (
        (openai, (openai.OpenAI, openai.AsyncOpenAI)),
        (asi1, (asi1.ASI1, asi1.AsyncASI1)),
    )
    failed, differ = [], []
    for idiom in IDIOMS[reply]:
        outcomes = []
        for package, classes in packages:
            script(server, reply)
            names = names_of(package, classes, server)
            outcomes.append(outcome(idiom, names))
        failed += [idiom] * isinstance(outcomes[0], Failed)
        differ += [idiom] * (outcomes[0] != outcomes[1])

    assert [] == failed
    assert [idiom for idiom in IDIOMS[reply] if idiom in DIFFERENT] == differ
