"""
`Summarise`: the earlier turns of a long history in a few words of the model's.

Pure: it says what to ask, and how the summary is put in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from attrs import field, frozen

from ..._models.base_types import public
from ..._models.json_text import json_text
from .policies import ContextPolicy, Plan, Question, checked_budget, drop_oldest
from .tokens import TokenEstimator, WireMessage
from .view import Summary, Turn, View, text_of


__all__ = ["Summarise"]

_INSTRUCTION = (
    "You shorten conversations. Write a summary of the conversation below, in its own"
    " language, that lets it be carried on without the original. Keep names, numbers,"
    " decisions, open questions and what the user wants. Answer with the summary alone."
)
# Of the budget, what is left in use after a summary: room for some turns before the
# next has to be paid for.
_AFTERWARDS = 0.5
# Thoughts count as well.
_THINKING = 4
# Fewer bytes than these of a conversation are not worth a call.
_WORTHWHILE = 200
_BETWEEN = "\n\n"  # two turns of a transcript


@public
@frozen
class Summarise(ContextPolicy):
    """
    Puts a summary in the place of the oldest turns. See `ContextPolicy`.

    The summary is written by the model, in a call of its own before the turn's; it is
    kept and used until the history has outgrown the budget again, and then carried on.
    It follows the system message. An empty answer counts as no summary: the oldest
    turns are dropped.

    Attributes:
        size: The most tokens of a summary; a longer one is cut.
        model: Who writes it; None for the conversation's model.
        instruction: The system message of that call.
    """

    size: int = field(default=400, validator=checked_budget)
    model: str | None = None
    instruction: str = _INSTRUCTION

    def plan(self, view: View, limit: float) -> Plan:
        """Put a summary in, the known one if that is enough."""
        limit = self.limit(limit)
        if view.total <= limit:
            return view
        if view.known is not None:
            view = view.behind(view.known)
        if view.total > limit:
            view = yield from self._extended(view, limit)
        return drop_oldest(view, limit)

    def _extended(self, view: View, limit: float) -> Plan:
        """Put in a summary of more turns, if there is room for one."""
        gone = self._outgrown(view, limit)
        if not gone:
            return view
        upto = max(turn.places[-1] for turn in gone) + 1
        covered = [turn for turn in view.loose if turn.places[-1] < upto]
        text = yield from self._written(view, covered, limit)
        return view.behind(Summary(text, upto)) if text else view

    def _outgrown(self, view: View, limit: float) -> list[Turn]:
        """Return the turns to summarise, oldest first."""
        rest = view.weight + self.size
        if view.summary is not None:
            rest -= view.tokens.cost(view.summary.message)
        gone: list[Turn] = []
        for turn in view.loose:
            if rest <= limit * _AFTERWARDS:
                break
            rest -= turn.cost
            gone.append(turn)
        return gone if rest <= limit else []

    def _written(
        self, view: View, turns: Sequence[Turn], limit: float
    ) -> Generator[Question, str, str]:
        """Ask for a summary, in several parts if they do not fit into one request."""
        text = view.summary.text if view.summary else ""
        parts = deque(map(_transcript, turns))
        while parts:
            room = self._room(text, view.tokens, limit)
            if room < _WORTHWHILE:
                return ""
            question = self._question(text, _taken(parts, room))
            said = yield Question(question, self.size * _THINKING, self.model)
            text = self._shortened(said, view.tokens)
            if not text:
                return ""
        return text

    def _question(self, text: str, transcript: str) -> list[WireMessage]:
        before = f"What was said before, in short:\n{text}\n\n" if text else ""
        return [
            {"role": "system", "content": self.instruction},
            {"role": "user", "content": f"{before}The conversation:\n{transcript}"},
        ]

    def _room(self, text: str, tokens: TokenEstimator, limit: float) -> int:
        """Return the bytes of a conversation that one request can hold."""
        bare = tokens.count(self._question(text, ""))
        return int((limit - tokens.slack - bare) / tokens.slope)

    def _shortened(self, text: str, tokens: TokenEstimator) -> str:
        text = text.strip()
        around = tokens.cost(Summary("", 0).message)
        return _cut(text, int((self.size - around) / tokens.slope)).strip()


def _taken(parts: deque[str], room: int) -> str:
    """Take from *parts* those that *room* bytes hold; the first is cut to them."""
    taken = [_cut(parts.popleft(), room)]
    room -= len(_bytes(taken[0]))
    while parts and (room := room - len(_BETWEEN) - len(_bytes(parts[0]))) >= 0:
        taken.append(parts.popleft())
    return _BETWEEN.join(taken)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _cut(text: str, size: int) -> str:
    """Return *text*, at most *size* bytes of it."""
    data = _bytes(text)
    return text if len(data) <= size else data[: max(0, size)].decode("utf-8", "ignore")


def _transcript(turn: Turn) -> str:
    """Return what is said in a turn, so that a model reads it and does not join in."""
    return "\n".join(_line(message) for message in turn.messages)


def _line(message: WireMessage) -> str:
    said = [text_of(message)]
    calls = message.get("tool_calls") or message.get("function_call")
    if calls:
        said.append(f"calls {json_text(calls)}")
    return f"{message.get('role')}: {' '.join(filter(None, said))}"
