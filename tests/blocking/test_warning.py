"""The warning about blocking calls inside a running event loop."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import textwrap
import types
import warnings

import anyio
import pytest

from asi1._blocking import warning as _blocking


HERE = __file__


@pytest.fixture
def never_warned(monkeypatch):
    monkeypatch.setattr(_blocking, "_warned", False)
    monkeypatch.delattr(sys, "ps1", raising=False)


def create(client):
    return client.chat.completions.create(messages="Hi").text


def read(client):
    with client.chat.completions.stream(messages="Hi") as stream:
        return "".join(stream.text_stream)


def ask_many(client):
    return next(client.chat.completions.map(["Hi"])).text


def in_a_loop(backend, call, *args):
    async def main():
        return [call(*args) for _ in range(2)]

    return anyio.run(main, backend=backend)


@pytest.mark.parametrize("call", [create, read, ask_many])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_coroutine_that_blocks_its_event_loop_gets_one_warning(
    fake, blocking_client, never_warned, backend, call
):
    """
    A coroutine that blocks its event loop with calls of the blocking client gets its
    answers, and one warning that points to the caller's line and names the async
    client.
    """
    fake.reply("Hi", times=None)

    with pytest.warns(RuntimeWarning, match="AsyncASI1") as warned:
        assert ["Hi", "Hi"] == in_a_loop(backend, call, blocking_client)

    assert [HERE] == [each.filename for each in warned]


def test_no_blocking_call_is_sent_if_its_warning_is_turned_into_an_error(
    fake, blocking_client, never_warned
):
    """
    If Python turns warnings into errors, each kind of blocking call inside a running
    event loop raises the warning, and no request is sent.
    """
    answers = blocking_client.chat.completions.map(["Hi"])

    async def main():
        for call in (create, read, lambda _: next(answers)):
            with pytest.raises(RuntimeWarning, match="AsyncASI1"):
                call(blocking_client)

    asyncio.run(main())
    assert [] == fake.requests

    fake.reply("Hi", times=None)
    assert ["Hi"] == [answer.text for answer in answers]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_blocking_calls_in_a_notebook_or_without_a_loop_get_no_warning(
    fake, blocking_client, never_warned, monkeypatch, backend
):
    """
    No warning is issued at an interactive prompt, such as a notebook, where an event
    loop is always running. Nor is it issued in a thread without a running event loop.
    """
    fake.reply("Hi", times=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create(blocking_client)
        in_a_loop(backend, lambda: None)
        create(blocking_client)
        monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
        in_a_loop(backend, create, blocking_client)


@pytest.mark.system
def test_blocking_calls_at_the_asyncio_prompt_get_no_warning(fake):
    """
    At the prompt of ``python -m asyncio`` the blocking client answers without a
    warning.
    """
    fake.reply("Fine.")
    lines = f"""
        import asi1, asyncio
        client = asi1.ASI1("k", {fake.base_url!r})
        print(asyncio.get_running_loop().is_running())
        print(client.chat.completions.create(messages="Hi").text)
        """

    done = subprocess.run(
        [sys.executable, "-m", "asyncio"],
        input=textwrap.dedent(lines),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    output = done.stdout + done.stderr
    assert "True" in output
    assert "Fine." in output
    assert "Warning" not in output


GREENLETS = {
    "gevent": ("gevent.monkey", "is_module_patched", "threading"),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", "thread"),
}


@pytest.mark.parametrize("patched", [True, False])
@pytest.mark.parametrize("library", GREENLETS)
def test_blocking_call_in_a_greenlet_beside_an_event_loop_gets_no_warning(
    never_warned, monkeypatch, library, patched
):
    """
    Under gevent or eventlet, asyncio may report the running event loop of another
    greenlet as the caller's. Only a caller in the loop's own greenlet is warned.
    """
    name, function, asked = GREENLETS[library]
    module = types.ModuleType(name)
    setattr(module, function, lambda what: patched and what == asked)
    monkeypatch.setitem(sys.modules, name, module)

    async def main(*, elsewhere):
        loop = asyncio.get_running_loop()
        here = loop._thread_id
        loop._thread_id = -1 if elsewhere else here
        try:
            _blocking.warn_in_a_loop()
        finally:
            loop._thread_id = here

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if patched:
            asyncio.run(main(elsewhere=True))
        with pytest.raises(RuntimeWarning, match="AsyncASI1"):
            asyncio.run(main(elsewhere=not patched))


@pytest.mark.system
@pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed"
)
def test_blocking_calls_in_greenlets_of_gevent_get_no_warning(fake):
    """
    In a program with gevent's greenlets in place of threads, blocking calls in several
    greenlets are answered without a warning.
    """
    fake.reply("Fine.", times=None)
    script = f"""
        from gevent import monkey
        monkey.patch_all()
        import gevent, asi1
        client = asi1.ASI1("k", {fake.base_url!r})
        ask = lambda: client.chat.completions.create(messages="Hi").text
        jobs = [gevent.spawn(ask) for _ in range(3)]
        gevent.joinall(jobs)
        print([job.value for job in jobs], ask(), flush=True)
        """

    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert ("['Fine.', 'Fine.', 'Fine.'] Fine.\n", "") == (done.stdout, done.stderr)
