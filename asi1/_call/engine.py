"""The engine of a client: starts calls; cancels them when the client is closed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import attrs

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.base_types import HTTPClient, HTTPTransport
from .._models.errors import ClientClosedError
from .._protocol.request import Request
from .._settings.config import ClientConfig
from .._transport.client_pools import Pools
from .._transport.event_loop import loop_token
from .._transport.transport import Transport
from .attempts import OneRequest, Requests
from .call import Call
from .reply_reader import ReplyReader
from .resources import Resources
from .task import CallTask, run_here, start


if TYPE_CHECKING:
    from .._settings.budget import Budget
    from .._settings.cache import Cache
    from .._settings.hooks import Hooks
    from .._settings.rate_limit import Limiter, RateLimit
    from .answer_cache import AnswerCache
    from .budget_queue import BudgetQueue
    from .budgets import Budgets
    from .hook_caller import HookCaller
    from .rate_limiter import LocalLimiter
    from .rate_permit import UserLimiter


__all__ = ["Engine", "Work", "engine_of"]

_T = TypeVar("_T")


class Work(Protocol):
    """What the task of a call does: a `Call`, or an object that runs a `Call`."""

    async def run(self) -> None:
        """Do the work to its end; raise only the cancellation of the task."""

    def settle(self) -> None:
        """Wake the waiting reader: the task has ended, perhaps before `run` began."""


@define(eq=False, repr=False)
class Engine:
    """
    The running calls of one client, and the resources that they share.

    Attributes:
        resources: The resources that its calls use.
        parents: The engines from which `child` created this one, nearest first. The
            engine itself is not included: a reference to itself would delay its garbage
            collection, and so the closing of its connections.
        tasks: The running calls of this engine and its children.
        closed: Whether this engine refuses new calls.
    """

    resources: Resources
    parents: tuple[Engine, ...] = field(default=(), repr=False)
    tasks: set[CallTask] = field(factory=set, init=False)
    closed: bool = field(default=False, init=False)

    @property
    def config(self) -> ClientConfig:
        """The client's settings."""
        return self.resources.config

    def child(
        self,
        config: ClientConfig | None = None,
        budget: Budget | None = None,
        hooks: tuple[Hooks, ...] = (),
        *,
        queues: bool = False,
    ) -> Engine:
        """
        Return an engine with the same connections, and with other settings if *config*
        is given.

        Its calls must also fit into *budget*, whose count begins at zero, and are also
        reported to *hooks*. With *queues*, a call that does not fit into a budget waits
        until running calls have ended.
        """
        self.check_open()
        resources = attrs.evolve(self.resources, config=config or self.config)
        if budget is not None:
            budgets = resources.budgets or _no_budgets()()
            resources = attrs.evolve(resources, budgets=budgets.and_one(budget))
        if queues and resources.budgets is not None:
            queue = _budget_queue()(resources.budgets)
            resources = attrs.evolve(resources, queue=queue)
        child = Engine(resources, (self, *self.parents))
        child.add_hooks(hooks)
        return child

    def add_hooks(self, hooks: tuple[Hooks, ...]) -> None:
        """Add *hooks*, for calls that are made later."""
        if hooks:
            caller = self.resources.hooks
            caller = caller.and_also(hooks) if caller else _hook_caller()(hooks)
            self.resources = attrs.evolve(self.resources, hooks=caller)

    @property
    def refuses_calls(self) -> bool:
        """Whether this engine or one of its parents is closed."""
        if self.parents:
            return self.closed or any(parent.closed for parent in self.parents)
        return self.closed

    def check_open(self) -> None:
        """Raise `ClientClosedError` if this engine or one of its parents is closed."""
        if self.refuses_calls:
            raise ClientClosedError("the client is closed")

    def call(self, requests: Requests, reader: type[ReplyReader[_T]]) -> Call[_T]:
        """
        Return a call that has not begun; *reader* reads its replies.

        Raises:
            ClientClosedError: As for `check_open`.
        """
        self.check_open()
        return Call(self.resources, requests, reader)

    def begin(self, work: Work) -> CallTask:
        """
        Start *work* in its own task.

        Raises:
            ClientClosedError: As for `check_open`.
        """
        self.check_open()
        task = start(work.run, "asi1 call", partial(self._leave, work))
        self._enter(task)
        return task

    def _enter(self, task: CallTask) -> None:
        for engine in (self, *self.parents):
            engine.tasks.add(task)

    def _leave(self, work: Work, task: CallTask) -> None:
        for engine in (self, *self.parents):
            engine.tasks.discard(task)
        work.settle()

    async def fetch(self, request: Request, reader: type[ReplyReader[_T]]) -> _T:
        """
        Send *request* in a new call, and return the call's single result.

        Raises:
            ASI1Error: The call failed.
        """
        return await self.result(self.call(OneRequest(request), reader))

    async def result(self, call: Call[_T]) -> _T:
        """Run *call*, which has not begun, and return its single result."""
        task = self.begin(call)
        try:
            # The caller waits for the end of the task, which comes at most
            # `call._DRAIN` seconds after the result.
            await task.done.wait()
        except BaseException:
            task.stop()
            await task.join()  # a cancelled caller waits for the call's clean-up
            raise
        try:
            (result,) = await call.queue.get()
        finally:
            del call, task  # else an error's traceback would keep call and task alive
        return result

    async def fetch_here(self, request: Request, reader: type[ReplyReader[_T]]) -> _T:
        """Same as `fetch`, but in the running task, as `result_here`."""
        return await self.result_here(self.call(OneRequest(request), reader))

    async def result_here(self, call: Call[_T]) -> _T:
        """Same as `result`, but in the running task; see `run_here`."""
        self.check_open()
        await run_here(call.run, self._enter, partial(self._leave, call))
        try:
            (result,) = await call.queue.get()
        finally:
            del call  # else an error's traceback would keep the call alive
        return result

    async def aclose(self) -> None:
        """Cancel all calls; an engine without parents also closes the connections."""
        self.closed = True
        tasks = list(self.tasks)
        for task in tasks:
            task.closing = True
            task.stop()
        here = loop_token()
        try:
            # The shielded wait is short, since all calls are cancelled.
            with anyio.CancelScope(shield=True):
                for task in tasks:
                    if task.token is here:  # only a task of this loop can be awaited
                        await task.join()
        finally:
            if not self.parents:
                await self.resources.transport.aclose()


