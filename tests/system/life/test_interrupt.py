"""Ctrl-C during calls of the blocking client, at chosen and at random moments."""

from __future__ import annotations

import signal
import time

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
def test_ctrl_c_in_a_blocking_call_cancels_the_request(fake, way):
    """
    Ctrl-C in a blocking call raises KeyboardInterrupt and cancels the request, and the
    client's next call succeeds.
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
    # After this pause the first chunks have been read, so that the interrupt comes in a
    # blocking call and not between two calls.
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)

    # The program still waits for its input here, so the interrupt and not the exit of
    # the program has cancelled the request.
    assert "left" == fake.requests[0].wait()
    assert (0, "interrupted, Fine.", "") == ended(process)
    assert "sent" == fake.requests[1].wait()


def test_ctrl_c_at_each_line_of_a_call_leaves_the_client_usable(fake):
    """
    KeyboardInterrupt is raised once at each call, line or return that the caller's
    thread executes in a blocking call. The client's next call then succeeds, no call
    stays running, and Python warns of no coroutine that was never awaited.
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

    def interrupt_after(steps):
        def trace(frame, event, _):
            nonlocal steps
            steps -= 1
            if steps == 0:
                raise KeyboardInterrupt
            return trace
        return trace

    interrupted = 0
    for way in ways:
        assert "Fine." == way()
        for step in itertools.count(1):
            try:
                sys.settrace(interrupt_after(step))
                try:
                    way()
                finally:
                    sys.settrace(None)
            except KeyboardInterrupt:
                interrupted += 1
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
    sys.stdout.write("enough" if interrupted > 150 else f"only {interrupted}")
    """

    code, out, err = run(fake, script)

    # Python itself reports an interrupt within the callback of a weak reference, so
    # standard error may contain such a report.
    assert (0, "enough") == (code, out)
    assert "never awaited" not in err


def test_ctrl_c_at_any_moment_leaves_the_client_usable(fake):
    """
    An interrupt is set for a random moment of each of two hundred blocking calls.
    Afterwards no call is running, no connection is in use, and fifty more calls
    succeed.
    """
    fake._script.put(slowly(0.001), None, "slowly()")
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
    rng = random.Random(9)
    # A timer's signal, with the handler of Ctrl-C, interrupts the main thread too.
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for number in range(200):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, 10 ** rng.uniform(-4, -1.5))
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
    # anyio's worker thread, which loaded modules, waits ten seconds for more work.
    names = [t.name for t in threading.enumerate() if "AnyIO" not in t.name]
    assert ["MainThread", "asi1 event loop"] == names
    sys.stdout.write("enough" if cut > 60 else f"only {cut} were interrupted")
    """

    # If the signal raises KeyboardInterrupt in a finalizer, Python prints the
    # exception, and warns of coroutines that were then never awaited, so standard error
    # is not compared.
    code, out, err = run(fake, script)

    assert (0, "enough") == (code, out), err
    wait_for(lambda: fake.open_connections == 0)
