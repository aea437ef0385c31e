"""The modules that a client imports, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

import asi1


CALL = """
import asyncio
import asi1
from asi1.testing import FakeASI1
fake = FakeASI1()
"""
SCRIPTS = {
    "async": CALL
    + """
async def main():
    async with asi1.AsyncASI1("k", transport=fake.transport) as client:
        await client.chat.completions.create(messages="Hi")
        await client.chat.completions.create(messages="Hi", stream=True)
asyncio.run(main())
""",
    "blocking": CALL
    + """
with asi1.ASI1("k", transport=fake.transport) as client:
    client.chat.completions.create(messages="Hi")
    client.chat.completions.create(messages="Hi", stream=True).close()
""",
}


def imported(script):
    """Return the modules of asi1 that a new interpreter has imported after *script*."""
    show = "\nimport sys\nprint(*(m for m in sys.modules if m.startswith('asi1')))"
    done = subprocess.run(
        [sys.executable, "-c", script + show],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "" == done.stderr
    return set(done.stdout.split())


UNUSED = {
    "asi1._blocking.conversation",
    "asi1._blocking.map",
    "asi1._blocking.to_sse",
    "asi1._call.answer_events",
    "asi1._call.concurrent_calls",
    "asi1._client.conversation",
    "asi1._client.display",
    "asi1._client.map",
    "asi1._client.to_sse",
}


@pytest.mark.system
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_first_call_imports_no_modules_of_unused_methods(script):
    """
    The first call of a client does not import the modules of `map`, `to_sse`, `display`
    and conversations, unless the program uses these methods.
    """
    modules = imported(script)

    assert "asi1._call.engine" in modules
    assert set() == UNUSED & modules


@pytest.mark.system
@pytest.mark.parametrize("name", ["AsyncASI1", "ASI1"])
def test_creating_a_client_imports_no_modules_that_only_calls_need(name):
    """
    A client imports the modules that only calls need when the client makes its first
    call, not when the client is created.
    """
    modules = imported(f"import asi1\nasi1.{name}('k')")

    assert "asi1._client.lazy" in modules
    needed = {"_call.engine", "_models.json_text", "_models.status_errors", "_protocol"}
    assert set() == {f"asi1.{name}" for name in needed} & modules


def test_client_closed_while_it_prepares_its_first_call_makes_no_call(monkeypatch):
    """
    If one thread closes a client while another thread prepares the client's first call,
    that call raises and sends no request.
    """
    client = asi1.AsyncASI1("sk-test", "http://127.0.0.1:1/v1")
    make = asi1._client.lazy.LazyEngine._make

    def closed_meanwhile(engine):
        made = make(engine)
        engine.shut()
        return made

    monkeypatch.setattr("asi1._client.lazy.LazyEngine._make", closed_meanwhile)

    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.stream(messages="Hi")
