"""The first calls of a process, which import modules, in threads and with Ctrl-C."""

from __future__ import annotations

import os
import signal

from itertools import product
from textwrap import dedent, indent

import pytest

from .programs import FORK_QUIETLY, IMPORTS, run


@pytest.fixture
def fake(fake):
    fake.reply("Fine.", times=None)
    return fake


# This code makes a program call `at_import(thread, module)` before each import of a
# module that is not loaded. `thread` is None in a thread that `threading` did not
# start.
WATCH = """
at_import = lambda thread, module: None
asi1.ASI1, asi1.AsyncASI1, asi1.RateLimit, asi1.ASI1Error

def hook(event, args):
    if event == "import":
        at_import(threading._active.get(threading.get_ident()), args[0])

sys.addaudithook(hook)
"""

WAYS = {
    "create": 'client.chat.completions.create(messages="Hi")',
    "limited": """asi1.ASI1(
        "k", url, rate_limit=asi1.RateLimit(requests_per_minute=60)
    ).chat.completions.create(messages="Hi")""",
    "host-name": """asi1.ASI1(
        "k", url.replace("127.0.0.1", "localhost")
    ).chat.completions.create(messages="Hi")""",
    "stream": 'list(client.chat.completions.stream(messages="Hi"))',
    "display": 'client.chat.completions.stream(messages="Hi").display()',
    "to_sse": 'list(client.chat.completions.stream(messages="Hi").to_sse())',
    "map": 'list(client.chat.completions.map(["Hi"]))',
    "ask": 'client.conversation().ask("Hi")',
    "turn": 'list(client.conversation().stream("Hi"))',
    "refused": 'client.request("GET", "/unknown")',
    "options": 'client.with_options(default_options={"temperature": 1})',
    "json": 'client.chat.completions.create(messages="Hi").to_json()',
    "markdown": 'client.chat.completions.create(messages="Hi")._repr_markdown_()',
    "unknown": 'client.chat.completions.create(messages="Hi", temprature=1)',
}


@pytest.mark.parametrize("way", WAYS)
def test_no_module_is_imported_on_the_callers_thread_or_the_event_loop(fake, way):
    """
    A blocking call imports no module in the caller's thread, where Ctrl-C could
    interrupt the import, and no module on the event loop, which would be blocked by the
    imports of other threads.
    """
    script = f"""
    client = client_of()
    seen = []
    at_import = lambda thread, module: seen.append((thread, module))
    try:
        {WAYS[way]}
    except asi1.ASI1Error:
        pass
    at_import = lambda thread, module: None
    places = [(getattr(thread, "name", ""), module) for thread, module in seen]
    kept = ("MainThread", "asi1 event loop")
    sys.stdout.write(f"{{len(places) > 0}}")
    sys.stderr.write("".join(f"{{each}}" for each in places if each[0] in kept))
    """

    code, out, err = run(fake, WATCH + dedent(script))

    assert (0, "") == (code, err)
    assert out.endswith("True")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
@pytest.mark.parametrize("number", [0, 5, 20, 40, 60, 70])
def test_ctrl_c_while_modules_are_imported_leaves_the_client_usable(fake, number):
    """
    After Ctrl-C during the imports of a process's first call, the call raises
    KeyboardInterrupt, and the next call succeeds.
    """
    script = f"""
    client = client_of()
    seen = []

    def at_import(thread, module):
        seen.append(module)
        if len(seen) == {number} + 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)  # so that the signal arrives during this import

    import signal
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen.clear()
    try:
        client.chat.completions.create(messages="Hi")
    except KeyboardInterrupt:
        sys.stdout.write("interrupted, ")
    while len(seen) <= {number}:  # the import goes on meanwhile
        time.sleep(0.001)
    sys.stdout.write(client.chat.completions.create(messages="Hi").text)
    """

    assert (0, "interrupted, Fine.", "") == run(fake, WATCH + dedent(script))


