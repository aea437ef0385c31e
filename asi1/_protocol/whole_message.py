"""
Finds what is new in a stream's chunk that contains the whole message so far.

Some servers send the message of a choice again in the last chunk, under ``message``, or
under ``message`` beside each ``delta``. This module is loaded when a server does so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from attrs import define, field

from .._models.chunks import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta
from .._models.completion import ToolCall, message_key
from .answer_parts import ToolCalls
from .members import COMPLETE, Members, Text


__all__ = ["Received", "WholeMessages"]

# Characters of a text that a server hardly sends twice in a row as two fragments.
_LONG = 16


class Received(Protocol):
    """What has arrived of a choice."""

    content: Text
    reasoning: Text
    refusal: Text
    calls: ToolCalls
    message_extra: Members


@define
class WholeMessages:
    """Removes from the chunks of one stream what repeats the answer."""

    # For each choice whose fragments the server sends under "message": how many of them
    # have text.
    _fragments: dict[int, int] = field(factory=dict, init=False)

    def new_part(
        self,
        chunk: ChatCompletionChunk,
        thoughts: Text,
        known: Mapping[int, Received],
    ) -> ChatCompletionChunk:
        """
        Return *chunk* without what repeats the answer.

        Args:
            chunk: The next chunk of the stream.
            thoughts: The thoughts that have arrived.
            known: What has arrived of each choice, by its index.
        """
        choices, thought = [], chunk.thought
        for choice in chunk.choices:
            received = known.get(choice.index)
            changed = choice
            if isinstance(choice.extra.get("message"), dict):
                rest = {k: v for k, v in choice.extra.items() if k != "message"}
                changed = attrs.evolve(choice, extra=rest)
                if self._is_whole(choice, received) and received is not None:
                    delta = _new_delta(choice.delta, received)
                    changed = attrs.evolve(changed, delta=delta)
                    if choice.index == 0 and not (chunk.wire or {}).get("thought"):
                        thought = _rest(thought, thoughts.join())
            choices.append(changed)
        return attrs.evolve(chunk, choices=tuple(choices), thought=thought)

    def _is_whole(self, choice: ChunkChoice, received: Received | None) -> bool:
        """Return whether the message is the whole one, not a fragment of it."""
        wire: Any = choice.wire or {}
        if message_key(wire, "delta") == "delta":
            return False  # read from its delta, so the message was ignored
        if isinstance(wire.get("delta"), dict):
            return True
        index, text = choice.index, choice.delta.content
        if index not in self._fragments:
            if received is not None and not _is_empty(received):
                return True  # the fragments came under "delta"
            self._fragments[index] = 0
        self._fragments[index] += bool(text)
        if received is None or not choice.finish_reason or not text:
            return False
        certain = self._fragments[index] > 2 or len(text) >= _LONG
        return certain and text == received.content.join()


def _is_empty(received: Received) -> bool:
    texts = (received.content, received.reasoning, received.refusal)
    return not (any(text.join() for text in texts) or received.calls.build())


def _new_delta(delta: Delta, received: Received) -> Delta:
    """Return what the message *delta* has more than the part that has arrived."""
    known = received.message_extra.to_json()
    return attrs.evolve(
        delta,
        content=_rest(delta.content, received.content.join()),
        reasoning=_rest(delta.reasoning, received.reasoning.join()),
        refusal=_rest(delta.refusal or "", received.refusal.join()) or None,
        tool_calls=_new_calls(delta.tool_calls, received.calls.build()),
        extra={
            name: value
            for name, value in delta.extra.items()
            # A list of complete items may have more of them; each is kept once.
            if not known.get(name) or (name in COMPLETE and value != known[name])
        },
    )


def _new_calls(
    calls: Sequence[ToolCallDelta], known: Sequence[ToolCall]
) -> tuple[ToolCallDelta, ...]:
    """Return those of *calls* that follow the *known* ones, which they begin with."""
    names = [call.function.name for call in known]
    if names != [call.function.name for call in calls[: len(known)]]:
        return ()
    return tuple(calls[len(known) :])


def _rest(text: str, received: str) -> str:
    """Return the end of *text* after *received*; "" if it has another beginning."""
    return text[len(received) :] if text.startswith(received) else ""
