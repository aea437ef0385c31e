"""The blocking client: the async client, run on an event loop in another thread."""

from __future__ import annotations

import contextvars
import signal
import subprocess
import sys
import textwrap

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import anyio
import httpx
import pytest

import asi1

from asi1._blocking.loop_thread import LoopThread

from ..support.talk import TEXT, wait_for


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


def test_blocking_request_method_calls_an_endpoint_of_any_path(fake, blocking_client):
    """
    `request` calls an endpoint that has no method in asi1, and returns the reply.
    """
    fake.reply_json({"data": []})

    assert {"data": []} == blocking_client.request("GET", "/models").json()


def test_child_client_shares_its_parents_connections(fake, blocking_client):
    """
    A child client made by `with_options` has its own settings, but the class and the
    connections of its parent. Closing the child leaves the parent open.
    """
    with blocking_client.with_options(model="b", timeout=5) as child:
        child.chat.completions.create(messages="Hi")
    blocking_client.chat.completions.create(messages="Hi")

    assert ["b", "asi1-mini"] == [request.json["model"] for request in fake.requests]
    assert {1} == {request.connection for request in fake.requests}
    assert asi1.ASI1 is type(child)
    assert (5, fake.base_url) == (child.timeouts.total, child.base_url)
    with pytest.raises(asi1.ClientClosedError):
        child.chat.completions.create(messages="Hi")


def test_closed_client_refuses_calls(fake):
    """
    Every call on a closed client raises `ClientClosedError`; closing a client a second
    time raises nothing.
    """
    client = asi1.ASI1("sk-test", fake.base_url)
    client.chat.completions.create(messages="Hi")
    client.close()
    client.close()

    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.create(messages="Hi")
    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.stream(messages="Hi")
    with pytest.raises(asi1.ClientClosedError):
        client.request("GET", "/models")
    with pytest.raises(asi1.ClientClosedError), client:
        pass
    wait_for(lambda: fake.open_connections == 0)


def test_threads_sharing_a_client_get_their_own_answers(fake, blocking_client):
    """
    When eight threads share one client and make five calls each, every thread gets the
    answers to its own questions.
    """
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)

    def ask(thread):
        texts = [f"{thread}.{number}" for number in range(5)]
        got = []
        for text in texts:
            if len(got) % 2:
                with blocking_client.chat.completions.stream(messages=text) as stream:
                    got.append("".join(stream.text_stream))
            else:
                got.append(blocking_client.chat.completions.create(messages=text).text)
        return texts == got

    with ThreadPoolExecutor(8) as threads:
        assert [True] * 8 == list(threads.map(ask, range(8)))
    assert 40 == len(fake.requests)


@pytest.mark.filterwarnings("ignore:asi1.ASI1 blocks")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_blocking_client_works_inside_a_running_loop(blocking_client, backend):
    """
    In a coroutine on asyncio or trio, as in a notebook, a call of the blocking client
    blocks the coroutine's event loop and returns the answer. The call itself runs on an
    event loop in another thread.
    """

    async def main():
        created = blocking_client.chat.completions.create(messages="Hi").text
        with blocking_client.chat.completions.stream(messages="Hi") as stream:
            streamed = "".join(stream.text_stream)
        made = blocking_client.chat.completions.create(messages="Hi", stream=True)
        return [created, streamed, made.get_final_completion().text]

    assert [TEXT] * 3 == anyio.run(main, backend=backend)


class Spy(httpx.AsyncBaseTransport):
    """A transport that calls *look*, then forwards the request to *inner*."""

    def __init__(self, inner, look):
        self.inner = inner
        self.look = look

    async def handle_async_request(self, request):
        self.look()
        return await self.inner.handle_async_request(request)


def test_user_provided_transport_sees_the_callers_context_variables(fake):
    """
    A user-provided transport sees the caller's context variables, though the transport
    runs in another thread.
    """
    trace = contextvars.ContextVar("trace", default="none")
    seen = []
    spy = Spy(fake.transport, lambda: seen.append(trace.get()))

    with asi1.ASI1("sk-test", fake.base_url, transport=spy) as client:
        trace.set("a")
        client.chat.completions.create(messages="Hi")
        trace.set("b")
        with client.chat.completions.stream(messages="Hi") as stream:
            list(stream)

    assert ["a", "b"] == seen


def test_call_on_the_clients_own_event_loop_raises_instead_of_hanging(fake):
    """
    A blocking call from code that runs on the client's own event loop raises at once,
    since the blocked loop could never run the call.
    """
    box = []
    spy = Spy(fake.transport, lambda: box[0].chat.completions.create(messages="Hi"))

    with asi1.ASI1("sk-test", fake.base_url, transport=spy) as client:
        box.append(client)
        with pytest.raises(asi1.ASI1Error, match="AsyncASI1"):
            client.chat.completions.create(messages="Hi")