def engine_of(
    config: ClientConfig,
    http_client: HTTPClient | None,
    transport: HTTPTransport | None,
    rate_limit: RateLimit | Limiter | None,
    hooks: tuple[Hooks, ...],
    *,
    cache: Cache | None = None,
    budget: Budget | None = None,
) -> Engine:
    """
    Return the engine of a new client.

    Raises:
        ConfigurationError: *http_client*, *transport* or *cache* is wrong.
    """
    resources = Resources(config, Transport(Pools(config, http_client, transport)))
    if rate_limit is not None:
        resources = attrs.evolve(resources, limiter=_limiter_of()(rate_limit))
    if cache is not None:
        resources = attrs.evolve(resources, cache=_answer_cache()(cache))
    if budget is not None:
        budgets = _no_budgets()().and_one(budget)
        resources = attrs.evolve(resources, budgets=budgets)
    engine = Engine(resources)
    engine.add_hooks(hooks)
    return engine


# Most clients have no rate limit, hooks, cache or budget, so the modules for these are
# imported only if needed.
@run_apart_once
def _limiter_of() -> Callable[[RateLimit | Limiter], LocalLimiter | UserLimiter]:
    from .rate_permit import limiter_of  # noqa: PLC0415

    return limiter_of


@run_apart_once
def _hook_caller() -> Callable[[tuple[Hooks, ...]], HookCaller]:
    from .hook_caller import HookCaller  # noqa: PLC0415

    return HookCaller


@run_apart_once
def _answer_cache() -> Callable[[Cache], AnswerCache]:
    from .answer_cache import AnswerCache  # noqa: PLC0415

    return AnswerCache


@run_apart_once
def _budget_queue() -> Callable[[Budgets], BudgetQueue]:
    from .budget_queue import BudgetQueue  # noqa: PLC0415

    return BudgetQueue


@run_apart_once
def _no_budgets() -> Callable[[], Budgets]:
    from .budgets import Budgets  # noqa: PLC0415

    return Budgets
