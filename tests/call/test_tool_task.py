"""`ToolTask`: whatever a tool does, its call gets a result, and nothing else breaks."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import json
import threading
import time

import anyio
import anyio.lowlevel
import pytest
import sniffio

import asi1

from ..support.scripted_model import ScriptedModel, call, cancel_itself, tool_results
from ..support.talk import until


CANCELLED = "the tool was cancelled"
TOO_LONG = (
    "the tool took longer than {} seconds; it is not known whether it took effect"
)
var = contextvars.ContextVar("var", default="unset")


class OddError(Exception):
    """An exception whose `__str__` fails."""

    def __str__(self):
        raise RuntimeError


class NoStrError(Exception):
    """An exception whose `__str__` returns an int."""

    def __str__(self):
        return 7  # noqa: PLE0307 - the mistake is the point


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    """An exception whose attributes cannot be set, not even its traceback."""

    place: int


class NoMessageError(asi1.ToolError):
    """A `ToolError` that forgets to call the `__init__` of `ToolError`."""

    def __init__(self, place):
        self.place = place


class OddText(str):
    """A str that cannot be formatted, and is neither true nor false."""

    __slots__ = ()

    def __format__(self, spec):
        raise RuntimeError

    def __bool__(self):
        raise RuntimeError


class OddTextError(Exception):
    """An exception whose `__str__` returns a str of another class."""

    def __str__(self):
        return OddText("odd")


class NoTracebackError(Exception):
    """An exception with a `with_traceback` of its own, which fails."""

    def with_traceback(self, frames):
        raise RuntimeError


class OwnBaseError(BaseException):
    """An exception that `except Exception` does not catch."""


# For each case, what a tool raises, and what the model then reads.
RAISED = {
    "message": (ValueError("no otter"), "ValueError: no otter"),
    "no-message": (KeyError(), "KeyError"),
    "tool-error": (asi1.ToolError("Ask again later."), "Ask again later."),
    "tool-error-of-an-int": (asi1.ToolError(404), "404"),
    "tool-error-without-message": (NoMessageError("x"), "NoMessageError"),
    "str-fails": (OddError("x"), "OddError"),
    "str-of-another-class": (OddTextError("x"), "OddTextError: odd"),
    "with-traceback-fails": (NoTracebackError("x"), "NoTracebackError: x"),
    "str-is-no-str": (NoStrError(), "NoStrError"),
    "frozen": (FrozenError(3), "FrozenError: 3"),
    "surrogate": (ValueError("\ud800"), "ValueError: \ufffd"),
    "own-timeout": (TimeoutError("slow disk"), "TimeoutError: slow disk"),
    "group": (
        ExceptionGroup("two", [OSError()]),
        "ExceptionGroup: two (1 sub-exception)",
    ),
    "base": (OwnBaseError("odd"), "OwnBaseError: odd"),
    "cancelled-error": (asyncio.CancelledError(), CANCELLED),
    "generator-exit": (GeneratorExit(), CANCELLED),
    "group-with-a-cancellation": (
        BaseExceptionGroup("both", [asyncio.CancelledError(), OSError()]),
        CANCELLED,
    ),
}


async def ended(tool, *, client=None, **options):
    """Run *tool* once, and return the step that shows its result."""
    model = ScriptedModel([call("a", "tool")])
    options = {"tool_timeout": 60, **options}
    async with model.client() as made:
        named = tool if isinstance(tool, asi1.Tool) else asi1.tool(tool, name="tool")
        run = (client or made).chat.completions.run_tools(
            "Hi", tools=[named], **options
        )
        with anyio.fail_after(120):
            result = await run.until_done()
    (step,) = [step for step in result.steps if isinstance(step, asi1.ToolEndedStep)]
    assert "done" == result.text
    assert [("a", step.content)] == tool_results(model.bodies[1]["messages"])
    return step


def error_of(step):
    """Return the error message that the model reads in a failed step's content."""
    assert step.failed
    content = json.loads(step.content)
    assert {"error", "status"} == set(content)
    assert "failed" == content["status"]
    return content["error"]


