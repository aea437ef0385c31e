"""
Divides a conversation into turns; a request has all messages of a turn, or none.

A turn is one or more user messages in a row, and everything up to the next user
message. A tool's result belongs to the turn of its call, wherever the result stands.
"""

from __future__ import annotations

import math

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from attrs import frozen

from ..._models.base_types import JSON
from .tokens import TokenEstimator, Wire


__all__ = ["Summary", "Turn", "View", "text_of"]

_SYSTEM = ("system", "developer")
_HEAD = "Summary of the conversation so far:\n"


@frozen
class Turn:
    """
    A group of messages of which a request contains either all or none.

    Attributes:
        places: Indices of the messages in the history, ascending.
        messages: The messages, one for each index.
        pinned: True for a system message and the last turn, which are never dropped.
        cost: Tokens that the turn adds to a request.
    """

    places: tuple[int, ...]
    messages: tuple[Wire, ...]
    pinned: bool
    cost: float


@frozen
class Summary:
    """
    A summary of the beginning of a conversation's history.

    Attributes:
        text: The summary that the model wrote.
        upto: Number of messages at the start of the history that the summary replaces;
            turns that reach beyond these messages are not replaced.
    """

    text: str
    upto: int

    @property
    def message(self) -> dict[str, JSON]:
        """The summary as a system message."""
        return {"role": "system", "content": _HEAD + self.text}


@frozen
class View:
    """
    The part of a conversation's history that a request contains. Immutable.

    Attributes:
        turns: The turns of the request, in the order of their first message.
        tokens: The token estimator.
        summary: The summary that replaces dropped turns; None for no summary.
        known: The summary of an earlier request, which a policy may insert again.
    """

    turns: tuple[Turn, ...]
    tokens: TokenEstimator
    summary: Summary | None = None
    known: Summary | None = None

    @classmethod
    def of(
        cls,
        messages: Sequence[Wire],
        tokens: TokenEstimator,
        known: Summary | None = None,
    ) -> View:
        """Return the view that contains all messages of a history."""
        return cls(tuple(_turns(messages, tokens)), tokens, known=known)

    @property
    def weight(self) -> float:
        """The estimated tokens of the request plus the safety margin, as a float."""
        cost = (
            self.tokens.base + self.tokens.slack + sum(turn.cost for turn in self.turns)
        )
        if self.summary is not None:
            cost += self.tokens.cost(self.summary.message)
        return round(cost, 6)  # removes float errors that depend on the turns' order

    @property
    def total(self) -> int:
        """Estimated tokens of the request plus the safety margin, rounded up."""
        return math.ceil(self.weight)

    @property
    def least(self) -> int:
        """Estimated tokens of the request without the safety margin, rounded up."""
        return math.ceil(round(self.weight - self.tokens.slack, 6))

    @property
    def droppable(self) -> list[Turn]:
        """The turns that may be dropped, oldest first."""
        return [turn for turn in self.turns if not turn.pinned]

    @property
    def last(self) -> tuple[Wire, ...]:
        """The messages of the last turn, which the model is to answer."""
        spoken = [t for t in self.turns if t.messages[0].get("role") not in _SYSTEM]
        return next((turn.messages for turn in spoken if turn.pinned), ())

    @property
    def messages(self) -> list[Wire]:
        """The messages of the request; a summary follows the first system messages."""
        messages = self._ordered_messages()
        if self.summary is None:
            return messages
        head = 0
        while head < len(messages) and messages[head].get("role") in _SYSTEM:
            head += 1
        return [*messages[:head], self.summary.message, *messages[head:]]

    def _ordered_messages(self) -> list[Wire]:
        placed = {
            place: message
            for turn in self.turns
            for place, message in zip(turn.places, turn.messages, strict=True)
        }
        return [placed[place] for place in sorted(placed)]

    def without(self, dropped: Collection[Turn]) -> View:
        """Return the view without the *dropped* turns."""
        places = {turn.places for turn in dropped}
        kept = tuple(turn for turn in self.turns if turn.places not in places)
        return attrs.evolve(self, turns=kept)

    def with_summary(self, summary: Summary) -> View:
        """Return the view with *summary* in place of the turns that it summarises."""
        covered = [turn for turn in self.droppable if turn.places[-1] < summary.upto]
        return attrs.evolve(self.without(covered), summary=summary)


def text_of(message: Wire) -> str:
    """Return the text of *message*: its content, or the joined texts of its parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def _turns(messages: Sequence[Wire], tokens: TokenEstimator) -> Iterator[Turn]:
    members: dict[int, list[int]] = {}
    group = _groups(messages)
    for place, name in enumerate(group):
        members.setdefault(name, []).append(place)
    spoken = [p for p, m in enumerate(messages) if m.get("role") not in _SYSTEM]
    last = group[spoken[-1]] if spoken else None
    for name, places in members.items():
        chosen = tuple(messages[place] for place in places)
        pinned = name == last or chosen[0].get("role") in _SYSTEM
        yield Turn(tuple(places), chosen, pinned, sum(map(tokens.cost, chosen)))


def _groups(messages: Sequence[Wire]) -> list[int]:
    """Return, for each message, the index of the first message of its turn."""
    group: list[int] = []
    calls: dict[str, int] = {}
    joined: dict[int, int] = {}
    current: int | None = None
    before: JSON = None
    for place, message in enumerate(messages):
        role = message.get("role")
        if role in _SYSTEM:
            group.append(place)
            continue
        if current is None or (role == "user" and before != "user"):
            current = place
        before = role
        group.append(current)
        for name in _call_ids(message):
            calls[name] = current
        answered = calls.get(_result_id(message))
        if answered is not None:
            _join(joined, answered, current)
    return [_root(joined, name) for name in group]


def _call_ids(message: Wire) -> Iterator[str]:
    """Yield the ids of *message*'s tool calls; a tool's result refers to such an id."""
    listed = message.get("tool_calls")
    for call in listed if isinstance(listed, list | tuple) else ():
        if isinstance(call, Mapping):
            yield f"tool {call.get('id')}"
    old = message.get("function_call")
    if isinstance(old, Mapping):
        yield f"function {old.get('name')}"


def _result_id(message: Wire) -> str:
    if message.get("role") == "tool":
        return f"tool {message.get('tool_call_id')}"
    if message.get("role") == "function":
        return f"function {message.get('name')}"
    return ""


def _root(joined: dict[int, int], name: int) -> int:
    while name in joined:
        above = joined[name]
        joined[name] = joined.get(above, above)  # path halving, as in union-find
        name = above
    return name


def _join(joined: dict[int, int], one: int, two: int) -> None:
    one, two = _root(joined, one), _root(joined, two)
    if one != two:
        joined[max(one, two)] = min(one, two)
