"""Imports that a task waits for, while other tasks of its event loop run."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.machinery
import os
import subprocess
import sys
import threading
import time
import weakref

import anyio
import pytest

from asi1._client.loader import async_loader


# Seconds after which an import that no task releases ends by itself.
LIMIT = 20


class Import:
    """An import that lasts until `released` is set, and the loader that runs it."""

    def __init__(self, *errors):
        self.errors = [*errors]
        self.begun, self.released = threading.Event(), threading.Event()
        self.threads = []
        self.loader = async_loader("_never.imported")(self.run)

    def run(self):
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.released.wait(LIMIT), "the event loop was blocked"
        if self.errors:
            raise self.errors.pop(0)
        return len(self.threads)


async def until(event):
    while not event.is_set():  # noqa: ASYNC110 - another thread sets the event
        await anyio.sleep(0.001)


async def test_other_tasks_run_during_an_import():
    """
    The imports run in another thread; meanwhile other tasks of the event loop run.
    """
    slow = Import()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.loader.ready)
        await until(slow.begun)
        slow.released.set()

    assert 1 == await slow.loader.ready() == slow.loader()
    assert threading.get_ident() not in slow.threads


async def test_tasks_that_need_the_same_import_wait_for_one_thread():
    """Tasks that call a loader at the same time wait for one import, and get its
    result.
    """
    slow, results = Import(), []

    async def call():
        results.append(await slow.loader.ready())

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(call)
        await until(slow.begun)
        await anyio.wait_all_tasks_blocked()
        waiting = len(slow.loader._running._wakers)
        slow.released.set()

    assert (5, [1] * 5) == (waiting, results)


def test_loader_keeps_no_event_loop_alive():
    """Once a task has waited for an import, nothing refers to its event loop."""
    slow = Import()
    slow.released.set()

    async def wait():
        await slow.loader.ready()
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(wait())
    gc.collect()

    assert loop() is None


EXITING = """
import asyncio, sys
from asi1 import AsyncASI1, ASI1Error

create = AsyncASI1("sk-test", "http://127.0.0.1:9/v1").chat.completions.create
sys.is_finalizing = lambda: True
try:
    asyncio.run(asyncio.wait_for(create(messages="Hi"), 60))
except ASI1Error as error:
    print(error)
"""


@pytest.mark.system
def test_call_whose_imports_cannot_begin_raises_an_error():
    """
    If Python is exiting when the first call begins, the call raises an error, and does
    not wait for imports that no thread will do.
    """
    done = subprocess.run(
        [sys.executable, "-c", EXITING], capture_output=True, text=True, check=False
    )

    assert "" == done.stderr
    assert "Python is exiting; no more calls can be made\n" == done.stdout


async def test_import_goes_on_after_its_waiting_task_is_cancelled():
    """A cancelled task does not end the import, whose result the next call returns."""
    slow = Import()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow.loader.ready)
            await until(slow.begun)
            scope.cancel()
    slow.released.set()

    assert 1 == await slow.loader.ready()


async def test_failed_import_raises_in_each_waiting_task_and_is_tried_again():
    """
    Each waiting task gets the error of a failed import; the next call imports again.
    """
    slow, errors = Import(ImportError("broken")), []

    async def call():
        try:
            await slow.loader.ready()
        except ImportError as error:
            errors.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        tasks.start_soon(call)
        await until(slow.begun)
        await anyio.wait_all_tasks_blocked()
        slow.released.set()

    assert ["broken"] * 2 == errors
    assert 2 == await slow.loader.ready()


def test_loader_waits_for_nothing_if_all_modules_are_imported():
    """If all modules were imported before, the loader starts no thread, and its
    coroutine ends at its first step.
    """
    here = async_loader("_client.loader")(threading.get_ident)

    with pytest.raises(StopIteration) as end:
        here.ready().send(None)

    assert threading.get_ident() == end.value.value


def test_imports_block_if_no_known_event_loop_is_running():
    """If no known event loop is running, the loader imports in another thread, and
    blocks its caller until the import has ended.
    """
    there = async_loader("_never.imported")(threading.get_ident)

    with pytest.raises(StopIteration) as end:
        there.ready().send(None)

    assert threading.get_ident() != end.value.value


class Unfinished:
    """
    An import hook for a module that waits for its own import while it is imported.
    """

    def find_spec(self, name, path=None, target=None):
        if name == "asi1.unfinished":
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.thread = anyio.run(async_loader("unfinished")(threading.get_ident).ready)


def test_module_whose_import_has_not_ended_counts_as_not_imported():
    """A module that is still being imported is in `sys.modules`, but the loader waits
    for its import to end, since the module is not usable yet.
    """
    sys.meta_path.insert(0, Unfinished())
    try:
        module = importlib.import_module("asi1.unfinished")
    finally:
        sys.meta_path.pop(0)
        sys.modules.pop("asi1.unfinished", None)

    assert threading.get_ident() != module.thread


@pytest.mark.virtual_time
async def test_virtual_clock_stands_still_during_an_import():
    """
    With a virtual clock the import blocks, since the clock would jump to the next timer
    while the event loop waits.
    """
    slow = async_loader("_never.imported")(lambda: time.sleep(0.01) or "done")

    with anyio.fail_after(5):
        assert "done" == await slow.ready()


def test_event_loops_of_several_threads_wait_for_one_import():
    """Event loops of several threads wait for one import, even if one loop ends before
    it.
    """
    slow, results = Import(), []

    async def call(patience):
        with anyio.move_on_after(patience):
            results.append(await slow.loader.ready())

    def work(backend, patience):
        anyio.run(call, patience, backend=backend)

    work("asyncio", 0.01)
    work("trio", 0.01)
    threads = [
        threading.Thread(target=work, args=(backend, None), daemon=True)
        for backend in ("asyncio", "trio")
    ]
    for thread in threads:
        thread.start()
    waiting = slow.loader._running._wakers
    # Only the two event loops that run now wait, not those that have ended.
    while len(waiting) < 2:
        time.sleep(0.001)
    slow.released.set()
    for thread in threads:
        thread.join(LIMIT)

    assert [1, 1] == results


FORK = """
import asyncio, os
from asi1._client.loader import async_loader

def load():
    loads.append(os.getpid())
    if len(loads) == 1:
        child = os.fork()
        if child == 0:
            print(asyncio.run(loader.ready()), flush=True)
            os._exit(0)
        assert 0 == os.waitpid(child, 0)[1]
    return f"load {len(loads)}"

loads = []
loader = async_loader("_never.imported")(load)
print(asyncio.run(loader.ready()))
"""


@pytest.mark.system
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_does_not_wait_for_an_import_that_its_parent_had_begun():
    """
    A child that was forked during an import imports anew, since the thread that imports
    does not exist in the child.
    """
    done = subprocess.run(
        # Python 3.12 and later warn if a process with several threads forks.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ("load 2\nload 1\n", "") == (done.stdout, done.stderr)
