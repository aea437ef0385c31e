"""Builds a turn's requests; shortens them if the server refuses one as too long."""

from __future__ import annotations

import math

from collections.abc import Callable
from typing import TypeAlias

import attrs

from attrs import define, field

from ..._call.answer_reader import AnswerReader
from ..._call.attempts import OneRequest
from ..._call.call import Call
from ..._call.resources import Resources
from ..._models.errors import ArgumentError
from ..._models.json_text import replace_surrogates
from ..._models.messages import sendable
from ..._models.status_errors import (
    APIStatusError,
    ContextLengthError,
    RequestTooLargeError,
)
from ..._protocol.context.history import History
from ..._protocol.context.policies import ContextPolicy, Question
from ..._protocol.context.tokens import Wire
from ..._protocol.context.view import Summary, View
from ..._protocol.request import ChatDraft, Request, chat_request
from ..._settings.options import CALL_OPTIONS


__all__ = ["TurnRequests"]

# Token counts are estimates, so only this share of the server's token limit is used.
_MARGIN = 0.95
# If the server refuses a request as too long, but names no limit, the next request has
# at most this share of the refused request's tokens.
_HALF = 0.5
# Options of a turn that also apply to its call for a summary, such as timeouts.
_SHARED = CALL_OPTIONS - {"session_id", "idempotency_key", "extra_body"}

_TooLong: TypeAlias = ContextLengthError | RequestTooLargeError


@define(eq=False, kw_only=True)
class TurnRequests:
    """
    The requests of a turn's call; implements `Requests`.

    Attributes:
        resources: The resources of the client.
        draft: The turn's request without its messages.
        new: The messages to be answered.
        model: The model of the turn; None for the client's model.
        keep: A function that stores the new history after each call for a summary.
        history: The history, with the usage and the summary of this turn's calls.
        policy: The context policy; None to send the whole history.
        limit: The most prompt tokens of a request; the policy's budget may be lower.
        sent: The messages of the last request.
    """

    resources: Resources
    draft: ChatDraft
    new: tuple[Wire, ...]
    model: str | None
    keep: Callable[[History], None]
    history: History
    policy: ContextPolicy | None = None
    limit: float = math.inf
    sent: tuple[Wire, ...] = ()
    _began: float | None = field(default=None, init=False)
    _shortened: bool = field(default=False, init=False)

    @property
    def messages(self) -> tuple[Wire, ...]:
        """All messages of the history, and the new messages to be answered."""
        return (*self.history.messages, *self.new)

    async def first(self, began: float) -> Request:
        """
        Return the first request, after calls for summaries if the policy needs any.

        The total timeouts of all these calls count from *began*.
        """
        self._began = began
        try:
            return await self._fitted_request(self.limit)
        except (
            ContextLengthError,
            RequestTooLargeError,
        ) as refusal:  # the server refused a call for a summary
            request = await self.after(refusal)
            if request is None:
                raise
            return request

    async def after(self, refusal: APIStatusError) -> Request | None:
        """
        Return a shorter request if *refusal* says "too long", but once per turn only.

        Return None if the call must fail with *refusal*.
        """
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
            request = await self._fitted_request(now)
        except ArgumentError:
            return None
        self.history = attrs.evolve(self.history, ceiling=later)
        return request

    async def _fitted_request(self, limit: float) -> Request:
        """Return the request with as much history as *limit* prompt tokens allow."""
        self.sent = tuple(sendable(self.messages))
        if self.policy is None:
            return self.draft.request_of(self.sent)
        view = View.of(self.messages, self.history.tokens, self.history.summary)
        view = await self._run_plan(self.policy, view, limit)
        self._keep_summary(view.summary)
        # One wrong token count by the server can make the safety margin very large, so
        # the margin is ignored if only the last turn remains.
        if view.least > self.policy.limit(limit):
            raise ArgumentError(
                f"messages: the system message and this turn alone take about"
                f" {view.least} tokens, over the budget of"
                f" {self.policy.limit(limit):g}",
                argument="messages",
            )
        self.sent = tuple(sendable(view.messages))
        return self.draft.request_of(self.sent)

    async def _run_plan(self, policy: ContextPolicy, view: View, limit: float) -> View:
        """Run the policy's plan, and ask the model the questions of the plan."""
        plan = policy.plan(view, limit)
        try:
            question = next(plan)
            while True:
                question = plan.send(await self._ask_model(question))
        except StopIteration as done:
            planned: View = done.value
            return planned

    async def _ask_model(self, question: Question) -> str:
        """Ask the model *question*, and return the text of the model's answer."""
        config = self.resources.config
        options = {k: v for k, v in self.draft.options.items() if k in _SHARED}
        request = chat_request(
            # The client's default options, such as tools, must not apply to the call
            # for a summary.
            attrs.evolve(config, options={}),
            messages=question.messages,
            model=question.model or self.model,
            stream=False,
            options=options | {"max_tokens": question.max_tokens},
        )
        call = Call(self.resources, OneRequest(request), AnswerReader, self._began)
        await call.run()
        (answer,) = await call.queue.get()
        self.history = self.history.with_usage(answer.usage, summary=True)
        self.keep(self.history)
        return replace_surrogates(answer.text)

    def _keep_summary(self, summary: Summary | None) -> None:
        history = self.history
        if summary is not None and summary.upto <= len(history.messages):
            self.history = attrs.evolve(history, summary=summary)
            self.keep(self.history)


def _ceilings(refusal: _TooLong, before: int, answer: int) -> tuple[int, int]:
    """
    Return the maximum prompt tokens of the next request, and of all later requests.

    The first number is in estimated tokens, and allows for an estimate that is too low.
    The second is in tokens as the server counts them, since the estimator will have
    learned from this turn.

    Args:
        refusal: The server's refusal, which may name its limit.
        before: The estimated prompt tokens of the refused request.
        answer: Its ``max_tokens``; 0 without them.
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
