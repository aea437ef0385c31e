"""The blocking client's event loop: tracebacks, context variables, interrupts."""

from __future__ import annotations

import contextvars
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import types

from pathlib import Path

import httpx
import pytest

import asi1

from asi1._blocking.loop_thread import new_loop

from ..support.talk import TEXT, wait_for


HERE = __file__
BLOCKING = Path(asi1.__file__).parent / "_blocking"


def create(client):
    return client.chat.completions.create(messages="Hi").text


def read(client):
    with client.chat.completions.stream(messages="Hi") as stream:
        return "".join(stream.text_stream)


def ask_many(client):
    return next(client.chat.completions.map(["Hi"])).text


def frames(error):
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


CALLS = {
    "create": lambda c: c.chat.completions.create(messages="Hi"),
    "opening": lambda c: c.chat.completions.create(messages="Hi", stream=True),
    "chunks": lambda c: next(c.chat.completions.stream(messages="Hi")),
    "final": lambda c: c.chat.completions.stream(messages="Hi").get_final_completion(),
    "map": lambda c: next(c.chat.completions.map(["Hi"])),
    "request": lambda c: c.request("GET", "/models"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_traceback_shows_the_caller_and_at_most_two_frames_of_asi1(
    fake, blocking_client, call
):
    """
    The traceback of an error contains first the caller's frames, then at most two
    frames of asi1, and no frames of threads, futures or tasks.
    """
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError) as caught:
        call(blocking_client)

    seen = frames(caught.value)
    assert [HERE, HERE] == seen[:2]
    assert len(seen) <= 4
    assert {BLOCKING} == {Path(name).parent for name in seen[2:]}
    assert caught.value.__context__ is None


def test_error_that_a_blocking_stream_raises_again_has_a_short_traceback(
    fake, blocking_client
):
    """
    A broken stream raises the same error at each read, with a traceback that contains
    the frames of that read only.
    """
    fake.fault("fin_mid_chunked")
    stream = blocking_client.chat.completions.stream(messages="Hi")

    lengths = []
    for number in range(6):
        if number == 3:
            stream.close()
        with pytest.raises(asi1.StreamInterruptedError) as caught:
            while True:
                next(stream)
        lengths.append(len(frames(caught.value)))

    assert {2} == set(lengths)


async def test_error_that_an_async_stream_raises_again_has_a_short_traceback(fake):
    """
    A broken async stream raises the same error at each read, and the error's traceback
    does not grow from read to read.
    """
    fake.fault("fin_mid_chunked")

    lengths = []
    async with asi1.AsyncASI1("sk-test", fake.base_url) as client:
        stream = client.chat.completions.stream(messages="Hi")
        for _ in range(6):
            with pytest.raises(asi1.StreamInterruptedError) as caught:
                while True:
                    await anext(stream)
            lengths.append(len(frames(caught.value)))
            if len(lengths) == 3:
                await stream.aclose()

    assert lengths == [lengths[0]] * 3 + [lengths[-1]] * 3


TRACE = contextvars.ContextVar("TRACE", default="none")


class Watching(httpx.AsyncBaseTransport):
    """A transport and rate limiter that notes its calls and TRACE's value in `seen`."""

    def __init__(self, inner):
        self.inner = inner
        self.seen = []

    def note(self, where):
        self.seen.append((where, TRACE.get()))

    async def handle_async_request(self, request):
        self.note("transport")
        return await self.inner.handle_async_request(request)

    async def acquire(self, tokens):
        self.note("limiter")

    def release(self, outcome):
        self.note("release")


@pytest.mark.parametrize("call", [create, read, ask_many])
def test_hooks_limiter_and_transport_see_the_callers_context_variables(fake, call):
    """
    Hooks, limiter and transport see the caller's context variables on every attempt,
    and the call leaves the caller's own context unchanged.
    """
    fake.fail(503, retry_after=0.001)
    fake.reply("Hi", times=None)
    watching = Watching(fake.transport)
    hooks = asi1.Hooks(
        on_retry=lambda _: watching.note("retry"),
        on_end=lambda _: watching.note("end"),
    )

    with asi1.ASI1(
        "sk-test",
        fake.base_url,
        transport=watching,
        rate_limit=watching,
        hooks=hooks,
    ) as client:
        for name in ("a", "b"):
            contextvars.copy_context().run(lambda n=name: (TRACE.set(n), call(client)))

    places = ["limiter", "transport", "release"]
    wanted = [(where, "a") for where in (*places, "retry", *places, "end")]
    wanted += [(where, "b") for where in (*places, "end")]
    assert sorted(wanted) == sorted(watching.seen)
    assert "none" == TRACE.get()


class Closing(httpx.AsyncBaseTransport):
    """A transport that calls each of *closings* on the client's event loop."""

    def __init__(self, *closings):
        self.closings = closings
        self.errors = []

    async def handle_async_request(self, request):
        for close in self.closings:
            try:
                close()
            except asi1.ASI1Error as error:
                self.errors.append(error)
        return httpx.Response(200, json={"choices": [{"finish_reason": "stop"}]})


def begun(stream):
    """Return a generator that is suspended after it has read one text of *stream*."""

    def read():
        with stream:
            yield from stream.text_stream

    pieces = read()
    next(pieces)
    return pieces


def test_close_on_the_event_loops_own_thread_does_not_wait(fake):
    """
    Clients, streams, maps and SSE iterators can be closed on the blocking client's own
    event loop, where a finalizer may run. There `close` raises nothing and does not
    wait; the connections are closed soon after.
    """
    fake.fault("stall", times=None, after_chunks=2)
    client, other = (asi1.ASI1("k", fake.base_url) for _ in range(2))
    completions = client.chat.completions
    streams = [completions.stream(messages="Hi") for _ in range(4)]
    events = streams[2].to_sse()
    kept = [next(streams[0]), next(streams[3]), next(events)]
    kept.append(next(other.chat.completions.stream(messages="Hi")))
    closing = Closing(
        streams[0].close,
        begun(streams[1]).close,
        events.close,
        lambda: streams[3].__exit__(GeneratorExit, GeneratorExit(), None),
        completions.map(["Hi"]).close,
        other.close,
    )

    with asi1.ASI1("k", fake.base_url, transport=closing) as host:
        create(host)

    assert [] == closing.errors
    wait_for(lambda: fake.open_connections == 0)
    client.close()


def test_call_succeeds_while_another_thread_imports_trio(
    fake, blocking_client, monkeypatch
):
    """
    A call succeeds while another thread is still importing trio, whose modules are then
    in ``sys.modules``, but do not have their functions yet.
    """
    fake.reply("Hi")
    name = "trio.lowlevel"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    assert "Hi" == create(blocking_client)


class Exiting(httpx.AsyncBaseTransport):
    """A transport that raises ``SystemExit``."""

    async def handle_async_request(self, request):
        sys.exit(7)


@pytest.mark.parametrize("call", [create, read, ask_many])
def test_system_exit_in_a_transport_ends_its_own_call_only(fake, blocking_client, call):
    """
    A ``SystemExit`` that a user-provided transport raises ends only the call that used
    the transport; the event loop goes on serving other calls.
    """
    fake.reply("Hi")

    with (
        asi1.ASI1("sk-test", fake.base_url, transport=Exiting()) as exiting,
        pytest.raises(SystemExit) as caught,
    ):
        call(exiting)

    assert 7 == caught.value.code
    assert "Hi" == create(blocking_client)


def signals_when_requested(fake):
    """Return a thread that waits until *fake* has a request, then sends SIGUSR1."""

    def wait():
        while not fake.requests:
            time.sleep(0.005)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)

    return threading.Thread(target=wait)


