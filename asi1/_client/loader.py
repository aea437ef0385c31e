"""
Imports that wait until a call needs them, while the event loop goes on.

anyio is not used here, since it is one of the modules that are imported. So this module
uses asyncio and trio directly.
"""

from __future__ import annotations

import os
import sys

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any, Generic, TypeAlias, TypeVar

from .._fork_lock import ExitingError, run_apart_once, start_apart
from .._models.errors import ASI1Error


__all__ = ["AsyncLoader", "async_loader", "loader"]

_T = TypeVar("_T")
# Two functions: a task awaits the result of the second; the first wakes that task, and
# may be called in any thread.
_Signal: TypeAlias = tuple[Callable[[], object], Callable[[], Awaitable[object]]]

_PACKAGE = __name__.partition(".")[0]


def loader(load: Callable[[], _T]) -> Callable[[], _T]:
    """
    Return a cached version of *load*, a function that imports modules.

    The imports run in a thread that no signal interrupts; `os.fork` waits for their
    end. Later calls return the cached result at once.
    """
    once = run_apart_once(load)

    def loaded() -> _T:
        try:
            return once()
        except ExitingError as error:
            raise ASI1Error(f"{error}; no more calls can be made") from None

    return loaded


def async_loader(
    *modules: str, backends: bool = False
) -> Callable[[Callable[[], _T]], AsyncLoader[_T]]:
    """
    Return a decorator like `loader`, whose result also has an async method ``ready``.

    Args:
        *modules: The modules of asi1 that the decorated function imports, without those
            that they import in turn.
        backends: Whether the decorated function also imports anyio's backends.
    """
    return lambda load: AsyncLoader(load, modules, backends=backends)


class AsyncLoader(Generic[_T]):
    """A cached function that imports modules, for blocking and for async callers."""

    def __init__(
        self, load: Callable[[], _T], modules: tuple[str, ...], *, backends: bool
    ) -> None:
        """See `async_loader`."""
        self._load = load
        self._once = loader(load)
        self._modules = [f"{_PACKAGE}.{name}" for name in modules]
        self._backends = backends
        self._results: list[_T] = []
        self._running: _Import | None = None

    def __call__(self) -> _T:
        """Return the result; the first call blocks its thread during the imports."""
        if not self._results:
            self._results.append(self._once())
        return self._results[0]

    async def ready(self) -> _T:
        """
        Return the result; during the imports other tasks of the event loop run.

        If a task that waits here is cancelled, the imports go on.
        """
        if self._results:
            return self._results[0]
        if self._loaded():
            self._results.append(self._load())
        elif (signal := _signal()) is not None:
            await self._import(signal)
        return self()

    def _loaded(self) -> bool:
        libraries = ("asyncio", "trio") if self._backends else ()
        names = [
            f"anyio._backends._{library}"
            for library in libraries
            if library in sys.modules
        ]
        return all(map(_is_loaded, [*self._modules, *names]))

    async def _import(self, signal: _Signal) -> None:
        """Wait for the imports, which begin now if no other task has begun them."""
        running = self._running
        # In a forked child, no thread finishes an import that the parent has begun.
        if running is None or running.ended or running.pid != os.getpid():
            running = self._running = _Import()
            try:
                # Not alone, so that a blocking loader, which may need only one of these
                # modules, does not wait for all of them.
                start_apart(partial(running.run, self), alone=False)
            except ExitingError:  # `ready` then calls `__call__`, which raises it
                self._running = None
                return
        await running.wait(signal)


class _Import:
    """Imports that run in another thread, and the tasks that wait for them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.ended = False
        self._error: BaseException | None = None
        self._wakers: list[Callable[[], object]] = []

    def run(self, load: Callable[[], object]) -> None:
        try:
            load()
        except BaseException as error:  # noqa: BLE001 - the waiting tasks raise it
            self._error = error
        self.ended = True
        for wake in [*self._wakers]:
            with suppress(RuntimeError):  # the event loop of *wake* has ended
                wake()

    async def wait(self, signal: _Signal) -> None:
        wake, woken = signal
        self._wakers.append(wake)
        try:
            # If the import ends just before the wait begins, `run` still calls `wake`.
            if not self.ended:
                await woken()
        finally:
            self._wakers.remove(wake)  # else *wake* would keep the event loop alive
        if self._error is not None:
            raise self._error


def _is_loaded(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    # `sys.modules` contains a module before the import of the module has ended.
    return spec is not None and not getattr(spec, "_initializing", False)


def _signal() -> _Signal | None:
    """
    Return a signal for the running task; None outside a task of asyncio or trio.

    Also None on an event loop with a virtual clock: the clock would jump to the next
    timer while the task waits for a thread.
    """
    # Attributes are missing while another thread imports asyncio or trio.
    for library, signal in (("asyncio", _asyncio_signal), ("trio", _trio_signal)):
        with suppress(KeyError, AttributeError, RuntimeError):
            return signal(sys.modules[library])
    return None


def _asyncio_signal(asyncio: ModuleType) -> _Signal | None:
    if asyncio.current_task() is None:
        raise RuntimeError("no task of asyncio is running")
    loop = asyncio.get_running_loop()
    base: Any = asyncio.BaseEventLoop
    if isinstance(loop, base) and getattr(loop.time, "__func__", 0) is not base.time:
        return None  # the loop has a virtual clock
    future = loop.create_future()

    def settle() -> None:
        if not future.done():
            future.set_result(None)

    return lambda: loop.call_soon_threadsafe(settle), lambda: future


def _trio_signal(trio: ModuleType) -> _Signal | None:
    if hasattr(trio.lowlevel.current_clock(), "autojump_threshold"):
        return None  # trio's clock is virtual
    event, token = trio.Event(), trio.lowlevel.current_trio_token()
    return lambda: token.run_sync_soon(event.set), event.wait
