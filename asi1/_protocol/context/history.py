"""
A conversation as plain data: what was said, learned and paid for; as JSON.

Never changes: what changes it returns a new one, so that a turn that fails has nothing
to take back, and a fork is the same object twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.completion import Usage
from ..._models.errors import ArgumentError
from ..._models.json_text import dump_json, load_json, mended, whole
from ..._models.messages import Messages, wire_messages
from ..._settings.option_checks import check_options
from ..._settings.options import BODY_OPTIONS
from ..._settings.validators import wrong
from .tokens import MOST_TOKENS, TokenEstimator, Wire
from .view import Summary


__all__ = ["History", "stored"]

# What reading another JSON value than the saved one raises.
_ODD = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

_KIND = "asi1.conversation"
_VERSION = 1
# What is saved of the options: what a request says, and nothing that may be a secret.
_SAVED = BODY_OPTIONS | {"extra_body", "session_id"}
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens")


@frozen(kw_only=True)
class History:
    """
    A conversation.

    Attributes:
        messages: All that was said, in whole turns.
        model: None for the client's.
        options: For each turn.
        summary: Of the first turns, once one was made.
        tokens: What the server's reports have taught.
        ceiling: Prompt tokens that the server's refusals allow; None without one.
        usage: Of all calls.
        summary_usage: Of those that were made to summarise.
    """

    messages: tuple[Wire, ...] = ()
    model: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    summary: Summary | None = None
    tokens: TokenEstimator = attrs.field(factory=TokenEstimator)
    ceiling: int | None = None
    usage: Usage = attrs.field(factory=Usage)
    summary_usage: Usage = attrs.field(factory=Usage)

    def with_messages(self, messages: Sequence[Wire]) -> History:
        """Return it with other messages, and the summary if it still speaks of them."""
        summary, upto = self.summary, self.summary.upto if self.summary else 0
        if self.messages[:upto] != tuple(messages[:upto]):
            summary = None
        return attrs.evolve(self, messages=tuple(messages), summary=summary)

    def paid(self, usage: Usage | None, *, summary: bool = False) -> History:
        """Return it with the cost of one more call."""
        if usage is None:
            return self
        of_summaries = self.summary_usage
        return attrs.evolve(
            self,
            usage=_sum(self.usage, usage),
            summary_usage=_sum(of_summaries, usage) if summary else of_summaries,
        )

    def learned(self, request: Sequence[Wire], usage: Usage | None) -> History:
        """Return it with what the usage of *request* teaches."""
        if usage is None:
            return self
        tokens = self.tokens.learn(request, usage.prompt_tokens)
        return attrs.evolve(self, tokens=tokens)

    def to_json(self) -> str:
        """Return it as JSON text, of one line."""
        summary = self.summary
        value: dict[str, JSON] = {
            "kind": _KIND,
            "version": _VERSION,
            "model": self.model,
            "options": {k: v for k, v in self.options.items() if k in _SAVED},
            "messages": list(self.messages),
            "summary": summary and {"text": summary.text, "upto": summary.upto},
            "samples": list(self.tokens.samples),
            "ceiling": self.ceiling,
            "usage": self.usage.to_dict(),
            "summary_usage": self.summary_usage.to_dict(),
        }
        return dump_json(value).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> History:
        """
        Read what `to_json` wrote.

        Raises:
            ArgumentError: It is something else, or of a later version.
        """
        if not isinstance(text, str | bytes | bytearray):
            raise wrong("saved", "must be the text that to_json() returned", text)
        try:
            data = text.encode() if isinstance(text, str) else bytes(text)
            return _read(load_json(data))
        except _ODD as error:
            raise ArgumentError(
                f"saved: is no conversation that asi1 saved ({error})", argument="saved"
            ) from None


def stored(messages: Messages) -> tuple[Wire, ...]:
    """
    Return *messages* as a history keeps them: JSON values that nobody else holds.

    Half surrogate pairs, which models write and JSON text cannot hold, become U+FFFD.

    Raises:
        ArgumentError: They are no messages.
    """
    listed = wire_messages(messages)
    try:
        return tuple(load_json(dump_json(message)) for message in listed)
    except ValueError:
        pass
    try:
        return tuple(load_json(dump_json(whole(message))) for message in listed)
    except ValueError as error:
        raise ArgumentError(
            f"messages: cannot be written as JSON ({error})", argument="messages"
        ) from None


def _read(value: JSON) -> History:
    if not isinstance(value, Mapping) or value.get("kind") != _KIND:
        raise ValueError("it does not say so")
    if value["version"] != _VERSION:
        raise ValueError(f"its version is {value['version']}, and {_VERSION} is known")
    messages, options, summary = value["messages"], value["options"], value["summary"]
    check_options(options, known=_SAVED)
    samples = tuple((int(s), int(n), int(t)) for s, n, t in value["samples"])
    if any(not 0 <= count <= MOST_TOKENS for sample in samples for count in sample):
        raise ValueError("a number of tokens cannot be")
    return History(
        messages=stored(messages) if messages else (),
        model=None if value["model"] is None else str(value["model"]),
        options=options,
        summary=summary and Summary(mended(str(summary["text"])), int(summary["upto"])),
        tokens=TokenEstimator(samples),
        ceiling=None if value["ceiling"] is None else int(value["ceiling"]),
        usage=_usage(value["usage"]),
        summary_usage=_usage(value["summary_usage"]),
    )


def _usage(value: Mapping[str, int | None]) -> Usage:
    counts: dict[str, Any] = {
        name: int(count) for name in _COUNTS if (count := value.get(name)) is not None
    }
    return Usage(**counts)


def _sum(one: Usage, two: Usage) -> Usage:
    sums: dict[str, Any] = {
        name: (getattr(one, name) or 0) + (getattr(two, name) or 0) for name in _COUNTS
    }
    if one.reasoning_tokens is two.reasoning_tokens is None:
        sums["reasoning_tokens"] = None
    return Usage(**sums)