class AlarmError(Exception):
    """Raised by the caller's signal handler."""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs signals")
@pytest.mark.parametrize("call", [create, read, ask_many])
def test_exception_of_a_signal_handler_cancels_the_call(fake, blocking_client, call):
    """
    An exception that a signal handler raises in a thread blocked by a call cancels the
    call's request, and the client stays usable.
    """
    fake.fault("stall" if call is read else "stall_before_headers")
    fake.reply("Hi")

    def handler(*_):
        raise AlarmError

    before = signal.signal(signal.SIGUSR1, handler)
    alarm = signals_when_requested(fake)
    try:
        alarm.start()
        with pytest.raises(AlarmError):
            call(blocking_client)
    finally:
        alarm.join()
        signal.signal(signal.SIGUSR1, before)

    assert "left" == fake.requests[0].wait()
    assert "Hi" == create(blocking_client)


@pytest.mark.parametrize("how", [SystemExit, KeyboardInterrupt, "break", "collected"])
def test_leaving_a_loop_over_chunks_closes_the_connection(fake, blocking_client, how):
    """
    A program that leaves a loop over the chunks of a stream, by an exception or by
    ``break``, closes the stream's connection.
    """
    fake.fault("stall", after_chunks=2)
    fake.reply("Hi")

    def loop():
        for _ in blocking_client.chat.completions.create(messages="Hi", stream=True):
            if isinstance(how, str):
                break
            raise how

    if isinstance(how, str):
        loop()
    else:
        with pytest.raises(how):
            loop()

    assert "left" == fake.requests[0].wait()
    assert "Hi" == create(blocking_client)


