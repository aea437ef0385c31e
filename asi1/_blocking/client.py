"""
`ASI1`: the blocking client, whose calls run on the event loop of another thread.

Its public API is the async one without ``await``; a test compares the two.
"""

from __future__ import annotations

import os

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from .._client.lazy import BaseClient
from .._client.lazy_engine import plain
from .._models.base_types import JSON, public
from .._settings.options import ChatOptions, RequestOptions, lists
from .loaders import load_batch, load_chat, load_conversation, load_images, load_models
from .loop_thread import check_loop, close_on_loop, loop_thread


if TYPE_CHECKING:
    from .._models.messages import Messages
    from .._models.raw import RawReply
    from .._protocol.batch.summary import BatchSummary
    from .._protocol.context.policies import ContextPolicy
    from .._settings.budget import Budget
    from .._settings.rate_limit import Limiter, RateLimit
    from .chat import Chat
    from .conversation import Conversation
    from .images import Images
    from .models import Models


__all__ = ["ASI1"]


@public
class ASI1(BaseClient):
    """
    The client of ASI-1 Mini, with blocking methods.

    Same as `AsyncASI1`, but blocks. One client may be used by many threads.

    Args:
        api_key: Your API key; or a function, async or not, that returns it: it is
            called for each attempt, and once more after a 401. If left out, the
            environment variable ``ASI_ONE_API_KEY``, else ``ASI1_API_KEY``.
        base_url: URL of the API, with or without ``/v1``; else the environment variable
            ``ASI1_BASE_URL``, else ``ASI_ONE_BASE_URL``, else the public API.
        model: The model of calls that do not name one.
        timeout: The total timeout of each call in seconds, in place of all others; or a
            `Timeouts`, an ``httpx.Timeout``, or None for no timeout of any kind.
        max_retries: Maximum number of retries of a call; 2 if left out.
        retry: A complete `RetryPolicy`, in place of *max_retries*; not both.
        rate_limit: A `RateLimit`, or your own `Limiter`; calls beyond the limit wait.
        limits: How many connections to open, and how long to keep idle ones open: a
            `Limits`, or an ``httpx.Limits``. Of ``max_keepalive_connections``, only 0
            has an effect: each connection is then closed after its call.
        http_client: Your own ``httpx.AsyncClient``, or one of httpx2; asi1 never closes
            it. Its headers, query, proxies and cookies are used, and it keeps cookies;
            redirects are not followed. If it has response hooks, asi1 adds one before.
        transport: Your own transport of httpx or httpx2; asi1 never closes it.
        default_headers: Sent with every request.
        default_query: Query parameters, added to the URL of every request.
        default_options: Chat options for calls that do not give their own.
        models: `ModelInfo` by model name; overrides and extends `MODELS`.
        prices: `Price` by model name; overrides and extends `PRICES`, and the prices in
            *models*.
        budget: A `Budget`: a call that could exceed it raises `BudgetExceededError`,
            and is not sent.
        hooks: `Hooks`, or a list of them: called as calls start, wait, retry and end.
        tags: Facts that hooks get with every call, such as ``{"job": "nightly"}``;
            never sent to the server.
        cache: A `SQLiteCache`, or your own `Cache`, which answers a repeated request
            without sending it; no cache if left out.
        max_event_bytes: Maximum bytes of an event of a stream, and of a reply's body.
        trust_env: False ignores the environment's proxies and CA files.
        allow_insecure_http: True allows http:// to other machines; the API key is then
            readable on the network.

    Raises:
        ConfigurationError: An argument is wrong; the message names it.
    """

    def _environment(self) -> Mapping[str, str]:
        check_loop(os.environ)
        return os.environ

    @property
    def chat(self) -> Chat:
        """Chat: ``client.chat.completions.create(...)`` and ``.stream(...)``."""
        return self._namespace("chat", load_chat)

    @property
    def images(self) -> Images:
        """Images: ``client.images.generate(...)`` and ``.edit(...)``."""
        return self._namespace("images", load_images)

    @property
    def models(self) -> Models:
        """Lists the models: ``client.models.list()`` reads the table `MODELS`."""
        return self._namespace("models", load_models)

    @lists(ChatOptions)
    def conversation(
        self,
        system: str | None = None,
        *,
        messages: Messages | None = None,
        context: ContextPolicy | None = None,
        saved: str | bytes | None = None,
        model: str | None = None,
        keep_reasoning: bool | None = None,
        session: bool = False,
        **options: Unpack[ChatOptions],
    ) -> Conversation:
        """
        Begin a conversation, which keeps its history and sends it with each turn.

        Same as `AsyncASI1.conversation`.

        Args:
            system: The system message.
            messages: Earlier messages, as for ``create``; they follow *system*.
            context: Decides how much of a long history is sent; the whole history is
                sent if left out.
            saved: A result of `Conversation.to_json`, to continue it.
            model: The model of turns that do not name one; the client's if left out.
            keep_reasoning: Whether the model's thoughts are kept, and sent with later
                turns as ``reasoning_content``. Some servers require this and others
                refuse it. If left out: as in *saved*, else False.
            session: True generates a random session id if *saved* and the options have
                none. Each turn sends it, so that agentic models keep their state.
            **options: Fields of `ChatOptions`, for each turn; they override those in
                *saved*.

        Raises:
            ArgumentError: An argument is wrong.
            ClientClosedError: The client is closed.
        """
        kind, open_conversation = load_conversation()
        turns = open_conversation(
            self._engine,
            system=system,
            messages=messages,
            context=context,
            saved=saved,
            model=model,
            keep_reasoning=keep_reasoning,
            session=session,
            options=options,
        )
        return kind(turns)

    @lists(RequestOptions)
    def request(
        self,
        method: str,
        path: str,
        *,
        json: JSON = None,
        **options: Unpack[RequestOptions],
    ) -> RawReply:
        """
        Call an endpoint for which asi1 has no method.

        Same as `AsyncASI1.request`, but blocks.

        Args:
            method: The HTTP method, such as GET or POST.
            path: Appended to the base URL, as in ``/models``; ``?`` is sent as ``%3F``.
            json: The body, to be sent as JSON; None sends no body.
            **options: Fields of `RequestOptions`.

        Returns:
            The reply's bytes, with ``json()`` and ``text``.

        Raises:
            APIResponseError: The reply is too large.
            ASI1Error: As for `Completions.create`.
        """
        engine = self._engine
        reader, plain_request = plain()
        request = plain_request(engine.config, method, path, json=json, options=options)
        return loop_thread().run(lambda: engine.fetch_here(request, reader))

    def batch(
        self,
        input: str  # noqa: A002 - the word that users know
        | PathLike[str]
        | Iterable[str | bytes | Mapping[str, JSON]],
        output: str | PathLike[str],
        *,
        concurrency: int = 8,
        rate_limit: RateLimit | Limiter | None = None,
        budget: Budget | None = None,
        model: str | None = None,
        retry_failed: bool = False,
        progress: Callable[[BatchSummary], object] | object = None,
    ) -> BatchSummary:
        """
        Send all requests of a file, and append the answers to another file.

        Same as `AsyncASI1.batch`, but blocks.

        Args:
            input: The path of the file of requests, or an iterable of lines: str, bytes
                or dicts. All lines are checked before the first request is sent.
            output: The path of the file of answers. The batch appends to it, and
                creates it if it is missing.
            concurrency: Maximum number of calls at once; at least 1.
            rate_limit: The rate limit of the batch, in place of the client's.
            budget: The most that this run may use; `BudgetExceededError` ends the run
                when each further request could exceed it.
            model: The model of all requests, in place of those in the lines.
            retry_failed: Whether requests that failed in an earlier run are sent again.
            progress: Called with a `BatchSummary`, at the start and after each write;
                or a bar of tqdm or rich, or an object with a method ``update(n)``, for
                *n* more requests. If it raises, it is not called again.

        Returns:
            How many requests have answers and failures, and what this run used.

        Raises:
            ArgumentError: An argument or a line of the input is wrong, or the output
                was not written by a batch, or is in use by another. Nothing was sent.
            ASI1Error: An error that every request would get, such as
                `AuthenticationError` and `BudgetExceededError`. Any other error of a
                call is a row of the output.
            OSError: The input cannot be read, or the output not be written, such as on
                a full disk. The output has whole rows only.
        """
        return load_batch()(
            self._engine,
            input,
            output,
            concurrency=concurrency,
            rate_limit=rate_limit,
            budget=budget,
            model=model,
            retry_failed=retry_failed,
            progress=progress,
        )

    def close(self) -> None:
        """
        Cancel all running calls, and close the connections.

        Same as `AsyncASI1.aclose`, but blocks.
        """
        self._lazy.shut()  # needs no event loop: runs in the caller's thread
        if self._lazy.made is not None:
            close_on_loop(self._lazy.aclose)

    def __enter__(self) -> Self:
        self._engine.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()
