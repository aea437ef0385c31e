"""A program that ends with clients, streams or threads still in use."""

from __future__ import annotations

import sys
import time

from textwrap import dedent

import pytest

from .programs import ended, start


@pytest.fixture
def fake(fake):
    fake.reply("one two three four", chunk_words=1, chunk_delay=0.02, times=None)
    return fake


# Scripts that end with a client, stream or thread still in use, and their exit codes.
BLOCKING = {
    "a-client": (
        """
        client_of().chat.completions.create(messages="Hi")
        """,
        0,
    ),
    "a-client-and-its-stream-in-their-blocks": (
        """
        with client_of() as client:
            with client.chat.completions.stream(messages="Hi") as stream:
                next(stream)
                raise SystemExit(3)
        """,
        3,
    ),
    "a-stream-that-was-not-started": (
        """
        kept.append(client_of().chat.completions.stream(messages="Hi"))
        sys.exit(4)
        """,
        4,
    ),
    "a-generator-that-reads-a-stream": (
        """
        def words():
            with client_of() as client:
                with client.chat.completions.stream(messages="Hi") as stream:
                    yield from stream.text_stream

        kept.append(words())
        next(kept[-1])
        sys.exit(5)
        """,
        5,
    ),
    "an-object-that-closes-its-client-when-it-dies": (
        """
        class Bot:
            def __init__(self):
                self.client = client_of()

            def __del__(self):
                self.client.close()

        kept.append(Bot())
        sys.exit(6)
        """,
        6,
    ),
    "a-thread-that-still-calls": (
        """
        client = client_of()

        def work():
            for _ in range(5):
                assert client.chat.completions.create(messages="Hi").text

        threading.Thread(target=work).start()
        sys.exit(7)
        """,
        7,
    ),
    "daemon-threads-that-call": (
        """
        client = client_of()

        def work():
            while True:
                client.chat.completions.create(messages="Hi")

        for _ in range(5):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        sys.exit(8)
        """,
        8,
    ),
    "daemon-threads-that-read": (
        """
        client = client_of()

        def work():
            while True:
                list(client.chat.completions.create(messages="Hi", stream=True))

        for _ in range(5):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        sys.exit(9)
        """,
        9,
    ),
    "a-last-call-at-exit": (
        """
        import atexit

        client = client_of()
        atexit.register(lambda: client.chat.completions.create(messages="Hi"))
        sys.exit(10)
        """,
        10,
    ),
}

# Scripts for asyncio and for trio: `run_on` is `asyncio.run` or `trio.run`.
AWAITED = {
    "a-client": (
        """
        async def main():
            await client_of(asi1.AsyncASI1).chat.completions.create(messages="Hi")

        run_on(main)
        """,
        0,
    ),
    "a-stream-in-its-loop": (
        """
        async def main():
            completions = client_of(asi1.AsyncASI1).chat.completions
            async for _ in await completions.create(messages="Hi", stream=True):
                raise SystemExit(3)

        run_on(main)
        """,
        3,
    ),
    "a-stream-that-is-kept": (
        """
        async def main():
            kept.append(client_of(asi1.AsyncASI1).chat.completions.stream(messages="Hi"))
            await anext(kept[-1])

        run_on(main)
        sys.exit(4)
        """,
        4,
    ),
    "a-generator-that-reads-a-stream": (
        """
        async def words():
            async with client_of(asi1.AsyncASI1) as client:
                async with client.chat.completions.stream(messages="Hi") as stream:
                    async for piece in stream.text_stream:
                        yield piece

        async def main():
            kept.append(words())
            await anext(kept[-1])

        run_on(main)
        sys.exit(5)
        """,
        5,
    ),
    "a-blocking-stream-in-a-loop": (
        """
        async def main():
            completions = client_of().chat.completions
            kept.append(completions.create(messages="Hi", stream=True))
            next(kept[-1])

        import warnings
        warnings.filterwarnings("ignore", "asi1.ASI1 blocks")
        run_on(main)
        sys.exit(6)
        """,
        6,
    ),
}

