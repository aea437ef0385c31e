"""A program loads only those modules of asi1 that the program uses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


IMPORT = "import asi1"
CLIENT = "asi1.AsyncASI1('sk-test')"
CALL = """
import asyncio

async def main():
    async with asi1.AsyncASI1("sk-test", URL, transport=TRANSPORT) as client:
        answer = await client.chat.completions.create(messages="Hi")
        assert "Hello" == answer.text

asyncio.run(main())
"""
BLOCKING = """
with asi1.ASI1("sk-test", URL, transport=TRANSPORT) as client:
    assert "Hello" == client.chat.completions.create(messages="Hi").text
"""
MOCK = """
import httpx

MESSAGE = {"role": "assistant", "content": "Hello"}
REPLY = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]}
URL = "http://127.0.0.1"
TRANSPORT = httpx.MockTransport(lambda request: httpx.Response(200, json=REPLY))
"""
PRINT = """
import sys

print(*sorted(n for n in sys.modules if n.partition(".")[0] in {names!r}))
"""
# The libraries that send requests on trio, through proxies and for tests.
SENDERS = ("httpx", "httpcore", "h11", "h2", "trio", "certifi")

# Programs that make one call, and the most modules of asi1 that each may load.
FIRST_CALLS = pytest.mark.parametrize(
    ("program", "most"),
    [pytest.param(CALL, 61, id="async"), pytest.param(BLOCKING, 68, id="blocking")],
)


@pytest.fixture(scope="module")
def url():
    """Return the URL of a fake server in another process, which answers "Hello"."""
    command = [sys.executable, "-m", "asi1.testing", "--reply", "Hello"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


def loaded(*parts, names=("asi1",)):
    """
    Return the modules of the packages *names* that a program loads, run in a new
    process.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            "\n".join((IMPORT, *parts, PRINT.format(names=names))),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        # ASI1_* variables are removed, since they turn on logs and other event loops.
        env={k: v for k, v in os.environ.items() if not k.startswith(("ASI1", "ASI_"))},
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.split()


@pytest.mark.system
@pytest.mark.parametrize(
    ("program", "most"),
    [pytest.param("", 2, id="import"), pytest.param(CLIENT, 21, id="client")],
)
def test_import_and_client_load_few_modules(program, most):
    """
    ``import asi1`` loads at most two modules; creating a client loads no module that
    only calls need.
    """
    modules = loaded(program)

    assert "asi1" in modules
    assert len(modules) <= most


UNREAD = """
import asyncio

async def main():
    client = asi1.AsyncASI1("sk-test")
    await client.chat.completions.stream(messages="Hi").aclose()
    await client.aclose()

asyncio.run(main())
"""


@pytest.mark.system
def test_closing_an_unused_client_or_stream_loads_no_module():
    """Closing an unread stream and an unused client loads nothing that calls need."""
    modules = loaded(UNREAD)

    assert "asi1._client.stream" in modules
    parts = {name.split(".")[1] for name in modules if "." in name}
    assert not parts & {"_call", "_transport"}


@pytest.mark.system
@FIRST_CALLS
def test_first_call_over_a_custom_transport_loads_few_modules(program, most):
    """
    A first call over a user-provided transport loads few modules, since the call needs
    no module that opens sockets.
    """
    modules = loaded(MOCK, program)

    assert "asi1._call.call" in modules
    assert len(modules) <= most


@pytest.mark.system
@pytest.mark.parametrize("program", [CALL, BLOCKING], ids=["async", "blocking"])
def test_program_without_tools_loads_no_module_of_tools(program):
    """
    A program that makes calls without tools loads no module that only runs with tools
    need.
    """
    modules = loaded(MOCK, program)

    assert "asi1._client.agent_calls" in modules
    assert [] == [name for name in modules if "tool" in name or "mcp" in name]


@pytest.mark.system
@FIRST_CALLS
def test_first_call_over_the_default_transport_loads_few_modules(url, program, most):
    """
    A first call over asi1's own transport, which opens a socket, still loads few
    modules.
    """
    modules = loaded(f"URL, TRANSPORT = {url!r}, None", program)

    assert "asi1._transport.connect" in modules
    assert len(modules) <= most


@pytest.mark.system
@FIRST_CALLS
def test_first_call_over_the_default_transport_loads_no_other_http_client(
    url, program, most
):
    """
    A first call over asi1's own transport loads neither httpx nor what httpx needs.
    """
    setting = f"URL, TRANSPORT = {url!r}, None"

    assert [] == loaded(setting, program, names=SENDERS)
    assert "httpx" in loaded("import httpx", setting, program, names=SENDERS)


STREAM = """
import asyncio

async def main():
    async with asi1.AsyncASI1("sk-test", URL) as client:
        async with client.chat.completions.stream(messages="Hi") as stream:
            assert "Hello" == "".join([chunk.text async for chunk in stream])

asyncio.run(main())
"""


@pytest.mark.system
def test_stream_of_usual_events_loads_no_other_http_client(url):
    """
    A stream whose events are single data lines loads neither httpx nor httpx-sse.
    """
    setting = f"URL = {url!r}"

    assert [] == loaded(setting, STREAM, names=(*SENDERS, "httpx_sse"))


NAMED_EVENTS = '''
import asyncio
import sys
import threading

from asi1.testing import Data, FakeASI1, Head

class Watch:
    """A finder of modules that waits, in its thread, until the event loop has run."""

    importing, ran = threading.Event(), threading.Event()
    waits = []

    def find_spec(self, name, path=None, target=None):
        if name == "httpx_sse":
            self.importing.set()
            self.waits.append(self.ran.wait(20))

async def run_during_import():
    while not Watch.importing.is_set():
        await asyncio.sleep(0.001)
    Watch.ran.set()

async def main():
    with FakeASI1() as fake:
        event = b'{"choices":[{"index":0,"delta":{"content":"Hello"},'
        event += b'"finish_reason":"stop"}]}'
        head = Head(200, (("content-type", "text/event-stream"),))
        fake.play(head, Data(BODY))
        sys.meta_path.insert(0, Watch())
        running = asyncio.create_task(run_during_import())
        async with asi1.AsyncASI1("sk-test", fake.base_url) as client:
            async with client.chat.completions.stream(messages="Hi") as stream:
                assert "Hello" == "".join([chunk.text async for chunk in stream])
        await running
    assert [True] == Watch.waits

asyncio.run(main())
'''


@pytest.mark.system
@pytest.mark.parametrize(
    "body",
    [
        pytest.param("b'event: chunk\\ndata: ' + event + b'\\n\\n'", id="small"),
        pytest.param(
            "b'event: chunk\\ndata: ' + b' ' * 400_000 + event + b'\\n\\n'", id="large"
        ),
        pytest.param(
            "b'data: ' + event.replace(b'\"stop\"', b'null')"
            " + b'\\n\\nevent: end\\ndata: [DONE]'",
            id="cut-short",
        ),
    ],
)
def test_event_loop_runs_while_httpx_sse_is_imported(body):
    """
    The first event that is more than a data line makes asi1 import httpx-sse, while the
    event loop goes on: also for a large event, and for one that the stream's end cuts
    short.
    """
    program = NAMED_EVENTS.replace("BODY", body)

    assert "httpx_sse" in loaded(program, names=("httpx_sse",))
