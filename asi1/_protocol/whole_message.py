"""
Finds what is new in a chunk that repeats the complete message so far.

Some servers send a choice's complete message under ``message``: again in the last
chunk, or beside each ``delta``. This module is loaded when a server does so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from attrs import define, field

from .._models.chunks import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta
from .._models.completion import FunctionCall, message_key
from .answer_parts import ToolCalls
from .members import COMPLETE, Members, Text


__all__ = ["Received", "WholeMessages"]

# A fragment of this many characters or more hardly ever equals all text before it by
# chance.
_LONG = 16


class Received(Protocol):
    """The part of a choice that has arrived."""

    content: Text
    reasoning: Text
    refusal: Text
    calls: ToolCalls
    message_extra: Members


@define
class WholeMessages:
    """Removes repeated parts of the answer from the chunks of one stream."""

    # The number of fragments with text, for each choice whose fragments the server
    # sends in the key "message" instead of "delta".
    _fragments: dict[int, int] = field(factory=dict, init=False)

    def new_part(
        self,
        chunk: ChatCompletionChunk,
        thoughts: Text,
        known: Mapping[int, Received],
    ) -> ChatCompletionChunk:
        """
        Return *chunk* without the parts of the answer that have arrived before.

        Args:
            chunk: The next chunk of the stream.
            thoughts: The thoughts that have arrived.
            known: The part of each choice that has arrived, by the choice's index.
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
        """Return whether *choice* has the complete message so far, not a fragment."""
        wire: Any = choice.wire or {}
        if message_key(wire, "delta") == "delta":
            return False  # *choice* was read from "delta", not from "message"
        if isinstance(wire.get("delta"), dict):
            return True
        index, text = choice.index, choice.delta.content
        if index not in self._fragments:
            if received is not None and not _is_empty(received):
                return True  # earlier fragments were in the key "delta"
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
    """Return *delta*, a complete message, without the part that has arrived before."""
    known = received.message_extra.to_json()
    return attrs.evolve(
        delta,
        content=_rest(delta.content, received.content.join()),
        reasoning=_rest(delta.reasoning, received.reasoning.join()),
        refusal=_rest(delta.refusal or "", received.refusal.join()) or None,
        tool_calls=_new_calls(delta.tool_calls, received.calls),
        extra={
            name: value
            for name, value in delta.extra.items()
            # A list of complete items may have new items; `Members` adds no item twice.
            if not known.get(name) or (name in COMPLETE and value != known[name])
        },
    )


def _new_calls(
    calls: Sequence[ToolCallDelta], received: ToolCalls
) -> tuple[ToolCallDelta, ...]:
    """
    Return the new parts of *calls*: the rest of the arguments of calls that have
    arrived, and later calls. Return () if *calls* do not begin with the calls that have
    arrived.
    """
    known = received.build()
    names = [call.function.name for call in known]
    if names != [call.function.name for call in calls[: len(known)]]:
        return ()
    more = []
    for old, new, index in zip(known, calls, received.indexes(), strict=False):
        rest = _rest(new.function.arguments, old.function.arguments)
        # Only the last call can be continued by a part with neither index nor id.
        if rest and (old.id or index is not None or old is known[-1]):
            function = FunctionCall(name="", arguments=rest)
            more.append(ToolCallDelta(index=index, id=old.id, function=function))
    return (*more, *calls[len(known) :])


def _rest(text: str, received: str) -> str:
    """
    Return *text* without its prefix *received*; "" without such a prefix.

    Whitespace around the texts may differ, since some servers strip one of the texts.
    """
    if text.startswith(received):
        return text[len(received) :]
    shown, known = text.lstrip(), received.strip()
    if not shown.startswith(known):
        return ""
    rest = shown[len(known) :]
    return rest.lstrip() if received[-1:].isspace() else rest
