"""Ctrl-C in a program that blocks, at chosen and at chance moments."""

from __future__ import annotations

import signal

import pytest

from .programs import ended, run, start, wait_for
from .sweep import slowly


pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="needs signals"
)


WAYS = {
    "create": 'client.chat.completions.create(messages="Hi")',
    "opening": 'client.chat.completions.create(messages="Hi", stream=True)',
    "chunks": 'list(client.chat.completions.create(messages="Hi", stream=True))',
    "text": 'list(client.chat.completions.stream(messages="Hi").text_stream)',
    "final": 'client.chat.completions.stream(messages="Hi").get_final_completion()',
    "map": 'list(client.chat.completions.map(["Hi"]))',
    "kept": "list(stream)",
    "kept-final": "stream.get_final_completion()",
    "request": 'client.request("POST", "/chat/completions", json={"messages": []})',
}


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_takes_the_request_back(fake, way):
    """
    Ctrl-C reaches who blocks, as KeyboardInterrupt; the request is taken back, and the
    same client answers the next call.
    """
    reads = way in ("chunks", "text", "final", "kept", "kept-final")
    fake.fault("stall" if reads else "stall_before_headers")
    fake.reply("Fine.")
    script = f"""
    client = client_of()
    stream = client.chat.completions.stream(messages="Hi")
    try:
        {WAYS[way]}
    except KeyboardInterrupt:
        sys.stdout.write("interrupted, ")
    sys.stdin.read()
    sys.stdout.write(client.chat.completions.create(messages="Hi").text)
    """

    process = start(fake, script)
    wait_for(lambda: fake.requests)
    process.send_signal(signal.SIGINT)

    assert "left" == fake.requests[0].wait()  # and not when the program ends
    assert (0, "interrupted, Fine.", "") == ended(process)
    assert "sent" == fake.requests[1].wait()


def test_ctrl_c_at_each_step_of_a_call_leaves_the_client_whole(fake):
    """
    Wherever in the caller's own steps Ctrl-C strikes, it is KeyboardInterrupt, the
    next call is answered, and no call stays under way.
    """
    fake.reply("Fine.", times=None)
    script = """
    import itertools

    completions = client_of().chat.completions
    ways = [
        lambda: completions.create(messages="Hi").text,
        lambda: completions.stream(messages="Hi").get_final_completion().text,
        lambda: "".join(
            chunk.text for chunk in completions.create(messages="Hi", stream=True)
        ),
    ]

    def strike(steps):
        def trace(frame, event, _):
            nonlocal steps
            steps -= 1
            if steps == 0:
                raise KeyboardInterrupt
            return trace
        return trace

    struck = 0
    for way in ways:
        assert "Fine." == way()
        for step in itertools.count(1):
            try:
                sys.settrace(strike(step))
                try:
                    way()
                finally:
                    sys.settrace(None)
            except KeyboardInterrupt:
                struck += 1
            else:
                break
            assert "Fine." == way()
    engine = kept[0]._engine
    for _ in range(500):
        if not engine.tasks:
            break
        time.sleep(0.01)
    else:
        sys.exit(f"left behind: {engine.tasks}")
    sys.stdout.write("enough" if struck > 150 else f"only {struck} struck")
    """

    code, out, err = run(fake, script, "-W", "ignore::RuntimeWarning")

    assert (0, "enough") == (code, out), err


def test_ctrl_c_at_any_moment_leaves_the_client_whole(fake):
    """
    After two hundred interruptions at chance moments no call is under way and no
    connection in use, and fifty further calls are answered.
    """
    fake._script.put(slowly(0.001), None)
    script = """
    import random
    import signal

    completions = client_of().chat.completions

    def entered():
        with completions.stream(messages="Hi") as stream:
            return "".join(stream.text_stream)

    ways = [
        lambda: completions.create(messages="Hi").text,
        lambda: completions.stream(messages="Hi").get_final_completion().text,
        lambda: "".join(
            chunk.text for chunk in completions.create(messages="Hi", stream=True)
        ),
        entered,
    ]
    text = ways[0]()
    cut = 0
    dice = random.Random(9)
    # A timer's signal, with the handler that Ctrl-C has, strikes the main thread too.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for number in range(200):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, 10 ** dice.uniform(-4, -1.5))
                assert text == ways[number % 4]()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            cut += 1

    engine = kept[0]._engine
    for _ in range(500):
        busy = [pool.busy for loop in engine.resources.transport.pools._by_loop.values()
                for pool in loop.pools]
        if not engine.tasks and not any(busy):
            break
        time.sleep(0.01)
    else:
        sys.exit(f"left behind: {engine.tasks} {busy}")
    assert [text] * 50 == [ways[number % 4]() for number in range(50)]
    # anyio's own, which loaded what took long, waits ten seconds for more to do.
    names = [t.name for t in threading.enumerate() if "AnyIO" not in t.name]
    assert ["MainThread", "asi1 event loop"] == names
    sys.stdout.write("enough" if cut > 60 else f"only {cut} were cut off")
    """

    # Python itself tells of what a signal has hit in one of its finalizers, and of
    # coroutines that it kept from being awaited.
    code, out, err = run(fake, script, "-W", "ignore::RuntimeWarning")

    assert (0, "enough") == (code, out), err
    wait_for(lambda: fake.open_connections == 0)