@pytest.mark.parametrize("kinds", ["bbbb", "aaaa", "abab", "tttt", "tbtb"])
def test_first_calls_of_several_threads_succeed(fake, kinds):
    """
    Threads that make the first calls of a process at the same time, with blocking and
    async clients, on asyncio and on trio, all get their answers.
    """
    script = f"""
    {"import trio" if "t" in kinds else ""}
    barrier = threading.Barrier(4)
    got = []

    async def ask():
        async with asi1.AsyncASI1("k", url) as client:
            return (await client.chat.completions.create(messages="Hi")).text

    ways = {{
        "a": lambda: asyncio.run(ask()),
        "b": lambda: client_of().chat.completions.create(messages="Hi").text,
        "t": lambda: trio.run(ask),
    }}

    def work(kind):
        barrier.wait()
        got.append(ways[kind]())

    threads = [threading.Thread(target=work, args=(kind,)) for kind in {kinds!r}]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{{got}}")
    """

    assert (0, f"{['Fine.'] * 4}", "") == run(fake, dedent(script))


@pytest.mark.parametrize("module", ["trio.lowlevel", "trio", "asi1._transport.connect"])
def test_call_succeeds_while_another_thread_imports_a_used_module(fake, module):
    """
    A call succeeds while another thread imports a module that asi1 looks up in
    ``sys.modules``. The lookup then finds a module that is still empty.
    """
    script = f"""
    import importlib.machinery, types

    class Slow:
        def find_spec(self, name, path=None, target=None):
            if name == {module!r} and threading.current_thread() is thread:
                return importlib.machinery.ModuleSpec(name, self)

        def create_module(self, spec):
            return None

        def exec_module(self, module):
            begun.set()
            answered.wait(2)
            raise ImportError("given up")

    def load():
        try:
            importlib.import_module({module!r})
        except ImportError:
            pass

    begun, answered = threading.Event(), threading.Event()
    thread = threading.Thread(target=load)
    sys.meta_path.insert(0, Slow())
    client = client_of()
    thread.start()
    begun.wait()
    sys.stdout.write(client.chat.completions.create(messages="Hi").text)
    answered.set()
    thread.join()
    """

    assert (0, "Fine.", "") == run(fake, dedent(script))


# This code makes an async program record, in `blocked`, each module during whose import
# the event loop does not run other tasks.
LOOP = """
from contextlib import suppress

import asi1._client.verbs

blocked = []
at_import = lambda module: None
sys.addaudithook(lambda event, args: event == "import" and at_import(args[0]))

def watch_imports():
    global at_import
    me = threading.get_ident()
    if backend == "asyncio":
        soon = asyncio.get_running_loop().call_soon_threadsafe
    else:
        soon = trio.lowlevel.current_trio_token().run_sync_soon

    def at_import(module):
        ran = threading.Event()
        if threading.get_ident() != me:
            soon(ran.set)
        if blocked or threading.get_ident() == me or not ran.wait(20):
            blocked.append(module)

async def main():
    global at_import
    client = asi1.AsyncASI1("sk-test", url, max_retries=0)
    # Methods without await import a few modules of asi1 themselves, and nothing else.
    completions = client.chat.completions
    completions.with_raw_response, completions.stream(messages="Hi"), client.images
    assert not {"anyio._backends._" + backend, "asi1._call", "httpx"} & {*sys.modules}
    before = len(sys.modules)
    watch_imports()
    with suppress(asi1.ASI1Error):
        await call(client)
    at_import = lambda module: None
    await client.aclose()
    sys.stdout.write(f"{len(sys.modules) - before > 50} {blocked[:1]}")

if backend == "asyncio":
    asyncio.run(main())
else:
    import trio
    trio.run(main)
"""

ASYNC_WAYS = {
    "create": 'await client.chat.completions.create(messages="Hi")',
    "create-stream": 'await client.chat.completions.create(messages="Hi", stream=True)',
    "stream": """async with client.chat.completions.stream(messages="Hi") as stream:
        assert "Fine." == (await stream.get_final_completion()).text""",
    "chunks": """stream = client.chat.completions.stream(messages="Hi")
    assert "Fine." == "".join([chunk.text async for chunk in stream])""",
    "parse": """await client.chat.completions.parse(
        messages="Hi", response_format=int)""",
    "raw": 'await client.chat.completions.with_raw_response.create(messages="Hi")',
    "generate": 'await client.images.generate("a cat")',
    "post": """await client.post(
        "/chat/completions", body={"messages": [{"role": "user", "content": "Hi"}]})""",
    "batch": """await client.batch(
        [{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
          "body": {"messages": [{"role": "user", "content": "Hi"}]}}], os.devnull)""",
    "with": """async with client:
        await client.chat.completions.create(messages="Hi")""",
}


