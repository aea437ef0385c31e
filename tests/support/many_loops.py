"""
Several event loops, each in a thread of its own, on one virtual clock.

Only one thread runs at a time, and each runs until all its tasks wait, so that the same
steps have the same result each time. The clock moves when no loop has anything to do.
All times should be multiples of a small power of two: sums of such floats are exact.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import threading

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import trio

from attrs import define, field

from asi1._transport.event_loop import call_soon, loop_token


__all__ = ["Loop", "Loops"]


class _Selector(selectors.DefaultSelector):
    """A selector that lets another event loop run instead of waiting."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        wait = math.inf if timeout is None else timeout
        self.loop.give_turn_away(self.loop.loops.now + wait)
        return super().select(0)


class _AsyncioLoop(asyncio.SelectorEventLoop):
    def __init__(self, loop: Loop) -> None:
        self._owner = loop
        super().__init__(_Selector(loop))

    def time(self) -> float:
        return self._owner.loops.now


@define(eq=False)
class _TrioClock(trio.abc.Clock):
    """A clock that lets another event loop run when trio asks how long to sleep."""

    loop: Loop

    def start_clock(self) -> None:
        """Do nothing."""

    def current_time(self) -> float:
        return self.loop.loops.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        self.loop.give_turn_away(deadline)
        return 0.0


@define(eq=False)
class Loop:
    """
    One event loop.

    Attributes:
        loops: All event loops on the same clock.
        backend: "asyncio" or "trio".
        frozen: Whether the loop gets no turns, as if its thread were blocked.
        next: The time of the loop's next timer.
        woken: Whether the loop may have something to do besides its timers.
    """

    loops: Loops
    backend: str
    frozen: bool = False
    next: float = math.inf
    woken: bool = True
    _turn: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    _back: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    _posted: list[Callable[[Any], object]] = field(factory=list)
    _wake: Callable[[], None] = field(default=lambda: None)
    _thread: threading.Thread = field(init=False)
    _over: bool = False
    _error: BaseException | None = None

    def runs(self) -> bool:
        """Whether the loop has something to do now."""
        due = self.woken or self.next <= self.loops.now
        return due and not self.frozen

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._back.acquire()

    def _run(self) -> None:
        option: dict[str, Any] = {"clock": _TrioClock(self)}
        if self.backend == "asyncio":
            option = {"loop_factory": lambda: _AsyncioLoop(self)}
        try:
            anyio.run(self._main, backend=self.backend, backend_options=option)
        except BaseException as error:  # noqa: BLE001 - `take_turn` raises it
            self._error = error
        finally:
            self._over = True
            self._back.release()

    async def _main(self) -> None:
        token = loop_token()
        async with anyio.create_task_group() as tasks:
            while True:
                event = anyio.Event()
                self._wake = lambda event=event: call_soon(token, event.set)
                while self._posted:
                    call = self._posted.pop(0)
                    self.loops.steps += 1
                    if call is None:
                        tasks.cancel_scope.cancel()
                        return
                    call(tasks)
                await event.wait()

    def give_turn_away(self, deadline: float) -> None:
        self.next = deadline
        self._back.release()
        self._turn.acquire()

    def post(self, call: Callable[[Any], object] | None) -> None:
        """Let the loop call *call* with its task group; None ends the loop."""
        self.woken = True
        self._posted.append(call)
        self._wake()

    def take_turn(self) -> None:
        """Let the loop run until all its tasks wait."""
        self.woken = False
        if not self._over:
            self._turn.release()
            self._back.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error


@define(eq=False)
class Loops:
    """
    Several event loops.

    Attributes:
        backends: The kind of each loop.
        now: The virtual time, in seconds.
        steps: A counter, which a task increments whenever it does anything.
    """

    backends: tuple[str, ...]
    now: float = 1000.0
    steps: int = 0
    each: list[Loop] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.each = [Loop(self, backend) for backend in self.backends]
        for loop in self.each:
            loop.start()

    def clock(self) -> float:
        """Return the virtual time; count the limiter's reading of it as a step."""
        self.steps += 1
        return self.now

    def run(self, number: int, call: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Start a task on one of the loops."""
        self.each[number].post(lambda tasks: tasks.start_soon(call, *args))

    def settle(self) -> None:
        """Give each loop turns, until none has anything to do at this time."""
        while turns := [each for each in self.each if each.runs()]:
            before = self.steps
            turns[0].take_turn()
            if self.steps != before:  # a task may have woken tasks of any loop
                for loop in self.each:
                    loop.woken = True

    def advance(self, seconds: float) -> None:
        """Move the clock on, from one timer to the next."""
        until = self.now + seconds
        self.settle()
        while True:
            running = [each for each in self.each if not each.frozen]
            due = min((each.next for each in running), default=math.inf)
            if due > until:
                break
            self.now = due
            self.settle()
        self.now = until

    def close(self) -> None:
        """End the loops and their threads."""
        for loop in self.each:
            loop.post(None)
        for loop in self.each:
            while not loop._over:
                loop.take_turn()
