"""
Counts, for each budget, what calls have used and what running calls have reserved.

Before a request is sent, the most that it is expected to use is reserved; when it has
ended, what it has used takes the reservation's place. A lock is held from the check of
the limits to the reservation, since calls may run in several threads and event loops.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from attrs import define, field, frozen

from .._models.cost import Rates, cost_of_tokens, published, sum_of_costs
from .._models.errors import ConfigurationError
from .._models.response import Usage
from .._models.spent import Spent
from .._protocol.request import Request
from .._settings.budget import Budget, BudgetExceededError, check_budget
from .._settings.config import ClientConfig
from .._settings.prices import own_rates
from .shared_lock import shared


__all__ = ["Account", "Budgets", "Reservation"]

# Assumed length of an answer in tokens if the request has no ``max_tokens``, as long as
# no answer was longer.
_ANSWER = 4096
# Largest plausible size, in tokens, of the hidden prompt that servers add to a request:
# a longer one would exceed any model's context.
_MOST_HIDDEN = 200_000
_CALL = "the call was not sent"
_RETRY = "the call was sent, but its retry was not"
_LIMITS = ("usd", "tokens", "requests")


def _sum(*amounts: Spent) -> Spent:
    return Spent(
        requests=sum(each.requests for each in amounts),
        input_tokens=sum(each.input_tokens for each in amounts),
        cached_tokens=sum(each.cached_tokens for each in amounts),
        output_tokens=sum(each.output_tokens for each in amounts),
        usd=sum_of_costs(each.usd for each in amounts),
        unpriced=sum(each.unpriced for each in amounts),
    )


def _negative(amount: Spent) -> Spent:
    return Spent(
        requests=-amount.requests,
        input_tokens=-amount.input_tokens,
        output_tokens=-amount.output_tokens,
        usd=amount.usd.copy_negate(),
    )


def _one(rates: Rates | None, prompt: int, cached: int, answer: int) -> Spent:
    """Return what one request with these numbers of tokens adds to a budget's count."""
    return Spent(
        requests=1,
        input_tokens=prompt,
        cached_tokens=cached,
        output_tokens=answer,
        usd=cost_of_tokens(rates, prompt, cached, answer) if rates else Decimal(),
    )