async def test_exception_of_a_tool_is_logged_with_its_traceback(caplog):
    """
    A tool's exception is logged as a warning, with the line that raised it. A
    `ToolError`, which a tool raises on purpose, is not logged.
    """

    def broken():
        raise KeyError("rate")

    def refuses():
        raise asi1.ToolError("Ask again later.")

    model = ScriptedModel([call("a", "broken"), call("b", "refuses")])
    async with model.client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[broken, refuses])
        await run.until_done()

    (record,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert "the tool broken failed: KeyError: 'rate'" == record.getMessage()
    assert 'raise KeyError("rate")' in caplog.text


@pytest.mark.system
@pytest.mark.parametrize("kind", ["coroutine", "thread"])
@pytest.mark.parametrize("name", RAISED)
async def test_exception_of_a_tool_is_the_result_of_its_call(kind, name, caplog):
    """
    If a tool raises an exception, the model reads its class and message; of a
    `ToolError` it reads only the message, of a cancellation that the tool was
    cancelled. The run goes on. The step has the exception, without the frames of the
    tool.
    """
    error, words = RAISED[name]
    # pytest cannot print the lone surrogate of a logged traceback, so nothing is
    # logged.
    caplog.set_level("CRITICAL", logger="asi1")

    async def in_loop():
        raise error

    def in_thread():
        raise error

    step = await ended(in_loop if kind == "coroutine" else in_thread)

    assert words == error_of(step)
    assert error is step.error
    assert None is step.error.__traceback__


@pytest.mark.parametrize("kind", ["coroutine", "thread"])
async def test_value_without_a_json_form_is_an_error_that_the_model_reads(kind):
    """
    If JSON cannot express what a tool returns, the model reads that the tool has run,
    so that it does not call the tool again. The run goes on.
    """

    async def in_loop():
        return threading.Lock()

    def in_thread():
        return threading.Lock()

    step = await ended(in_loop if kind == "coroutine" else in_thread)

    assert (
        "the tool has run, but its result cannot be sent: ValueError: a value of type"
        " lock has no form in JSON"
    ) == error_of(step)
    assert isinstance(step.error, ValueError)


@pytest.mark.parametrize(
    ("value", "content"),
    [("text", "text"), (None, "null"), ({"a": [1]}, '{"a":[1]}'), ("\ud800", "\ufffd")],
)
async def test_str_from_a_tool_is_sent_unchanged_and_any_other_value_as_json(
    value, content
):
    """
    What a tool returns is the result of its call: a str unchanged, but without
    surrogates that UTF-8 cannot encode, and any other value as JSON.
    """

    async def tool():
        return value

    step = await ended(tool)

    assert (content, False, None) == (step.content, step.failed, step.error)


async def test_tool_that_cancels_itself_has_the_result_that_it_was_cancelled():
    """
    If a tool cancels its own asyncio task, or lets the cancellation of a trio scope
    escape, the model reads that the tool was cancelled; the run is not cancelled.
    """
    assert CANCELLED == error_of(await ended(asi1.tool(cancel_itself, name="tool")))


async def test_tool_whose_own_scope_is_cancelled_returns_its_value():
    """
    A tool that cancels a scope of its own, and catches the cancellation there, goes on
    and returns its value.
    """

    async def tool():
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(60)
        return "went on"

    assert "went on" == (await ended(tool)).content


@pytest.mark.virtual_time
@pytest.mark.parametrize(("own", "of_run"), [(5, 60), (5, None), (None, 5)])
async def test_tool_that_takes_too_long_is_cancelled(own, of_run):
    """
    A tool is cancelled after its own timeout or, if it has none, after the timeout of
    the run. The model reads that the tool took too long, and that it may have taken
    effect.
    """
    seen = []

    async def hang():
        try:
            await anyio.sleep(3600)
        except BaseException as error:
            seen.append(type(error))
            raise

    began = anyio.current_time()
    tool = asi1.tool(hang, name="tool", timeout=own)
    step = await ended(tool, tool_timeout=of_run)

    assert TOO_LONG.format(5) == error_of(step)
    assert isinstance(step.error, TimeoutError)
    assert 5 == pytest.approx(anyio.current_time() - began, abs=0.01)
    assert [anyio.get_cancelled_exc_class()] == seen


@pytest.mark.virtual_time
async def test_tool_without_a_timeout_may_take_a_day():
    """
    If neither the tool nor the run has a timeout, a tool may take any time.
    """

    async def tool():
        await anyio.sleep(86_400)
        return "slow"

    model = ScriptedModel([call("a", "tool")])
    async with model.client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool], tool_timeout=None)
        result = await run.until_done()

    assert [("a", "slow")] == tool_results(result.messages)


