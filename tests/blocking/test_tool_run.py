"""`ToolRun`: runs with tools for blocking callers."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import asi1

from ..support.scripted_model import ScriptedModel, call, tool_results
from ..support.talk import wait_for


var = contextvars.ContextVar("var", default="unset")


def add(a: int, b: int):
    return a + b


async def plus(a: int, b: int):
    await asyncio.sleep(0)
    return a + b


ROUNDS = (
    [call("a", "add", a=1, b=2), call("b", "plus", a=3, b=4)],
    [call("c", "add", a=5, b=6)],
)
RESULTS = [("a", "3"), ("b", "7"), ("c", "11")]


@pytest.mark.parametrize("stream", [False, True])
def test_blocking_run_has_the_steps_and_result_of_the_async_run(stream):
    """
    A blocking run has the same steps, messages, usage and journal as an async one.
    """

    async def in_loop():
        async with ScriptedModel(*ROUNDS).client() as client:
            run = client.chat.completions.run_tools(
                "Hi", tools=[add, plus], stream=stream, journal=lines[0].append
            )
            return [step async for step in run], await run.until_done()

    lines = [], []
    steps, result = asyncio.run(in_loop())
    with ScriptedModel(*ROUNDS).client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[add, plus], stream=stream, journal=lines[1].append
        )
        assert "<ToolRun after 0 answers>" == repr(run)
        blocking = list(run)
        got = run.until_done()

    assert RESULTS == tool_results(got.messages)
    assert (result.messages, result.usage) == (got.messages, got.usage)
    # Tools that run at the same time may end in any order.
    assert sorted(type(s).__name__ for s in steps) == sorted(
        type(s).__name__ for s in blocking
    )
    assert len(lines[0]) == len(lines[1])


def test_journal_runs_in_the_readers_thread_and_tools_in_other_threads():
    """
    The journal is called in the thread that reads the run, a blocking tool in a thread
    of its own, and a coroutine tool in the event loop's thread. Each sees the caller's
    contextvars.
    """
    threads = {"journal": set()}

    def tool():
        threads["tool"] = threading.current_thread().name, var.get()

    async def in_loop():
        threads["in_loop"] = threading.current_thread().name, var.get()

    def journal(line):
        threads["journal"].add(threading.current_thread().name)

    var.set("of the caller")
    model = ScriptedModel([call("a", "tool"), call("b", "in_loop")])
    with model.client(asi1.ASI1) as client:
        client.chat.completions.run_tools(
            "Hi", tools=[tool, in_loop], journal=journal
        ).until_done()

    assert {threading.current_thread().name} == threads["journal"]
    assert ("asi1 tool", "of the caller") == threads["tool"]
    assert ("asi1 event loop", "of the caller") == threads["in_loop"]


def test_coroutine_function_as_the_journal_of_a_blocking_run_is_refused():
    """
    A coroutine function as the journal of a blocking run would never be awaited, so the
    first read raises `ArgumentError`, before a request is sent.
    """
    model = ScriptedModel(*ROUNDS)

    async def journal(line):
        """Record nothing."""

    with model.client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[add, plus], journal=journal
        )
        with pytest.raises(asi1.ArgumentError) as caught:
            run.until_done()

    assert "journal" == caught.value.argument
    assert [] == model.bodies


def test_journal_that_raised_gets_the_same_line_again_at_the_next_read():
    """
    If the journal of a blocking run raises an error, the read raises this error, and
    the next read calls the journal with the same line again.
    """
    lines, failed = [], []

    def journal(line):
        if line not in failed:
            failed.append(line)
            raise OSError("disk full")
        lines.append(line)

    with ScriptedModel(*ROUNDS).client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[add, plus], journal=journal
        )
        errors = 0
        while True:
            try:
                result = run.until_done()
                break
            except OSError:
                errors += 1

    assert failed == lines
    assert len(lines) == errors
    assert RESULTS == tool_results(result.messages)


@pytest.mark.parametrize("sse", [False, True])
def test_stop_iteration_of_a_blocking_journal_does_not_end_the_run(sse):
    """
    A `StopIteration` that a journal raises becomes a RuntimeError, as it would
    otherwise look like the end of the run.
    """

    def journal(line):
        if "ended" in line:
            next(iter(()))

    with ScriptedModel(*ROUNDS).client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[add, plus], journal=journal
        )
        with pytest.raises(RuntimeError, match="journal raised StopIteration"):
            if sse:
                list(run.to_sse())
            else:
                run.until_done()


def test_blocking_tool_may_use_the_blocking_client_and_a_coroutine_tool_may_not():
    """
    A tool in its own thread may use the blocking client of its run. In a coroutine tool
    a blocking call would block the event loop that it waits for, so the call raises an
    error, which is sent to the model.
    """
    said = [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "?"}]

    def ask():
        inner = ScriptedModel([call("x", "add", a=1, b=1)])
        with inner.client(asi1.ASI1) as other:
            got = other.chat.completions.run_tools("?", tools=[add]).until_done()
        made = client.chat.completions.create(messages=said)
        return [made.text, tool_results(got.messages)[0][1]]

    async def ask_in_loop():
        return client.chat.completions.create(messages=said).text

    model = ScriptedModel([call("a", "ask"), call("b", "ask_in_loop")])
    with model.client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools("Hi", tools=[ask, ask_in_loop])
        results = dict(tool_results(run.until_done().messages))

    assert '["done","2"]' == results["a"]
    assert "its own event loop" in results["b"]


@pytest.mark.parametrize("way", ["close", "with", "error", "del", "close-client"])
def test_leaving_a_blocking_run_early_cancels_its_tools(way):
    """
    The tools of a blocking run that is left early are cancelled: by `close`, the end of
    a ``with`` block, an error in it, garbage collection, or closing the client.
    """
    left = []

    async def hang():
        try:
            await asyncio.Event().wait()
        finally:
            left.append(1)

    model = ScriptedModel([call("a", "hang"), call("b", "quick")])
    with model.client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[hang, asi1.tool(lambda: 1, name="quick")]
        )
        for step in run:
            if isinstance(step, asi1.ToolEndedStep):
                break
        assert [] == left
        if way == "close":
            run.close()
        elif way == "with":
            with run:
                pass
        elif way == "error":
            with pytest.raises(ZeroDivisionError), run:
                raise ZeroDivisionError
        elif way == "close-client":
            client.close()
        if way == "close-client":
            with pytest.raises(asi1.ClientClosedError):
                next(run)
        elif way != "del":
            with pytest.raises(asi1.StreamClosedError):
                next(run)
            run.close()
        del run
        wait_for(lambda: left)
        wait_for(lambda: not client._engine.tasks)


def test_runs_and_a_map_in_many_threads_get_their_own_answers():
    """
    Many threads that run tools, and a `map` beside them, may share one client; each of
    them gets its own answers.
    """
    with ScriptedModel(*ROUNDS).client(asi1.ASI1) as client:
        got, errors = [], []

        def read():
            try:
                run = client.chat.completions.run_tools("Hi", tools=[add, plus])
                got.append(tool_results(run.until_done().messages))
            except BaseException as error:  # noqa: BLE001 - compared below
                errors.append(error)

        threads = [threading.Thread(target=read) for _ in range(16)]
        for thread in threads:
            thread.start()
        said = [{"role": "assistant", "content": "x"}] * 2 + [
            {"role": "user", "content": "?"}
        ]
        texts = [a.text for a in client.chat.completions.map([said] * 30)]
        for thread in threads:
            thread.join(60)

    assert ([], [RESULTS] * 16) == (errors, got)
    assert ["done"] * 30 == texts


def test_second_thread_that_reads_a_run_is_refused():
    """
    While one thread waits for a step of a run, a second thread that reads the run gets
    `StreamBusyError`.
    """
    begun, release = threading.Event(), threading.Event()

    def tool():
        begun.set()
        release.wait(60)

    with ScriptedModel([call("a", "tool")]).client(asi1.ASI1) as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool])
        results = []
        reader = threading.Thread(target=lambda: results.append(run.until_done()))
        reader.start()
        assert begun.wait(60)
        with pytest.raises(asi1.StreamBusyError):
            next(run)
        release.set()
        reader.join(60)

    assert "done" == results[0].text


def test_system_exit_in_a_tool_of_a_blocking_run_reaches_the_caller():
    """
    SystemExit in a tool is raised by the read of the blocking run, which is then
    closed; the conversation of the run is free for the next turn.
    """

    def leave():
        sys.exit(3)

    with ScriptedModel([call("a", "leave")]).client(asi1.ASI1) as client:
        chat = client.conversation()
        run = chat.run_tools("Hi", tools=[leave])
        with pytest.raises(SystemExit):
            run.until_done()
        with pytest.raises(asi1.StreamClosedError):
            next(run)
        assert () == chat.messages
        chat.undo()  # raises if a turn is running


@pytest.mark.system
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("kind", ["coroutine", "thread"])
def test_ctrl_c_while_a_tool_sleeps_closes_the_run_and_frees_the_conversation(
    fake, kind
):
    """
    Ctrl-C while a tool sleeps raises KeyboardInterrupt at once, cancels the tool, and
    closes the run: its conversation is free for the next turn.
    """
    fake.reply("", tool_calls=[call("a", "nap")])
    fake.reply("Fine.")
    script = f"""
        import asyncio, os, sys, time, asi1
        client = asi1.ASI1("sk-test", {fake.base_url!r})
        async def coroutine():
            print("asleep", flush=True)
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                os.write(1, b"cancelled\\n")  # another thread may print
                raise
        def thread():
            print("asleep", flush=True)
            time.sleep(600)
        chat = client.conversation()
        run = chat.run_tools("Hi", tools=[asi1.tool({kind}, name="nap")])
        try:
            run.until_done()
        except KeyboardInterrupt:
            pass
        try:
            next(run)
        except asi1.StreamClosedError:
            print("closed", flush=True)
        print(chat.ask("Hi").text, len(run.steps))
        """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert "asleep\n" == process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)

    lines = ["cancelled"] * (kind == "coroutine") + ["closed", "Fine. 2"]
    assert (0, sorted(lines), "") == (process.returncode, sorted(out.splitlines()), err)