@define(eq=False)
class Account:
    """
    The count of one budget.

    Attributes:
        budget: The limits.
        spent: What ended requests have used. A request without reported usage counts as
            much as was reserved for it.
        held: What is reserved for the running requests.
    """

    budget: Budget
    spent: Spent = field(factory=Spent, init=False)
    held: Spent = field(factory=Spent, init=False)
    # The most tokens by which a prompt has exceeded its estimate, because servers add a
    # hidden prompt to it; and the tokens of the longest answer.
    _hidden: int = field(default=0, init=False)
    _longest: int = field(default=_ANSWER, init=False)

    def estimate(self, request: Request, rates: Rates | None) -> Spent:
        """
        Return the most that *request* is expected to use.

        A prompt counts one token for 3 bytes of the body, without images, and the
        hidden prompt as far as it is known. An answer counts ``max_tokens``; without
        it, 4,096 tokens, or the longest answer so far if that was longer.
        """
        if not _is_chat(request):
            return Spent(requests=1)
        prompt = _prompt(request) + self._hidden
        answer = (request.limit or self._longest) * request.choices
        return _one(rates, prompt, 0, answer)

    def passed(self, amount: Spent) -> str | None:
        """Return the name of a limit that adding *amount* would exceed, else None."""
        whole = _sum(self.spent, self.held, amount)
        for name in _LIMITS:
            limit = getattr(self.budget, name)
            if limit is not None and getattr(whole, name) > limit:
                return name
        return None

    def hold(self, amount: Spent, *, sent: bool) -> None:
        """
        Reserve *amount* for a request; *sent*: whether its call sent a request before.

        Raises:
            BudgetExceededError: A limit could be exceeded.
        """
        limit = self.passed(amount)
        if limit is not None:
            what = _RETRY if sent else _CALL
            raise BudgetExceededError(
                f"{what}, since it could pass the budget of"
                f" {_words(self.budget, limit)}: {_words(self.spent, limit)} spent,"
                f" {_words(self.held, limit)} reserved for calls under way, and"
                f" this one may use {_words(amount, limit)}",
                spent=self.spent,
                budget=self.budget,
                limit=limit,
                sent=sent,
            )
        self.held = _sum(self.held, amount)

    def free(self, amount: Spent) -> None:
        """Give the reserved *amount* back: the request has ended, or was not sent."""
        self.held = _sum(self.held, _negative(amount))

    def count(self, amount: Spent) -> None:
        """Count *amount*, which a request has used."""
        self.spent = _sum(self.spent, amount)

    def learn(self, request: Request, used: Spent) -> None:
        """Improve the estimate of later requests with what *request* has used."""
        hidden = used.input_tokens - _prompt(request)
        if hidden <= _MOST_HIDDEN:
            self._hidden = max(self._hidden, hidden)
        self._longest = max(self._longest, -(-used.output_tokens // request.choices))


def _is_chat(request: Request) -> bool:
    path = request.url.partition("?")[0]
    return request.model is not None and path.endswith("/chat/completions")


def _prompt(request: Request) -> int:
    # `Request.tokens` counts one token for 4 bytes, which is too few in many languages;
    # this counts one for 3 bytes.
    return (request.tokens - request.limit) * 4 // 3


def _words(value: Budget | Spent, limit: str) -> str:
    number = getattr(value, limit)
    if limit == "usd":
        return f"${number:f}"
    return f"{number:,} {limit.removesuffix('s') if number == 1 else limit}"


class _Answering(Protocol):
    """The attributes of an answer's reader that tell the model and its price."""

    @property
    def rates(self) -> Rates | None:
        """
        The price that the user has set for the answering model; None if the user has
        set none.
        """

    @property
    def model(self) -> str:
        """The name of the answering model."""
        ...


@frozen(eq=False)
class Reservation:
    """The amount reserved for one request, in each budget that it must fit into."""

    request: Request
    rates: Rates | None
    held: tuple[tuple[Account, Spent], ...]

    def end(self, usage: Usage | None, reader: _Answering, *, free: bool) -> None:
        """
        Count what the request has used, in place of what was reserved for it.

        Args:
            usage: What the server reported; None if it reported nothing.
            reader: The reader of the answer; the model that answers may not be the
                requested one.
            free: Whether a request without reported usage has certainly used nothing.
        """
        rates = reader.rates or published(reader.model) or self.rates
        with shared.lock:
            for account, reserved in self.held:
                account.free(reserved)
                if usage is not None:
                    used = _one(
                        rates,
                        usage.prompt_tokens,
                        usage.cached_tokens,
                        usage.completion_tokens,
                    )
                    account.learn(self.request, used)
                    if rates is None and used.tokens:
                        used = _sum(used, Spent(unpriced=1))
                elif free:
                    used = Spent(requests=1)
                else:
                    used = _sum(reserved, Spent(unpriced=1))
                account.count(used)

    def cancel(self) -> None:
        """Give everything back: the request was not sent."""
        with shared.lock:
            for account, reserved in self.held:
                account.free(reserved)


@frozen(eq=False)
class Budgets:
    """The budgets into which each request of a client must fit."""

    accounts: tuple[Account, ...] = ()

    def and_one(self, budget: Budget) -> Budgets:
        """
        Return these budgets and *budget*, whose count begins at zero.

        Raises:
            ConfigurationError: *budget* is not a `Budget`.
        """
        return Budgets((*self.accounts, Account(check_budget(budget))))

    def reserve(
        self, config: ClientConfig, request: Request, *, sent: bool
    ) -> Reservation:
        """
        Reserve the most that *request* may use; *sent*: whether its call has sent
        another request before.

        Raises:
            BudgetExceededError: The request could exceed a budget.
            ConfigurationError: A budget is in dollars, and the price is not known.
        """
        rates = self._rates(config, request)
        held: list[tuple[Account, Spent]] = []
        with shared.lock:
            try:
                for account in self.accounts:
                    amount = account.estimate(request, rates)
                    account.hold(amount, sent=sent)
                    held.append((account, amount))
            except BudgetExceededError:
                for account, amount in held:
                    account.free(amount)
                raise
        return Reservation(request, rates, tuple(held))

    def can_price(self, config: ClientConfig, model: str) -> bool:
        """Whether the price of *model* is known, or no budget is in dollars."""
        own = own_rates(config.prices, config.models, model)
        return not self._in_usd or (own or published(model)) is not None

    @property
    def _in_usd(self) -> bool:
        return any(each.budget.usd is not None for each in self.accounts)

    def _rates(self, config: ClientConfig, request: Request) -> Rates | None:
        chat = _is_chat(request)
        rates = None
        if chat:
            own = own_rates(config.prices, config.models, request.model)
            rates = own or published(request.model)
        if rates is not None or not self._in_usd or request.method == "GET":
            return rates
        what = f"the model {request.model!r:.80}" if chat else "this request"
        raise ConfigurationError(
            f"budget: is in US dollars, and the price of {what} is not known; pass"
            " prices= to the client, or limit tokens or requests"
        )
