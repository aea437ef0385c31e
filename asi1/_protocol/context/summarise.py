"""
`Summarise`: replaces a conversation's oldest turns by a summary from the model.

The policy does no I/O: it yields the questions to the model, and inserts the summary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from attrs import field, frozen

from ..._models.base_types import public
from ..._models.json_text import json_text
from .policies import ContextPolicy, Plan, Question, checked_size, drop_oldest
from .tokens import TokenEstimator, Wire
from .view import Summary, Turn, View, text_of


__all__ = ["Summarise"]

_INSTRUCTION = (
    "You shorten conversations. Write a summary of the conversation below, in its own"
    " language, that lets it be carried on without the original. Keep names, numbers,"
    " decisions, open questions and what the user wants. Answer with the summary alone."
)
# Largest share of the token budget that a request uses after a new summary. The rest
# stays free for later turns, since each new summary needs a request of its own.
_USED_AFTERWARDS = 0.5
# `max_tokens` of the call for a summary is `size` times this factor, since `max_tokens`
# also limits the model's thoughts.
_MAX_TOKENS_FACTOR = 4
# Minimum room for turns in a request for a summary, in bytes. With less room, no
# summary is requested.
_MIN_ROOM = 200
_TURN_SEPARATOR = "\n\n"


@public
@frozen
class Summarise(ContextPolicy):
    """
    Replaces a conversation's oldest turns by a summary. See `ContextPolicy`.

    The model writes the summary in a separate call before the turn's call; if the
    history is far too long, in several calls, each for a part of it. The summary is
    reused until the history exceeds the budget again, and then extended. In the
    request, the summary follows the system message. If the model's answer is empty, the
    oldest turns are dropped instead.

    Attributes:
        size: Maximum length of a summary in tokens; a longer summary is cut. A budget
            that has no room for it beside the system message and the last turn leads to
            no summary.
        model: The model that writes the summary; None for the conversation's model.
        instruction: The system message of the call that writes the summary.
    """

    size: int = field(default=400, validator=checked_size)
    model: str | None = None
    instruction: str = _INSTRUCTION

    def plan(self, view: View, limit: float) -> Plan:
        """
        If *view* exceeds *limit* tokens, use the summary of an earlier request, if any.

        If *view* still exceeds *limit*, insert a summary of more turns. If that is not
        enough either, drop the oldest turns.
        """
        limit = self.limit(limit)
        if view.total <= limit:
            return view
        if view.known is not None:
            view = view.with_summary(view.known)
        if view.total > limit:
            view = yield from self._with_longer_summary(view, limit)
        return drop_oldest(view, limit)

    def _with_longer_summary(self, view: View, limit: float) -> Plan:
        """Insert a summary of more turns, if the view then fits into *limit* tokens."""
        dropped = self._turns_to_summarise(view, limit)
        if not dropped:
            return view
        upto = max(turn.places[-1] for turn in dropped) + 1
        covered = [turn for turn in view.droppable if turn.places[-1] < upto]
        text = yield from self._write(view, covered, limit)
        return view.with_summary(Summary(text, upto)) if text else view

    def _turns_to_summarise(self, view: View, limit: float) -> list[Turn]:
        """Return the turns to summarise; [] if even all of them free too few tokens."""
        rest = view.weight + self.size
        if view.summary is not None:
            rest -= view.tokens.cost(view.summary.message)
        chosen: list[Turn] = []
        for turn in view.droppable:
            if rest <= limit * _USED_AFTERWARDS:
                break
            rest -= turn.cost
            chosen.append(turn)
        return chosen if rest <= limit else []

    def _write(
        self, view: View, turns: Sequence[Turn], limit: float
    ) -> Generator[Question, str, str]:
        """Yield one or more questions for a summary of *turns*; return the summary."""
        text = view.summary.text if view.summary else ""
        parts = deque(map(_transcript, turns))
        while parts:
            room = self._room(text, view.tokens, limit)
            if room < _MIN_ROOM:
                return ""
            question = self._question(text, _take_parts(parts, room))
            answer = yield Question(
                question, self.size * _MAX_TOKENS_FACTOR, self.model
            )
            text = self._shortened(answer, view.tokens)
            if not text:
                return ""
        return text

    def _question(self, text: str, transcript: str) -> list[Wire]:
        before = f"What was said before, in short:\n{text}\n\n" if text else ""
        return [
            {"role": "system", "content": self.instruction},
            {"role": "user", "content": f"{before}The conversation:\n{transcript}"},
        ]

    def _room(self, text: str, tokens: TokenEstimator, limit: float) -> int:
        """Return how many bytes of turns fit into one request for a summary."""
        empty = tokens.count(self._question(text, ""))
        return int((limit - tokens.slack - empty) / tokens.slope)

    def _shortened(self, text: str, tokens: TokenEstimator) -> str:
        text = text.strip()
        overhead = tokens.cost(Summary("", 0).message)
        return _cut(text, int((self.size - overhead) / tokens.slope)).strip()


def _take_parts(parts: deque[str], room: int) -> str:
    """
    Remove as many of the first *parts* as fit into *room* bytes; return them joined.

    The first part is always removed, and cut if it is too long.
    """
    taken = [_cut(parts.popleft(), room)]
    room -= len(_bytes(taken[0]))
    while parts and (room := room - len(_TURN_SEPARATOR) - len(_bytes(parts[0]))) >= 0:
        taken.append(parts.popleft())
    return _TURN_SEPARATOR.join(taken)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _cut(text: str, size: int) -> str:
    """Return the beginning of *text*, at most *size* bytes of UTF-8."""
    data = _bytes(text)
    return text if len(data) <= size else data[: max(0, size)].decode("utf-8", "ignore")


def _transcript(turn: Turn) -> str:
    """
    Return a turn as one string. If it were sent as messages, the model would answer the
    turn instead of summarising it.
    """
    return "\n".join(_line(message) for message in turn.messages)


def _line(message: Wire) -> str:
    parts = [text_of(message)]
    calls = message.get("tool_calls") or message.get("function_call")
    if calls:
        parts.append(f"calls {json_text(calls)}")
    return f"{message.get('role')}: {' '.join(filter(None, parts))}"
