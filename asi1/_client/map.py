"""
Many calls, some at a time; their answers in the order of the prompts.

No task but those of the calls: whoever reads begins them, so that prompts are taken no
faster than answers are read, and one who stops reading leaves nothing to go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from attrs import define, field

from .._call.answer_reader import AnswerReader
from .._call.call import Call, OneRequest
from .._call.engine import Core
from .._call.task import CallTask
from .._models.base_types import public
from .._models.completion import ChatCompletion
from .._models.errors import (
    ArgumentError,
    ASI1Error,
    ClientClosedError,
    StreamBusyError,
    StreamClosedError,
)
from .._models.messages import Messages
from .._protocol.request import Request
from .._transport.event_loop import loop_token


__all__ = ["AsyncAnswers", "prompts_of"]

_T = TypeVar("_T")

# Prompts that are taken before they are read, for each call at a time: one slow answer
# does not hold up the calls behind it.
_AHEAD = 2


@define(eq=False)
class _Line:
    """The calls that wait for a place, in their order. Knows nothing of the reader."""

    core: Core
    free: int
    waiting: deque[_Call] = field(factory=deque)

    def begin(self) -> None:
        """Begin as many calls as there are places."""
        while self.free and self.waiting:
            call = self.waiting.popleft()
            try:
                call.pump = self.core.begin(call)
            except ASI1Error as error:
                call.call.queue.end(error)
            else:
                self.free -= 1

    def give_up(self) -> None:
        """Begin none of them: a call was cancelled, and so are those behind it."""
        while self.waiting:
            error = ClientClosedError("the client was closed before the call")
            self.waiting.popleft().call.queue.end(error)


@define(eq=False)
class _Call:
    """One prompt's call."""

    call: Call[ChatCompletion]
    line: _Line
    pump: CallTask | None = None
    whole: bool = False  # whether it was not cancelled

    async def run(self) -> None:
        await self.call.run()
        self.whole = True

    def settle(self) -> None:
        self.call.settle()
        if not self.whole:
            self.line.give_up()
            return
        self.line.free += 1
        self.line.begin()

    async def outcome(self) -> ChatCompletion | Exception:
        """Wait for the answer, or what came in its place."""
        if self.pump is not None and not self.pump.here:
            return StreamClosedError("the answers were begun by another process")
        try:
            (answer,) = await self.call.queue.get()
        except Exception as error:  # noqa: BLE001 - raised when its turn comes
            return error.with_traceback(None)
        return answer


@public
class AsyncAnswers(Generic[_T]):
    """
    An async iterator of the answers to many prompts, in the order of the prompts.

    Best used as ``async with`` where it may be left early: leaving the block ends the
    calls that are under way. One that is dropped ends them too. A reader who is
    cancelled while it waits loses nothing and may go on reading.

    Reading raises:
        ASI1Error: What `AsyncCompletions.create` raises, where the answer would be; the
            calls behind it end. With *return_exceptions* it is returned in its place.
        ClientClosedError: The client was closed; never returned.
        StreamBusyError: Somebody else is reading at this moment.
        StreamClosedError: It was closed.
        Exception: What the iterable of prompts raised, after all answers before it.
    """

    def __init__(
        self,
        core: Core,
        request: Callable[[Messages], Request],
        prompts: Iterator[Messages],
        concurrency: int,
        *,
        return_exceptions: bool,
    ) -> None:
        """Made by the client; *request* builds the one for a prompt."""
        self._line = _Line(core, concurrency)
        self._request = request
        self._prompts: Iterator[Messages] | None = prompts
        self._concurrency = concurrency
        self._keep = return_exceptions
        self._taken: list[Messages] = []
        self._window: deque[_Call | Exception] = deque()
        self._reading = False
        self._closed = False
        self._error: Exception | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        try:
            with self._reader():
                self._take()
                answer = await self._next()
        finally:
            del self  # the frames that an error keeps must not keep the calls
        if answer is None:
            raise StopAsyncIteration
        return answer

    @contextmanager
    def _reader(self) -> Generator[None, None, None]:
        """Be the one who reads."""
        if self._closed:
            error = self._error or StreamClosedError("the answers were closed")
            raise error.with_traceback(None)
        if self._reading:
            raise StreamBusyError("the answers are being read by somebody else")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    def _take(self) -> None:
        """
        Take the prompts for which there is room.

        The blocking client does it in its caller's thread, since an iterable of prompts
        may block.
        """
        room = self._concurrency * _AHEAD - len(self._window) - len(self._taken)
        try:
            while self._prompts is not None and room > 0:
                self._taken.append(next(self._prompts))
                room -= 1
        except StopIteration:
            self._prompts = None
        except Exception as error:  # noqa: BLE001 - raised after what is before it
            self._prompts, self._error = None, error

    async def _next(self) -> _T | None:
        """Return the next answer, or the error in its place; None at the end."""
        outcome: Any = self._error
        try:
            self._begin()
            if self._window:
                first = self._window[0]
                outcome = await first.outcome() if isinstance(first, _Call) else first
                if self._closed:
                    outcome = StreamClosedError("the answers were closed")
                else:
                    self._window.popleft()
            if self._raises(outcome):
                self._error = outcome
                await self.aclose()
                raise outcome.with_traceback(None)
            result: _T | None = outcome
            return result
        finally:
            del self, outcome  # as above

    def _begin(self) -> None:
        """Begin the calls of the prompts that were taken."""
        for prompt in self._taken:
            try:
                request = OneRequest(self._request(prompt))
                made = self._line.core.call(request, AnswerReader)
                call = _Call(made, self._line)
                self._line.waiting.append(call)
                self._window.append(call)
            except Exception as error:  # noqa: BLE001 - raised when its turn comes
                self._window.append(error.with_traceback(None))
        self._taken.clear()
        self._line.begin()

    def _raises(self, outcome: object) -> bool:
        if not isinstance(outcome, Exception):
            return False
        closed = isinstance(outcome, ClientClosedError | StreamClosedError)
        own = isinstance(outcome, ASI1Error) and outcome is not self._error
        return closed or not (own and self._keep)

    async def aclose(self) -> None:
        """End the calls that are under way; may be called twice, and by any task."""
        here = loop_token()
        for pump in self._drop():
            if pump.token is here:  # another loop's cannot be waited for from here
                await pump.join()

    def _drop(self) -> list[CallTask]:
        """Let the calls end without waiting for them; may be called from any thread."""
        self._closed = True
        self._line.waiting.clear()
        calls = [call for call in list(self._window) if isinstance(call, _Call)]
        pumps = [call.pump for call in calls if call.pump is not None]
        for pump in pumps:
            pump.stop()
        return pumps

    def __del__(self) -> None:
        if hasattr(self, "_window"):
            self._drop()


def prompts_of(prompts: object) -> Iterator[Messages]:
    """
    Return an iterator of *prompts*.

    Raises:
        ArgumentError: It is no iterable of prompts, or is one prompt.
    """
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        raise ArgumentError(
            "prompts: must be an iterable of prompts, each a text or a list of messages"
            f" (it is {type(prompts).__name__})",
            argument="prompts",
        )
    return iter(prompts)