async def test_result_of_a_thread_that_took_too_long_is_discarded():
    """
    When the timeout of a blocking tool has passed, the model reads that the tool took
    too long, although the tool's thread runs on. What the tool returns later is
    ignored.
    """
    release = threading.Event()
    left = []

    def tool():
        release.wait(60)
        left.append(threading.current_thread())
        return "late"

    step = await ended(tool, tool_timeout=0.05)
    release.set()

    assert TOO_LONG.format(0.05) == error_of(step)
    await until(lambda: left)


@pytest.mark.parametrize("kind", ["coroutine", "thread"])
@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        BaseExceptionGroup("in a group", [SystemExit(3), OSError()]),
    ],
    ids=["exit", "interrupt", "group"],
)
async def test_system_exit_in_a_tool_is_raised_and_cancels_the_other_tools(kind, error):
    """
    SystemExit and KeyboardInterrupt in a tool are raised by the read of the run, and
    the tools that still run are cancelled; each later read says that the run is closed.
    """
    others = []

    async def in_loop():
        raise error

    def in_thread():
        raise error

    async def hang():
        try:
            await anyio.sleep_forever()
        finally:
            others.append("cancelled")

    tool = asi1.tool(in_loop if kind == "coroutine" else in_thread, name="leave")
    model = ScriptedModel([call("a", "hang"), call("b", "leave")])
    async with model.client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool, hang])
        caught = None
        try:
            with anyio.fail_after(60):
                await run.until_done()
        except BaseException as raised:  # noqa: BLE001 - compared below
            caught = raised
        await until(lambda: others)

        assert error is caught
        with pytest.raises(asi1.StreamClosedError):
            await anext(run)
        assert not client._engine.tasks


async def test_blocking_tool_runs_in_another_thread_with_the_readers_contextvars():
    """
    A blocking tool runs outside of the event loop's thread, so it blocks no other task;
    it sees the values that contextvars have for the reader of the run.
    """
    main = threading.get_ident()
    seen = []

    def tool():
        seen.extend([threading.get_ident(), var.get()])

    var.set("of the reader")
    await ended(tool)

    assert main != seen[0]
    assert "of the reader" == seen[1]


@pytest.mark.parametrize("library", ["asyncio", "trio"])
async def test_blocking_tool_may_run_an_event_loop_of_its_own(library):
    """
    A blocking tool may call `anyio.run`: its thread has no event loop, and does not
    inherit anyio's knowledge of the reader's event loop.
    """

    async def answer():
        await anyio.lowlevel.checkpoint()
        return sniffio.current_async_library()

    step = await ended(lambda: anyio.run(answer, backend=library))

    assert library == step.content


async def test_coroutine_tool_runs_on_the_loop_with_the_readers_contextvars():
    """
    A coroutine tool runs on the event loop, and sees the values that contextvars have
    for the reader of the run. If the tool changes a value, the reader does not see the
    change.
    """
    seen = []

    async def tool():
        seen.extend([threading.get_ident(), var.get()])
        var.set("of the tool")

    var.set("of the reader")
    await ended(tool)

    assert [threading.get_ident(), "of the reader"] == seen
    assert "of the reader" == var.get()


class Async:
    async def __call__(self):
        return threading.get_ident()


class Blocking:
    def __call__(self):
        return threading.get_ident()


class Named(Blocking):
    """
    A callable object that has a partial's attribute ``func``, but is not a partial.
    """

    async def func(self):
        raise NotImplementedError


async def ident():
    return threading.get_ident()


async def plus(number):
    return threading.get_ident() + number


@functools.wraps(ident)
def run_in_own_loop():
    return asyncio.run(ident())


