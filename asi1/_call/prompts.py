"""
Where the prompts of a `map` come from: an iterable, or an async iterable.

An iterable may block its thread, so the reader of the answers takes the prompts. From
an async iterable, a task of its own takes them: a cancelled read of an answer must not
cancel, and so end, the iterable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any, TypeAlias

import anyio

from attrs import define, field

from .._models.errors import ArgumentError, ClientClosedError
from .._transport.event_loop import Flag
from .task import CallTask


__all__ = ["AsyncSource", "Key", "Source", "source_of"]

Key: TypeAlias = Callable[[Any], Any]
# A key and its prompt.
_Keyed: TypeAlias = tuple[Any, Any]

# Seconds that a generator of prompts has to clean up, once the caller has closed the
# iterator of answers.
_CLEAN_UP = 0.5
_WHAT = (
    "prompts: must be an iterable of prompts, each a str, a list of messages or a dict"
    " with messages and options; or a dict of such prompts by their keys"
)


@define(eq=False)
class Source:
    """
    The prompts of an iterable.

    Attributes:
        iterator: Yields the prompts with their keys; None when it is exhausted.
        taken: Prompts that were taken from the iterable; their calls have not begun.
        error: The error with which the iterable ended.
    """

    iterator: Iterator[_Keyed] | None
    taken: deque[_Keyed] = field(factory=deque, init=False)
    error: Exception | None = field(default=None, init=False)

    @property
    def over(self) -> bool:
        """Whether no more prompts will be taken."""
        return self.iterator is None

    def take(self, room: int) -> None:
        """Take prompts until `taken` has *room* of them; the iterable may block."""
        try:
            while self.iterator is not None and len(self.taken) < room:
                self.taken.append(next(self.iterator))
        except StopIteration:
            self.iterator = None
        except Exception as error:  # noqa: BLE001 - raised after the earlier answers
            self.iterator, self.error = None, error

    def stop(self) -> None:
        """Take no more prompts."""
        self.iterator = None


@define(eq=False)
class AsyncSource:
    """
    The prompts of an async iterable, taken by a task of its own.

    Attributes:
        iterator: Yields the prompts with their keys.
        taken: Prompts that were taken from the iterable; their calls have not begun.
        error: The error with which the iterable ended.
        over: Whether no more prompts will be taken.
        changed: Called when a prompt was taken, and at the end.
        task: The task; None before the first read.
    """

    iterator: AsyncIterator[Any]
    key: Key | None
    taken: deque[_Keyed] = field(factory=deque, init=False)
    error: Exception | None = field(default=None, init=False)
    over: bool = field(default=False, init=False)
    changed: Callable[[], None] = field(init=False)
    task: CallTask | None = field(default=None, init=False)
    _room: int = field(default=0, init=False)
    _more: Flag = field(factory=Flag, init=False)

    def take(self, room: int) -> None:
        """Let the task take prompts until `taken` has *room* of them."""
        self._room = room
        self._more.set()

    async def run(self) -> None:
        """Take prompts to the end; raise only cancellation."""
        try:
            while not self.over:
                if len(self.taken) >= self._room:
                    self._more = Flag()
                    await self._more.wait()
                    continue
                item = await anext(self.iterator)
                self.taken.append((self.key and self.key(item), item))
                self.changed()
        except StopAsyncIteration:
            self.over = True
        except Exception as error:  # noqa: BLE001 - raised after the earlier answers
            self.error, self.over = error, True
        finally:
            await self._close()

    async def _close(self) -> None:
        aclose = getattr(self.iterator, "aclose", None)
        if aclose is not None:
            with anyio.move_on_after(_CLEAN_UP, shield=True):
                await aclose()

    def settle(self) -> None:
        """End the source, even if its task was cancelled, and wake the reader."""
        if not self.over:
            self.over = True
            self.error = ClientClosedError("the client was closed during the calls")
        self.changed()

    def stop(self) -> None:
        """Take no more prompts; may be called from any thread."""
        self.over = True
        if self.task is not None:
            self.task.stop()


def source_of(
    prompts: Any, key: Any, *, allow_async: bool = True
) -> Source | AsyncSource:
    """
    Return the source of *prompts*; the keys are those of a mapping, or come from *key*.

    Raises:
        ArgumentError: *prompts* is a single prompt or not iterable, or *key* is wrong.
    """
    if key is not None and not callable(key):
        raise ArgumentError("key: must be a function of one prompt", argument="key")
    if isinstance(prompts, Mapping) and not {"role", "messages"} & prompts.keys():
        if key is not None:
            message = "key: prompts is a mapping, which has keys of its own"
            raise ArgumentError(message, argument="key")
        return Source(iter(prompts.items()))
    if allow_async and isinstance(prompts, AsyncIterable):
        return AsyncSource(aiter(prompts), key)
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        kind = type(prompts).__name__
        raise ArgumentError(f"{_WHAT} (it is {kind})", argument="prompts")
    return Source((key and key(item), item) for item in iter(prompts))
