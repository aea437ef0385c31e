"""The steps of an answer while it is streamed: its text, thoughts and tool calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

from ..._models.chunks import ChatCompletionChunk
from ..._models.completion import ChatCompletion
from .leaked_calls import TextHold
from .steps import TextStep, ThoughtStep, ToolArgumentsStep, ToolStep


__all__ = ["StreamedSteps"]

# The next step for the arguments of tool calls comes when this share of all arguments
# is new, so that all steps together take time linear in the arguments' length.
_GROWTH = 1 / 32
# A new tool call counts as this many characters of arguments.
_NEW_CALL = 16


@define(eq=False)
class StreamedSteps:
    """
    Makes the steps of choice 0 of a streamed answer.

    Text that may be the markup of a tool call is held back, since it is not part of the
    answer.
    """

    _hold: TextHold = field(factory=TextHold, init=False)
    _shown: int = field(default=0, init=False)
    _size: int = field(default=0, init=False)
    _stepped: int = field(default=0, init=False)
    _written: list[int] = field(factory=list, init=False)

    def of(
        self,
        chunks: Sequence[ChatCompletionChunk],
        snapshot: Callable[[], ChatCompletion],
    ) -> Iterator[ToolStep]:
        """Yield the steps of *chunks*; *snapshot* returns the answer so far."""
        for chunk in chunks:
            choice = next((c for c in chunk.choices if c.index == 0), None)
            thought = chunk.thought or (choice.delta.reasoning if choice else "")
            if thought:
                yield ThoughtStep(text=thought)
            if chunk.text and (text := self._hold.feed(chunk.text)):
                self._shown += len(text)
                yield TextStep(text=text)
            for call in choice.delta.tool_calls if choice else ():
                new = _NEW_CALL if call.id or call.function.name else 0
                self._size += len(call.function.arguments) + new
        if self._size - self._stepped > _GROWTH * self._size:
            self._stepped = self._size
            yield from self._grown_calls(snapshot())

    def rest(self, text: str) -> Iterator[ToolStep]:
        """Yield the part of the complete answer's *text* that was held back."""
        if len(text) > self._shown:
            yield TextStep(text=text[self._shown :])

    def _grown_calls(self, answer: ChatCompletion) -> Iterator[ToolStep]:
        calls = answer.message.tool_calls
        self._written += [-1] * (len(calls) - len(self._written))
        for place, call in enumerate(calls):
            size = len(call.function.arguments)
            if size != self._written[place]:
                self._written[place] = size
                yield ToolArgumentsStep(call=call)