@pytest.mark.parametrize(
    ("way", "backend"),
    [*product(ASYNC_WAYS, ["asyncio"]), ("create", "trio"), ("stream", "trio")],
)
def test_event_loop_runs_while_the_first_call_imports_modules(fake, way, backend):
    """
    During the imports of a program's first async call, other tasks of the event loop
    run: no import runs on the loop's thread, and the loop waits for none.
    """
    call = f"async def call(client):\n    {ASYNC_WAYS[way]}\n"

    script = f"backend = {backend!r}\n{call}\n{LOOP}"

    assert (0, "True []", "") == run(fake, script, head=IMPORTS)


# What happens to the first call of a program while its modules are imported, and what
# the program writes.
EVENTS = {
    "closed": (
        """
        await begun()
        await client.aclose()
        try:
            await first
        except asi1.ClientClosedError as error:
            sys.stdout.write(str(error))
        """,
        "the client is closed",
    ),
    "cancelled": (
        """
        await begun()
        first.cancel()
        sys.stdout.write((await ask()).text)
        """,
        "Fine.",
    ),
    "exit": (
        """
        await begun()
        sys.stdout.write("ended")
        """,
        "ended",
    ),
    "refused": (
        """
        refused.append("asi1._call.engine")
        for call in (first, ask()):
            try:
                await call
            except ImportError as error:
                sys.stdout.write(f"{error}, ")
        refused.clear()
        sys.stdout.write((await ask()).text)
        """,
        "refused, refused, Fine.",
    ),
    "forked": (
        """
        await begun()
        if (child := os.fork()) == 0:
            try:
                answer = asyncio.Runner().run(again())
                os.write(1, answer.text.encode())
            finally:
                os._exit(0)
        sys.stdout.write((await first).text)
        os.waitpid(child, 0)
        """,
        "Fine.Fine.",
    ),
}


@pytest.mark.parametrize("event", EVENTS)
def test_client_copes_with_whatever_happens_during_its_first_imports(fake, event):
    """
    If a client is closed while its first call imports modules, the call raises. If the
    call is cancelled, or the import fails, a later call succeeds. The program can end,
    and a forked child can make its own calls.
    """
    happens, expected = EVENTS[event]
    script = f"""
    imported, refused = [], []

    class Finder:
        def find_spec(self, name, path=None, target=None):
            imported.append(name)
            if name in refused:
                raise ImportError("refused")

    async def begun():
        while "asi1._call.engine" not in imported:
            await asyncio.sleep(0)

    def ask():
        return client.chat.completions.create(messages="Hi")

    async def again():
        global client
        client = asi1.AsyncASI1("k", url)
        return await ask()

    async def main():
        global client
        client = asi1.AsyncASI1("k", url)
        first = asyncio.create_task(ask())
{indent(dedent(happens), " " * 8)}

    sys.meta_path.insert(0, Finder())
    asyncio.run(main())
    """
    if event == "forked" and not hasattr(os, "fork"):
        pytest.skip("needs fork")

    assert (0, expected, "") == run(fake, script, *FORK_QUIETLY, head=IMPORTS)


SECOND_USES = {
    "images": "client.images",
    "models": "client.models.list()",
    "raw": "client.chat.completions.with_raw_response",
    "stream": 'client.chat.completions.stream(messages="Hi")',
    "other": 'asi1.AsyncASI1("k", url, default_headers={"x-a": "b"})',
    "names": "asi1.RateLimit, asi1.SQLiteCache",
}


@pytest.mark.parametrize("use", SECOND_USES)
def test_other_parts_of_a_client_do_not_wait_for_the_imports_of_its_first_call(
    fake, use
):
    """
    While the first call of a program imports modules, methods that are not awaited
    return without waiting, even if they need other modules, so that the event loop goes
    on.
    """
    script = f"""
    def hook(event, args):
        if event == "import" and args[0] == "anyio" and not begun.is_set():
            begun.set()
            waits.append(released.wait(8))  # less than threads wait for each other

    async def main():
        client = asi1.AsyncASI1("k", url)
        first = asyncio.create_task(client.chat.completions.create(messages="Hi"))
        while not begun.is_set():
            await asyncio.sleep(0)
        {SECOND_USES[use]}
        assert not waits
        released.set()
        sys.stdout.write((await first).text)

    begun, released, waits = threading.Event(), threading.Event(), []
    sys.addaudithook(hook)
    asyncio.run(main())
    """

    assert (0, "Fine.", "") == run(fake, script, head=IMPORTS)
