"""
The options of a call, as TypedDicts that the async and blocking client share.

`option_checks` checks their values. `lists` shows them in the signatures of methods.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Literal, TypedDict, TypeVar

from .._models.base_types import DEFAULT, JSON, Tag, public
from .timeouts import Timeout


__all__ = [
    "BODY_OPTIONS",
    "CALL_OPTIONS",
    "OPENAI_OPTIONS",
    "ChatOptions",
    "ParseOptions",
    "RequestOptions",
    "ToolOptions",
    "as_written",
    "lists",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class RequestOptions(TypedDict, total=False):
    """
    Options of one call that change how the request is sent, not the model's task.

    Attributes:
        timeout: Total timeout in seconds, in place of all others; a `Timeouts`; an
            ``httpx.Timeout``; or None for no timeout of any kind. The time starts anew
            for each answer of ``run_tools``, and of ``parse`` with *repair*.
        max_retries: Maximum number of retries; 0 for a single attempt.
        idempotency_key: Sent as ``Idempotency-Key``, the same in every attempt; "auto"
            makes a random key for each call. Must be "auto" in ``run_tools``, and in
            ``parse`` with *repair*, since each answer needs its own key.
        session_id: Sent as ``x-session-id``; agentic models keep state under this id.
        extra_headers: Headers to add to the request; they override the client's.
        extra_query: Query parameters to add to the URL.
        extra_body: Fields to add to the body's top level; they override options.
        cache: False for a call that neither reads nor fills the client's cache.
        tags: Facts that hooks get with this call, in addition to the client's tags,
            such as ``{"job": "nightly"}``; never sent to the server.
    """

    timeout: Timeout
    max_retries: int | None
    idempotency_key: str | None
    session_id: str | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, str | int | float | bool] | None
    extra_body: Mapping[str, JSON] | None
    cache: bool | None
    tags: Mapping[str, Tag] | None


class ToolOptions(RequestOptions, total=False):
    """
    Options of each call of ``run_tools``. Only given options are sent; None means not
    given. ``n`` and ``response_format``, which type checkers refuse here, are sent too
    if they are given.

    Attributes:
        temperature: Randomness of the answer, from 0 (least random) to 2.
        max_tokens: Maximum length of the answer in tokens; 0 for no maximum.
        max_completion_tokens: OpenAI's newer name of *max_tokens*; sent as
            ``max_tokens``.
        top_p: Share of probability mass to sample from, 0 to 1.
        frequency_penalty: The API's ``frequency_penalty``, from -2 to 2.
        presence_penalty: The API's ``presence_penalty``, from -2 to 2.
        stop: One str or several; the answer ends where one of them occurs.
        seed: An int for repeatable sampling, if the model supports it.
        tool_choice: "auto", "none", "required", or one function. In ``run_tools``, for
            the first answer only; later ones use "auto".
        parallel_tool_calls: False for one tool call at a time.
        web_search: Let the model search the web.
        agents: Addresses (``agent1...``) to route the request to.
        planner_mode: Let the server plan over *agents*.
        agent_address: Address of the agent that makes the call.
        enable_thinking: Turn the model's thoughts on or off; they count against
            *max_tokens*.
        thinking_budget: Maximum length of the thoughts in tokens.
        study_mode: The API's ``study_mode``; older models only.
        fun_mode: The API's ``fun_mode``; older models only.
        user: Your own identifier of the end user.
        stream_options: Accepted for programs written for OpenAI's client, and never
            sent: the usage comes with every stream.

    The server's list of options changes. It refuses an option that it does not know
    with status 400.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    temperature: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    tool_choice: Literal["auto", "none", "required"] | Mapping[str, JSON] | None
    parallel_tool_calls: bool | None
    web_search: bool | None
    agents: Sequence[str] | None
    planner_mode: bool | None
    agent_address: str | None
    enable_thinking: bool | None
    thinking_budget: int | None
    study_mode: bool | None
    fun_mode: bool | None
    user: str | None
    stream_options: Mapping[str, JSON] | None


class ParseOptions(ToolOptions, total=False):
    """
    Options of a chat call except ``response_format``: the calls that parse the answer
    take it as a separate argument. Only given options are sent; None means not given.

    Attributes:
        n: Number of choices in the answer, at least 1.
        tools: Function descriptions, as the API takes them.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    n: int | None
    tools: Sequence[Mapping[str, JSON]] | None


class ChatOptions(ParseOptions, total=False):
    """
    Options of one chat call. Only given options are sent; None means not given.

    Attributes:
        response_format: A JSON-schema or JSON-object format, as the API takes it.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    response_format: Mapping[str, JSON] | None


public(ToolOptions)
public(RequestOptions)
public(ParseOptions)
public(ChatOptions)

CALL_OPTIONS = frozenset(RequestOptions.__annotations__)
# Options of OpenAI's client that are not sent under their own names.
OPENAI_OPTIONS = frozenset({"max_completion_tokens", "stream_options"})
BODY_OPTIONS = frozenset(ChatOptions.__annotations__) - CALL_OPTIONS - OPENAI_OPTIONS


def lists(options: type) -> Callable[[_F], _F]:
    """
    Return a decorator that names each of *options* in a method's signature.

    Type checkers read the same names from ``**options: Unpack[...]``.
    """

    def decorate(method: _F) -> _F:
        signature = _Listed.__new__(_Listed)
        signature.source = method, options
        method.__signature__ = signature  # type: ignore[attr-defined]
        return method

    return decorate


class _Listed(inspect.Signature):
    """A signature that is made when it is first read, and not when asi1 is imported."""

    source: tuple[Callable[..., Any], type]

    def __getattr__(self, name: str) -> Any:
        # `inspect.Signature` stores everything in slots, which are empty until this
        # method fills them at the first read.
        if name not in inspect.Signature.__slots__:
            raise AttributeError(name)
        method, options = self.source
        plain = inspect.signature(as_written(method))
        others = [*plain.parameters.values()][:-1]
        listed = [_parameter(*item) for item in options.__annotations__.items()]
        returns = plain.return_annotation
        self.__init__([*others, *listed], return_annotation=returns)  # type: ignore[misc]
        return getattr(self, name)


def as_written(method: Any) -> FunctionType:
    """Return a copy of *method* with the signature written in its source."""
    copy = FunctionType(method.__code__, method.__globals__, method.__name__)
    copy.__kwdefaults__ = method.__kwdefaults__
    copy.__defaults__ = method.__defaults__
    copy.__annotations__ = method.__annotations__
    return copy


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    # None means "not given", except for the timeout.
    default = DEFAULT if name == "timeout" else None
    annotation = getattr(kind, "__forward_arg__", kind)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
