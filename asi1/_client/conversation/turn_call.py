"""
One turn of a conversation: its history fitted, asked, and once more if it was
too long for the server.

It is an `Exchange`, so that whoever awaits an answer or reads a stream need not know.
"""

from __future__ import annotations

import math

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import attrs

from attrs import define

from ..._call.call import Exchange
from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError
from ..._models.json_text import mended
from ..._models.response import Attempt
from ..._models.status_errors import ContextLengthError, RequestTooLargeError
from ..._protocol.context.history import History
from ..._protocol.context.policies import ContextPolicy, Question
from ..._protocol.context.tokens import Wire
from ..._protocol.context.view import Summary, View
from ..._protocol.request import Request, chat_request
from ..._settings.config import ClientConfig
from ..._settings.options import CALL_OPTIONS


__all__ = ["Ask", "TurnExchange"]

# Left free below what the server says that it takes, since tokens are estimated.
_MARGIN = 0.95
# Of a request that was too long, without a word of by how much.
_HALF = 0.5
# Options of a turn that a call to summarise shares: how it is made, not what is asked.
_SHARED = CALL_OPTIONS - {"session_id", "idempotency_key", "extra_body"}


@define
class Ask:
    """
    What a turn needs to know of its conversation, and where it notes what it learns.

    Attributes:
        history: As it is; what is paid and learned before the answer changes it.
        new: What is to be answered.
        model: None for the client's.
        options: For this turn.
        stream: Whether the answer is wanted in pieces.
        policy: None to send everything.
        limit: Prompt tokens of a request, whatever the policy's budget.
        sent: What the request held, once there is one.
    """

    history: History
    new: tuple[Wire, ...]
    model: str | None
    options: Mapping[str, Any]
    stream: bool
    policy: ContextPolicy | None = None
    limit: float = math.inf
    sent: tuple[Wire, ...] = ()

    @property
    def messages(self) -> tuple[Wire, ...]:
        """All that was said, and what is to be answered."""
        return (*self.history.messages, *self.new)

    def request(self, config: ClientConfig, messages: Sequence[Wire]) -> Request:
        """Return the request of the turn, with these messages."""
        return chat_request(
            config,
            messages=messages,
            model=self.model,
            stream=self.stream,
            options=self.options,
        )


@define(eq=False, kw_only=True)
class TurnExchange(Exchange):
    """
    The call of a turn, and the calls that it needs before.

    Attributes:
        ask: The turn.
        note: Called with this turn when its history has changed: by a summary.
    """

    ask: Ask
    note: Callable[[TurnExchange], None]

    async def _call(self) -> None:
        self._start()  # the turn's time is that of all its calls together
        try:
            await self._ask(await self._fitted(self.ask.limit))
        except (ContextLengthError, RequestTooLargeError) as error:
            request = await self._shorter(error)
            if request is None:
                raise
            await self._ask(request)

    async def _ask(self, request: Request) -> None:
        self.request = request
        await super()._call()

    async def _fitted(self, limit: float) -> Request:
        """Return the request, with as much of the history as *limit* allows."""
        ask, policy = self.ask, self.ask.policy
        ask.sent = ask.messages
        if policy is None:
            return ask.request(self.config, ask.sent)
        view = View.of(ask.messages, ask.history.tokens, ask.history.summary)
        plan = policy.plan(view, limit)
        try:
            question = next(plan)
            while True:
                question = plan.send(await self._answered(question))
        except StopIteration as done:
            view = done.value
        self._keep(view.summary)
        # Were the slack held against a turn that is alone, one odd report of the server
        # would end the conversation.
        if view.least > policy.limit(limit):
            raise ArgumentError(
                f"messages: the system message and this turn alone take about"
                f" {view.least} tokens, over the budget of {policy.limit(limit):g}",
                argument="messages",
            )
        ask.sent = tuple(view.messages)
        return ask.request(self.config, ask.sent)

    async def _answered(self, question: Question) -> str:
        """Ask the model for a policy; return what it says."""
        ask = self.ask
        options = {k: v for k, v in ask.options.items() if k in _SHARED}
        # Without what the client asks for in every chat, such as tools.
        shared = {k: v for k, v in self.config.options.items() if k in _SHARED}
        request = chat_request(
            attrs.evolve(self.config, options=shared),
            messages=question.messages,
            model=question.model or ask.model,
            stream=False,
            options=options | {"max_tokens": question.max_tokens},
        )
        exchange = Exchange(
            self.config,
            request,
            self.transport,
            self.budget,
            limiter=self.limiter,
            hooks=self.hooks,
            began=self.began,
        )
        await exchange.run()
        (answer,) = await exchange.out.get()
        answer = cast("ChatCompletion", answer)
        ask.history = ask.history.paid(answer.usage, summary=True)
        self.note(self)
        return mended(answer.text)

    def _keep(self, summary: Summary | None) -> None:
        history = self.ask.history
        if summary is None or summary.upto > len(history.messages):
            return
        self.ask.history = attrs.evolve(history, summary=summary)
        self.note(self)

    async def _shorter(
        self, error: ContextLengthError | RequestTooLargeError
    ) -> Request | None:
        """Return a request that the server may take; None if there is none."""
        ask = self.ask
        if ask.policy is None or not ask.policy.retry:
            return None
        before = ask.history.tokens.count(ask.sent)
        options = {**self.config.options, **ask.options}
        now, later = _ceilings(error, before, options.get("max_tokens") or 0)
        try:
            request = await self._fitted(now)
        except ArgumentError:
            return None
        ask.history = attrs.evolve(ask.history, ceiling=later)
        return request

    def _note(self, attempt: Attempt) -> None:
        # The tries of both requests are counted on.
        super()._note(attrs.evolve(attempt, number=len(self._attempts) + 1))


def _ceilings(
    error: ContextLengthError | RequestTooLargeError, before: int, answer: int
) -> tuple[int, int]:
    """
    Return the prompt tokens to try next, and those to keep to from then on.

    The first are counted as *before* is, by an estimate that was perhaps too low; the
    others as the server counts, since by then it has taught how.
    """
    half = max(1, int(before * _HALF))
    limit = error.limit if isinstance(error, ContextLengthError) else None
    if limit is None:
        return half, half
    room = limit - answer if answer < limit else limit
    later = max(1, int(room * _MARGIN))
    requested = error.requested if isinstance(error, ContextLengthError) else None
    now = min(later, int(before * room * _MARGIN / requested)) if requested else later
    return (max(1, now) if now < before else half), later
