"""What a client loads, and when."""

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
WAYS = {
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


def loaded(script):
    """Return the modules of asi1 that a new interpreter has loaded after *script*."""
    show = "\nimport sys\nprint(*(m for m in sys.modules if m.startswith('asi1')))"
    done = subprocess.run(
        [sys.executable, "-c", script + show],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "" == done.stderr
    return set(done.stdout.split())


UNUSED = {
    "asi1._blocking.conversation",
    "asi1._blocking.map",
    "asi1._blocking.to_sse",
    "asi1._call.answer_events",
    "asi1._call.call_window",
    "asi1._client.conversation",
    "asi1._client.display",
    "asi1._client.map",
    "asi1._client.to_sse",
}


@pytest.mark.system
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_first_call_loads_no_unused_method(way):
    """
    `map`, `to_sse`, `display` and conversations are loaded by the program that uses
    them, and by no other call.
    """
    modules = loaded(way)

    assert "asi1._call.engine" in modules
    assert set() == UNUSED & modules


@pytest.mark.system
@pytest.mark.parametrize("name", ["AsyncASI1", "ASI1"])
def test_made_client_has_loaded_no_call(name):
    """
    A client that has made no call has not loaded what calls need.
    """
    modules = loaded(f"import asi1\nasi1.{name}('k')")

    assert "asi1._client.lazy" in modules
    needed = {"_call.engine", "_models.json_text", "_models.status_errors", "_protocol"}
    assert set() == {f"asi1.{name}" for name in needed} & modules


def test_a_client_that_is_closed_while_it_is_made_ready_is_closed(monkeypatch):
    """
    A client that one thread closes while another makes it ready for its first call
    makes no call.
    """
    client = asi1.AsyncASI1("sk-test", "http://127.0.0.1:1/v1")
    make = asi1._client.lazy.LazyEngine._make

    def closed_meanwhile(late):
        made = make(late)
        late.shut()
        return made

    monkeypatch.setattr("asi1._client.lazy.LazyEngine._make", closed_meanwhile)

    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.stream(messages="Hi")