# Scripts for asyncio alone: trio has neither tasks outside a nursery nor an event loop
# that a program closes itself.
ASYNCIO = {
    "tasks-that-read": (
        """
        async def read(client):
            async with client.chat.completions.stream(messages="Hi") as stream:
                async for _ in stream:
                    begun.append(stream)

        async def main():
            client = client_of(asi1.AsyncASI1)
            kept.extend(asyncio.create_task(read(client)) for _ in range(20))
            while len(set(begun)) < 20:
                await asyncio.sleep(0.005)

        begun = []
        asyncio.run(main())
        sys.exit(7)
        """,
        7,
    ),
    "a-loop-that-was-closed": (
        """
        async def main():
            kept.append(client_of(asi1.AsyncASI1).chat.completions.stream(messages="Hi"))
            await anext(kept[-1])

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
        sys.exit(8)
        """,
        8,
    ),
}

ON = {
    "asyncio": "def run_on(main):\n    asyncio.run(main())\n",
    "trio": "import trio\nrun_on = trio.run\n",
}


# Python 3.12 starts no thread once the main thread has ended. So there, a program that
# makes calls after that has made a call before, which has started asi1's thread.
CALL_BEFORE = """
client_of().chat.completions.create(messages="Hi")
"""
NEEDS_CALL_BEFORE = (
    "a-thread-that-still-calls",
    "daemon-threads-that-call",
    "daemon-threads-that-read",
    "a-last-call-at-exit",
)


def call_before(name):
    """Return the code that the program *name* must begin with on this Python."""
    is_needed = sys.version_info[:2] == (3, 12) and name in NEEDS_CALL_BEFORE
    return CALL_BEFORE if is_needed else ""


CASES = [
    *(pytest.param(call_before(name), *BLOCKING[name], id=name) for name in BLOCKING),
    *(
        pytest.param(prelude, *case, id=f"{name}-{backend}")
        for backend, prelude in ON.items()
        for name, case in AWAITED.items()
    ),
    *(pytest.param("", *case, id=f"{name}-asyncio") for name, case in ASYNCIO.items()),
]


@pytest.mark.parametrize(("prelude", "script", "code"), CASES)
def test_program_with_open_clients_or_threads_keeps_exit_code_and_prints_nothing(
    fake, prelude, script, code
):
    """
    If a program ends with a client, stream or thread still in use, Python exits with
    the program's exit code and prints nothing. Even Python's development mode reports
    no unclosed resource.
    """
    began = time.monotonic()
    source = prelude + dedent(script)
    both = [start(fake, source), start(fake, source, "-X", "dev")]
    ends = [ended(process) for process in both]
    sys.stdout.write(f"{time.monotonic() - began:.2f} s from start to end\n")

    assert [(code, "", "")] * 2 == ends


# Calls that a program makes while Python exits, from a callback or a finalizer.
LATE = {
    "at-exit": "atexit.register(lambda: late(client))",
    "at-exit-after-a-call": """
        client.chat.completions.create(messages="Hi")
        atexit.register(lambda: late(client))
        """,
    "at-exit-in-asyncio": """
        atexit.register(lambda: asyncio.run(late_async(asi1.AsyncASI1("k", url))))
        """,
    "in-a-finalizer": "bot = Bot(client)",
    "in-a-finalizer-after-a-call": """
        client.chat.completions.create(messages="Hi")
        bot = Bot(client)
        """,
}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("when", LATE)
def test_call_while_python_exits_is_answered_or_raises_an_error_of_asi1(
    fake, when, host
):
    """
    A call or stream that a program makes while Python exits returns an answer or raises
    an `ASI1Error`. Such calls come from `atexit` callbacks or ``__del__``, to a host
    name or an IP address.
    """
    script = f"""
    import atexit

    url = url.replace("127.0.0.1", {host!r})
    client = asi1.ASI1("k", url)

    def late(client, error=asi1.ASI1Error):
        for call in (
            lambda: client.chat.completions.create(messages="Hi"),
            lambda: list(client.chat.completions.stream(messages="Hi")),
            lambda: list(client.chat.completions.map(["Hi"])),
            lambda: client.conversation().ask("Hi"),
            lambda: client.request("GET", "/unknown"),
            client.close,
        ):
            try:
                call()
            except error:
                pass

    async def late_async(client):
        try:
            await client.chat.completions.create(messages="Hi")
        except asi1.ASI1Error:
            pass

    class Bot:
        def __init__(self, client):
            self.client = client

        def __del__(self, late=late):
            late(self.client)

    """

    code, out, err = ended(start(fake, dedent(script) + dedent(LATE[when])))

    assert (0, "", "") == (code, out, err)
