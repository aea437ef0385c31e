"""The requests of one turn: the history fitted, and fitted again if it was too long."""

from __future__ import annotations

import math

from collections.abc import Callable
from typing import TypeAlias

import attrs

from attrs import define, field

from ..._call.answer_reader import AnswerReader
from ..._call.call import Call, OneRequest
from ..._call.resources import Resources
from ..._models.errors import ArgumentError
from ..._models.json_text import replace_surrogates
from ..._models.status_errors import (
    APIStatusError,
    ContextLengthError,
    RequestTooLargeError,
)
from ..._protocol.context.history import History
from ..._protocol.context.policies import ContextPolicy, Question
from ..._protocol.context.tokens import WireMessage
from ..._protocol.context.view import Summary, View
from ..._protocol.request import ChatDraft, Request, chat_request
from ..._settings.options import CALL_OPTIONS


__all__ = ["TurnRequests"]

# Left free below what the server says that it takes, since tokens are estimated.
_MARGIN = 0.95
# Share kept of a request that was too long, if the server does not say by how much.
_HALF = 0.5
# Options of a turn that its call for a summary shares: how it is made, not asked.
_SHARED = CALL_OPTIONS - {"session_id", "idempotency_key", "extra_body"}

_TooLong: TypeAlias = ContextLengthError | RequestTooLargeError


@define(eq=False, kw_only=True)
class TurnRequests:
    """
    What a turn sends: a `Requests` of its call.

    Attributes:
        resources: The client's.
        draft: The turn's request but for its messages.
        new: The messages to be answered.
        model: None for the client's.
        keep: Called with the history when the turn has changed it, by a summary.
        history: As it is; the costs and the summary of this turn are added to it.
        policy: None to send the whole history.
        limit: The most prompt tokens of a request, whatever the policy's budget.
        sent: The messages of the request, once there is one.
    """

    resources: Resources
    draft: ChatDraft
    new: tuple[WireMessage, ...]
    model: str | None
    keep: Callable[[History], None]
    history: History
    policy: ContextPolicy | None = None
    limit: float = math.inf
    sent: tuple[WireMessage, ...] = ()
    _began: float | None = field(default=None, init=False)
    _shortened: bool = field(default=False, init=False)

    @property
    def messages(self) -> tuple[WireMessage, ...]:
        """The whole history, and the messages to be answered."""
        return (*self.history.messages, *self.new)

    async def first(self, began: float) -> Request:
        """Return the request; *began* counts for the calls that make a summary, too."""
        self._began = began
        try:
            return await self._fitted(self.limit)
        except (ContextLengthError, RequestTooLargeError) as refusal:  # of a summary
            request = await self.after(refusal)
            if request is None:
                raise
            return request

    async def after(self, refusal: APIStatusError) -> Request | None:
        """Return a shorter request, once, if the last one was too long."""
        if (
            self._shortened
            or self.policy is None
            or not self.policy.retry
            or not isinstance(refusal, _TooLong)
        ):
            return None
        self._shortened = True
        before = self.history.tokens.count(self.sent)
        answer = self.draft.options.get("max_tokens") or 0
        now, later = _ceilings(refusal, before, answer)
        try:
            request = await self._fitted(now)
        except ArgumentError:
            return None
        self.history = attrs.evolve(self.history, ceiling=later)
        return request

    async def _fitted(self, limit: float) -> Request:
        """Return the request with as much of the history as *limit* allows."""
        self.sent = self.messages
        if self.policy is None:
            return self.draft.request_of(self.sent)
        view = View.of(self.sent, self.history.tokens, self.history.summary)
        view = await self._planned(self.policy, view, limit)
        self._keep_summary(view.summary)
        # If the slack counted against a turn that is alone, one odd report of the
        # server would end the conversation.
        if view.least > self.policy.limit(limit):
            raise ArgumentError(
                f"messages: the system message and this turn alone take about"
                f" {view.least} tokens, over the budget of"
                f" {self.policy.limit(limit):g}",
                argument="messages",
            )
        self.sent = tuple(view.messages)
        return self.draft.request_of(self.sent)

    async def _planned(self, policy: ContextPolicy, view: View, limit: float) -> View:
        """Run the policy's plan, and ask the model what it wants to know."""
        plan = policy.plan(view, limit)
        try:
            question = next(plan)
            while True:
                question = plan.send(await self._answered(question))
        except StopIteration as done:
            planned: View = done.value
            return planned

    async def _answered(self, question: Question) -> str:
        """Ask the model; return its text."""
        config = self.resources.config
        options = {k: v for k, v in self.draft.options.items() if k in _SHARED}
        request = chat_request(
            # Without the options that the client adds to every chat, such as tools.
            attrs.evolve(config, options={}),
            messages=question.messages,
            model=question.model or self.model,
            stream=False,
            options=options | {"max_tokens": question.max_tokens},
        )
        call = Call(self.resources, OneRequest(request), AnswerReader, self._began)
        await call.run()
        (answer,) = await call.queue.get()
        self.history = self.history.paid(answer.usage, summary=True)
        self.keep(self.history)
        return replace_surrogates(answer.text)

    def _keep_summary(self, summary: Summary | None) -> None:
        history = self.history
        if summary is not None and summary.upto <= len(history.messages):
            self.history = attrs.evolve(history, summary=summary)
            self.keep(self.history)


def _ceilings(refusal: _TooLong, before: int, answer: int) -> tuple[int, int]:
    """
    Return the most prompt tokens of the next request, and of all later ones.

    The first are counted as *before* is, by an estimate that was perhaps too low; the
    others as the server counts, since the estimator has learned from it by then.
    """
    half = max(1, int(before * _HALF))
    limit = refusal.limit if isinstance(refusal, ContextLengthError) else None
    if limit is None:
        return half, half
    room = limit - answer if answer < limit else limit
    later = max(1, int(room * _MARGIN))
    requested = refusal.requested if isinstance(refusal, ContextLengthError) else None
    now = min(later, int(before * room * _MARGIN / requested)) if requested else later
    return (max(1, now) if now < before else half), later
