"""
A history in turns: what may be dropped from it, and only as a whole.

A turn is what the user says and all that follows until the user speaks again. A result
of a tool is in the turn of its call, wherever it stands.
"""

from __future__ import annotations

import math

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs

from attrs import frozen

from ..._models.base_types import JSON
from .tokens import TokenEstimator, WireMessage


__all__ = ["Summary", "Turn", "View", "text_of"]

_SYSTEM = ("system", "developer")
_HEAD = "Summary of the conversation so far:\n"


@frozen
class Turn:
    """
    Messages that stay or go together.

    Attributes:
        places: Where they stand in the history, in order.
        messages: One for each place.
        pinned: Whether they always stay: a system message, or the last turn.
        cost: Tokens they add to a request.
    """

    places: tuple[int, ...]
    messages: tuple[WireMessage, ...]
    pinned: bool
    cost: float


@frozen
class Summary:
    """
    What stands for the beginning of a history.

    Attributes:
        text: As the model wrote it.
        upto: Number of messages, from the first, whose turns it stands for.
    """

    text: str
    upto: int

    @property
    def message(self) -> dict[str, JSON]:
        """How a request holds it."""
        return {"role": "system", "content": _HEAD + self.text}


@frozen
class View:
    """
    What a request holds of a history. Never changes.

    Attributes:
        turns: By their first message.
        tokens: What they are counted with.
        summary: In place of turns that are not here.
        known: A summary that was made before, and may be put in.
    """

    turns: tuple[Turn, ...]
    tokens: TokenEstimator
    summary: Summary | None = None
    known: Summary | None = None

    @classmethod
    def of(
        cls,
        messages: Sequence[WireMessage],
        tokens: TokenEstimator,
        known: Summary | None = None,
    ) -> View:
        """Return the view of a whole history."""
        return cls(tuple(_turns(messages, tokens)), tokens, known=known)

    @property
    def weight(self) -> float:
        """Tokens of the request, with their fractions and the estimate's slack."""
        cost = (
            self.tokens.base + self.tokens.slack + sum(turn.cost for turn in self.turns)
        )
        if self.summary is not None:
            cost += self.tokens.cost(self.summary.message)
        return round(cost, 6)  # sums in another order are the same number then

    @property
    def total(self) -> int:
        """Tokens of the request, with the estimate's slack."""
        return math.ceil(self.weight)

    @property
    def least(self) -> int:
        """Tokens of the request if the estimate is right."""
        return math.ceil(round(self.weight - self.tokens.slack, 6))

    @property
    def loose(self) -> list[Turn]:
        """The turns that may be dropped, oldest first."""
        return [turn for turn in self.turns if not turn.pinned]

    @property
    def last(self) -> tuple[WireMessage, ...]:
        """The messages of the turn that is to be answered."""
        spoken = [t for t in self.turns if t.messages[0].get("role") not in _SYSTEM]
        return next((turn.messages for turn in spoken if turn.pinned), ())

    @property
    def messages(self) -> list[WireMessage]:
        """The messages of the request; a summary follows the first system messages."""
        placed = self._placed()
        if self.summary is None:
            return placed
        head = 0
        while head < len(placed) and placed[head].get("role") in _SYSTEM:
            head += 1
        return [*placed[:head], self.summary.message, *placed[head:]]

    def _placed(self) -> list[WireMessage]:
        placed = {
            place: message
            for turn in self.turns
            for place, message in zip(turn.places, turn.messages, strict=True)
        }
        return [placed[place] for place in sorted(placed)]

    def without(self, dropped: Collection[Turn]) -> View:
        """Return the view without these turns."""
        gone = {turn.places for turn in dropped}
        kept = tuple(turn for turn in self.turns if turn.places not in gone)
        return attrs.evolve(self, turns=kept)

    def behind(self, summary: Summary) -> View:
        """Return the view with *summary* in the place of its turns."""
        covered = [turn for turn in self.loose if turn.places[-1] < summary.upto]
        return attrs.evolve(self.without(covered), summary=summary)


def text_of(message: WireMessage) -> str:
    """Return what *message* says in words, of a list of parts those that are texts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def _turns(messages: Sequence[WireMessage], tokens: TokenEstimator) -> Iterator[Turn]:
    members: dict[int, list[int]] = {}
    group = _groups(messages)
    for place, name in enumerate(group):
        members.setdefault(name, []).append(place)
    spoken = [p for p, message in enumerate(messages) if message.get("role") == "user"]
    others = [p for p, m in enumerate(messages) if m.get("role") not in _SYSTEM]
    last = group[(spoken or others or [0])[-1]] if messages else None
    for name, places in members.items():
        chosen = tuple(messages[place] for place in places)
        pinned = name == last or chosen[0].get("role") in _SYSTEM
        yield Turn(tuple(places), chosen, pinned, sum(map(tokens.cost, chosen)))


def _groups(messages: Sequence[WireMessage]) -> list[int]:
    """Return the turn of each message, named by the place of one of its own."""
    group: list[int] = []
    calls: dict[str, int] = {}
    joined: dict[int, int] = {}
    current, spoke = -1, False
    for place, message in enumerate(messages):
        role = message.get("role")
        if role in _SYSTEM:
            group.append(place)
            continue
        if current < 0 or (role == "user" and not spoke):
            current = place
        spoke = role == "user"
        group.append(current)
        for name in _asked(message):
            calls[name] = current
        answered = calls.get(_answers(message))
        if answered is not None:
            _join(joined, answered, current)
    return [_root(joined, name) for name in group]


def _asked(message: WireMessage) -> Iterator[str]:
    """Yield what the results of the message's calls name."""
    listed = message.get("tool_calls")
    for call in listed if isinstance(listed, list | tuple) else ():
        if isinstance(call, Mapping):
            yield f"tool {call.get('id')}"
    old = message.get("function_call")
    if isinstance(old, Mapping):
        yield f"function {old.get('name')}"


def _answers(message: WireMessage) -> str:
    if message.get("role") == "tool":
        return f"tool {message.get('tool_call_id')}"
    if message.get("role") == "function":
        return f"function {message.get('name')}"
    return ""


def _root(joined: dict[int, int], name: int) -> int:
    while name in joined:
        above = joined[name]
        joined[name] = joined.get(above, above)  # a chain is half as long next time
        name = above
    return name


def _join(joined: dict[int, int], one: int, two: int) -> None:
    one, two = _root(joined, one), _root(joined, two)
    if one != two:
        joined[max(one, two)] = min(one, two)