def test_default_event_loop_is_asyncios_own():
    """
    If ``ASI1_LOOP`` is not set, is empty or is "asyncio", the client runs on asyncio's
    own event loop.
    """
    for env in ({}, {"ASI1_LOOP": ""}, {"ASI1_LOOP": "asyncio"}):
        loop = new_loop(env)
        loop.close()

        assert loop.__module__.startswith("asyncio.")


def test_unknown_value_of_the_variable_asi1_loop_is_refused():
    """
    A value of ``ASI1_LOOP`` other than "asyncio" and "uvloop" raises a
    `ConfigurationError` that names the variable and the value.
    """
    with pytest.raises(asi1.ConfigurationError, match=r"ASI1_LOOP.*'giraffe'"):
        new_loop({"ASI1_LOOP": "giraffe"})


def test_blocking_client_checks_asi1_loop_when_it_is_made(monkeypatch):
    """
    A blocking client checks ``ASI1_LOOP`` when the client is made, not at its first
    call. An async client runs on its caller's event loop, and does not read the
    variable.
    """
    monkeypatch.setenv("ASI1_LOOP", "giraffe")

    with pytest.raises(asi1.ConfigurationError, match=r"ASI1_LOOP.*'giraffe'"):
        asi1.ASI1("sk-test")
    assert asi1.AsyncASI1("sk-test").base_url


def test_asi1_loop_set_to_uvloop_is_refused_if_uvloop_is_not_installed(monkeypatch):
    """
    ``ASI1_LOOP=uvloop`` without uvloop installed raises a `ConfigurationError` that
    names the variable and uvloop.
    """
    monkeypatch.setitem(sys.modules, "uvloop", None)

    with pytest.raises(asi1.ConfigurationError, match=r"ASI1_LOOP.*uvloop.*imported"):
        new_loop({"ASI1_LOOP": "uvloop"})


@pytest.mark.system
@pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
def test_asi1_loop_set_to_uvloop_runs_every_call_on_uvloop(fake):
    """
    With ``ASI1_LOOP=uvloop`` blocking calls, streams and maps run on uvloop's loop.
    """
    fake.reply(TEXT, chunk_words=1, times=None)
    script = f"""
        import asyncio, asi1
        loops = []
        hooks = asi1.Hooks(on_end=lambda _: loops.append(asyncio.get_running_loop()))
        client = asi1.ASI1("k", {fake.base_url!r}, hooks=hooks)
        completions = client.chat.completions
        print(completions.create(messages="Hi").text)
        print("".join(completions.stream(messages="Hi").text_stream))
        print([answer.text for answer in completions.map(["a", "b"])][1])
        print({{type(loop).__module__ for loop in loops}})
        """

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**os.environ, "ASI1_LOOP": "uvloop"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert ([TEXT, TEXT, TEXT, "{'uvloop'}"], "") == (
        done.stdout.splitlines(),
        done.stderr,
    )