@contextmanager
def started(fake, script):
    """Start a Python process that runs *script* with `client` and `asi1` defined."""
    head = f"import asi1\nclient = asi1.ASI1('sk-test', {fake.base_url!r})\n"
    with subprocess.Popen(
        [sys.executable, "-W", "always", "-c", head + textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_script(fake, script):
    """Run *script* until its process ends; return its exit code, stdout and stderr."""
    with started(fake, script) as process:
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.mark.system
@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(
            """
            stream = client.chat.completions.create(messages="Hi", stream=True)
            next(stream)
            """,
            0,
            id="stream-left-open",
        ),
        pytest.param(
            """
            stream = client.chat.completions.create(messages="Hi", stream=True)
            next(stream)
            raise SystemExit(3)
            """,
            3,
            id="stream-left-open-and-system-exit",
        ),
        pytest.param(
            """
            import threading
            import time
            def block():
                for _ in client.chat.completions.create(messages="Hi", stream=True):
                    reading.set()
            reading = threading.Event()
            threading.Thread(target=block, daemon=True).start()
            reading.wait()
            time.sleep(0.1)
            raise SystemExit(4)
            """,
            4,
            id="daemon-thread-in-a-call",
        ),
        pytest.param(
            """
            import asyncio
            kept = []
            async def main():
                aclient = asi1.AsyncASI1(client._engine.config.api_key.reveal(),
                    client.base_url)
                stream = await aclient.chat.completions.create(
                    messages="Hi", stream=True)
                await anext(stream)
                kept.append((aclient, stream))
            asyncio.run(main())
            raise SystemExit(5)
            """,
            5,
            id="asyncio-stream-left-open",
        ),
        pytest.param(
            """
            import trio
            kept = []
            async def main():
                aclient = asi1.AsyncASI1("sk-test", client.base_url)
                stream = await aclient.chat.completions.create(
                    messages="Hi", stream=True)
                await anext(stream)
                kept.append((aclient, stream))
            trio.run(main)
            raise SystemExit(6)
            """,
            6,
            id="trio-stream-left-open",
        ),
    ],
)
def test_python_exits_silently_while_streams_and_calls_are_open(fake, script, code):
    """
    Whatever streams and calls are still open when a program ends, the interpreter exits
    with the program's own exit code and prints nothing.
    """
    fake.clear()
    fake.fault("stall", times=None)

    assert (code, "", "") == run_script(fake, script)


def test_call_after_the_event_loop_thread_was_stopped_is_an_error():
    """
    A call that is made after the client's event loop thread was stopped, as it is when
    Python exits, raises an error, since the call could never end.
    """

    async def answer():
        return 42

    loop = LoopThread()
    assert 42 == loop.run(answer)
    loop.stop()

    with pytest.raises(asi1.ASI1Error, match="exiting"):
        loop.run(answer)


@pytest.mark.system
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_cancels_the_request_and_keeps_the_client_usable(fake):
    """
    Ctrl-C in a blocking call or stream raises KeyboardInterrupt, closes the connection
    and leaves the client usable.
    """
    fake.clear()
    fake.fault("stall_before_headers")
    fake.fault("stall", after_chunks=1)
    fake.reply("Fine.")
    script = """
        try:
            client.chat.completions.create(messages="Hi")
        except KeyboardInterrupt:
            print("create")
        try:
            with client.chat.completions.stream(messages="Hi") as stream:
                for chunk in stream.text_stream:
                    print(chunk, flush=True)
        except KeyboardInterrupt:
            print("stream")
        print(client.chat.completions.create(messages="Hi").text)
        """

    with started(fake, script) as process:
        wait_for(lambda: fake.requests)
        process.send_signal(signal.SIGINT)
        assert ["create\n", "one\n"] == [process.stdout.readline() for _ in range(2)]
        assert "left" == fake.requests[0].wait()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=120)

    assert (0, ("stream\nFine.\n", "")) == (process.returncode, rest)
    assert ["left", "left", "sent"] == [request.wait() for request in fake.requests]


@pytest.mark.system
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs os.fork")
def test_forked_process_uses_its_own_connections(fake):
    """
    After a fork, the parent process and the child process use the same client, each
    with its own connections and event loop thread.
    """
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)
    script = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        client.chat.completions.create(messages="first")
        pid = os.fork()
        side = "parent" if pid else "child"
        for number in range(3):
            text = f"{side} {number}"
            assert text == client.chat.completions.create(messages=text).text
        if pid:
            _, status = os.waitpid(pid, 0)
            raise SystemExit(os.waitstatus_to_exitcode(status))
        """

    assert (0, "", "") == run_script(fake, script)
    used = {}
    for request in fake.requests:
        side = request.json["messages"][0]["content"].split()[0]
        used.setdefault(side, set()).add(request.connection)
    assert used["first"] == used["parent"]
    assert not used["child"] & used["parent"]


def test_call_that_fails_in_a_ctrl_c_handler_raises_its_own_error(
    fake, blocking_client
):
    """
    A call that fails inside an ``except KeyboardInterrupt`` block raises its own error:
    the earlier Ctrl-C is not mistaken for an interrupt of this call.
    """
    fake.clear()
    fake.fail(400, times=None)

    try:
        raise KeyboardInterrupt  # noqa: TRY301
    except KeyboardInterrupt:
        with pytest.raises(asi1.BadRequestError):
            blocking_client.chat.completions.create(messages="Hi")


@pytest.mark.parametrize("name", ["http_client", "transport"])
def test_http_client_or_transport_of_a_wrong_type_is_refused(name):
    """
    The `http_client` and `transport` of the blocking client must be objects of httpx's
    async classes; any other object raises a `ConfigurationError`.
    """
    with pytest.raises(asi1.ConfigurationError, match=f"{name}: must be an httpx"):
        asi1.ASI1("sk_lifetime", **{name: object()})