@pytest.mark.parametrize(
    ("function", "on_loop"),
    [
        (ident, True),
        (functools.partial(functools.partial(plus), 0), True),
        (Async(), True),
        (Async().__call__, True),
        (lambda: plus(0), True),
        (functools.partial(lambda a, b: plus(a + b), 0, 0), True),
        (lambda: int(threading.get_ident()), False),
        (Blocking(), False),
        (Named(), False),
        (run_in_own_loop, False),
    ],
    ids=[
        "coroutine-function",
        "partial",
        "async-object",
        "async-method",
        "lambda",
        "partial-of-a-lambda",
        "function",
        "object",
        "object-with-func",
        "wrapper",
    ],
)
async def test_only_tools_that_are_awaited_run_on_the_event_loop(function, on_loop):
    """
    A coroutine function, partial, object or lambda that returns a coroutine is awaited
    on the event loop. Any other function runs in a thread, even one that runs a
    coroutine function in an event loop of its own.
    """
    tool = asi1.tool(function, name="tool", description="Tells the thread.")

    step = await ended(tool)

    assert not step.failed
    assert on_loop == (threading.get_ident() == int(step.content))


async def test_blocking_tools_run_at_the_same_time():
    """
    Blocking tools of one answer run at the same time, each in its own thread.
    """
    together = threading.Barrier(20)
    threads = set()

    def tool(number: int):
        together.wait(60)
        threads.add(threading.current_thread())
        return number

    calls = [call(str(n), "tool", number=n) for n in range(20)]
    async with ScriptedModel(calls).client() as client:
        result = await client.chat.completions.run_tools(
            "Hi", tools=[tool]
        ).until_done()

    assert [(str(n), str(n)) for n in range(20)] == tool_results(result.messages)
    assert 20 == len(threads)
    assert {True} == {thread.daemon for thread in threads}


@pytest.mark.virtual_time
async def test_tool_that_fails_while_the_run_is_closed_breaks_nothing():
    """
    A tool may raise any exception while it is cancelled, even several in one group.
    Closing the run waits for the tool, and the event loop goes on.
    """
    raised = []

    async def fail():
        try:
            await anyio.sleep_forever()
        finally:
            raised.append(OwnBaseError("too late"))
            raise raised[-1]

    async def tool():
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            group.start_soon(fail)
            await anyio.sleep_forever()

    model = ScriptedModel([call("a", "tool")])
    async with model.client() as client:
        async with client.chat.completions.run_tools("Hi", tools=[tool]) as run:
            with anyio.move_on_after(0.1):
                await run.until_done()
        assert 2 == len(raised)
        assert not client._engine.tasks
        assert "done" == (await model_without_tools(client))


async def model_without_tools(client):
    """Return the text of an answer, to show that the client still works."""
    message = {"role": "assistant", "content": "x"}
    made = await client.chat.completions.create(
        messages=[
            {"role": "user", "content": "Hi"},
            message,
            {"role": "user", "content": "?"},
        ]
    )
    return made.text


@pytest.mark.parametrize("way", ["client", "run"])
async def test_tool_may_close_its_own_client_or_run(way):
    """
    A tool that closes its client, or its run, does not wait for itself: the tool is
    cancelled, and the reader gets the error that says what was closed.
    """
    model = ScriptedModel([call("a", "tool")])
    client = model.client()

    async def tool():
        await (client if way == "client" else run).aclose()
        await anyio.sleep_forever()

    run = client.chat.completions.run_tools("Hi", tools=[tool])
    kind = asi1.ClientClosedError if way == "client" else asi1.StreamClosedError
    with anyio.fail_after(60), pytest.raises(kind):
        await run.until_done()

    await until(lambda: not client._engine.tasks)
    await client.aclose()


def test_thread_of_a_hanging_tool_does_not_keep_python_alive():
    """
    The threads of blocking tools are daemons: a tool that never returns does not keep
    the program from exiting.
    """
    began = threading.Event()
    threads = []

    def tool():
        threads.append(threading.current_thread())
        began.set()
        time.sleep(0.2)

    async def main():
        async with ScriptedModel([call("a", "tool")]).client() as client:
            run = client.chat.completions.run_tools("Hi", tools=[tool])
            with anyio.move_on_after(60):
                await anext(run)
                await anext(run)
                with anyio.move_on_after(0.05):
                    await anext(run)
            await run.aclose()

    anyio.run(main)

    assert began.wait(60)
    assert threads[0].daemon
