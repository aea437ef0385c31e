"""
The complete answer, as frozen attrs classes.

Every field has a default, since servers may leave out any field; ``extra`` has the keys
without a field. Annotations are not postponed: cattrs reads them at run time.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from .._fork_lock import run_apart_once
from .base import Model, set_thoughts
from .base_types import JSON, public, use_defaults
from .response import NO_INFO, ResponseInfo, Usage, plausible


if TYPE_CHECKING:
    from decimal import Decimal

    from .planner import AgentUsed


__all__ = [
    "CUT_OFF",
    "ChatChoice",
    "ChatCompletion",
    "ChatMessage",
    "FunctionCall",
    "ToolCall",
    "load_agents_in",
    "message_key",
]


# The finish reasons, in lowercase, of answers that a token limit ended.
CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
# Lowercase phrases that show that an agentic model will send its answer later.
_PASSED_ON = ("i've sent the message", "i have sent the message")


@public
@frozen(kw_only=True, repr=False)
class FunctionCall(Model):
    """
    The function that the model wants to call.

    Attributes:
        name: The function's name; may be empty in a chunk of a stream.
        arguments: The arguments as JSON text; the model writes it, so it may be
            invalid JSON. In a chunk of a stream, a piece of this text.
    """

    name: str = ""
    arguments: str = ""


# Shared by all tool calls without a function, to save memory and garbage collection.
_NO_FUNCTION = FunctionCall()


@public
@frozen(kw_only=True, repr=False)
class ToolCall(Model):
    """
    One tool call that the model asks for.

    Attributes:
        id: The call's id, to be sent back as ``tool_call_id`` of the tool message that
            contains the result.
        type: "function" in every reply seen so far.
        function: The function to call, and its arguments.
    """

    id: str = ""
    type: str = "function"
    function: FunctionCall = field(factory=lambda: _NO_FUNCTION)


@public
@frozen(kw_only=True, repr=False)
class ChatMessage(Model):
    """
    The model's message. It can be passed in ``messages`` of the next call.

    Attributes:
        role: "assistant" in nearly all replies.
        content: The text; "" if the server sent null.
        reasoning: The model's thoughts, if the server sends them in the message: beside
            the content, or as parts of it.
        tool_calls: The tool calls, in the order of the reply.
        refusal: The model's explanation if it refuses to answer.
    """

    role: str = "assistant"
    content: str = ""
    reasoning: str = field(default="", metadata={"wire": "reasoning_content"})
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    # The thoughts that the server sent beside the choices; `ChatCompletion` sets them.
    _thoughts: str = field(default="", init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        plain = (self.content, self.role, self.reasoning, self.extra)
        if type(self.tool_calls) is not tuple or None in plain:
            use_defaults(self)


@public
@frozen(kw_only=True, repr=False)
class ChatChoice(Model):
    """
    One candidate answer.

    Attributes:
        index: The choice's number; 0 if the server does not send one.
        message: The answer.
        finish_reason: "stop", "length", "tool_calls", or another value from the server.
        stop_reason: What stopped the model, if the server sends that in addition to
            ``finish_reason``.
    """

    index: int = 0
    message: ChatMessage = field(factory=ChatMessage)
    finish_reason: str | None = None
    stop_reason: str | int | None = None


@public
@frozen(kw_only=True, repr=False)
class ChatCompletion(Model):
    """
    The complete answer to one chat call, with or without streaming.

    Attributes:
        id: The server's id of the answer.
        model: The model that answered.
        object: "chat.completion", even if the server does not send the field.
        created: Unix time in seconds, or in milliseconds from older servers.
        choices: The candidate answers, in the order of the reply; at least one.
        usage: The tokens used; None if the server did not report them.
        thoughts: The model's thoughts as one str; "" if there are none. A list of
            thoughts is joined by newlines.
        executable_data: A list or an object, as the server sent it.
        conversation_id: As the server sent it.
        response: The response metadata: status, headers, attempts, times.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    id: str = ""
    model: str = ""
    object: str = "chat.completion"
    created: int | None = None
    choices: tuple[ChatChoice, ...] = ()
    usage: Usage | None = None
    thoughts: str = field(default="", metadata={"wire": "thought"})
    executable_data: JSON = None
    conversation_id: str | None = None
    response: ResponseInfo = field(factory=lambda: NO_INFO, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        set_thoughts(self, "message", self.thoughts)

    @property
    def message(self) -> ChatMessage:
        """The message of choice 0; an empty message if choice 0 is missing."""
        for choice in self.choices:
            if choice.index == 0:
                return choice.message
        return ChatMessage()

    @property
    def text(self) -> str:
        """The text of choice 0; "" if it has no text."""
        return self.message.content

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of choice 0; None if the server did not send one."""
        for choice in self.choices:
            if choice.index == 0:
                return choice.finish_reason
        return None

    @property
    def cost(self) -> "Decimal | None":
        """
        What the answer cost, in US dollars, by the usage that the server reported.

        None if the server reported no usage, or the price of the model is not known:
        see `PRICES`, and ``prices=`` of the client. An answer from a cache costs 0.
        """
        response = self.response
        names, cached = (self.model, response.model), response.cached
        return _cost()(plausible(self.usage), response.rates, *names, cached=cached)

    @property
    def exhausted(self) -> bool:
        """
        Whether the thoughts used all tokens of the answer, so that it has no text.

        Thoughts count against ``max_tokens``. True if choice 0 ended by "length", or
        another server's word for it, with neither text, tool calls nor a refusal, and
        the model has spent tokens on thoughts. A larger ``max_tokens``, or a smaller
        ``thinking_budget``, leaves tokens for the text.
        """
        if (self.finish_reason or "").lower() not in CUT_OFF:
            return False
        message = self.message
        if message.content.strip() or message.tool_calls or message.refusal:
            return False
        spent = self.usage.reasoning_tokens if self.usage else None
        return bool(self.thoughts.strip() or message.reasoning.strip() or spent)

    @property
    def deferred(self) -> bool:
        """
        Whether the text only says that the request was passed on to an agent.

        Agents answer such a request later: see `AsyncConversation.wait`.
        """
        text = self.text.replace("\u2019", "'").lower()
        said = any(words in text for words in _PASSED_ON)
        return said and not self.message.tool_calls

    @property
    def agents_used(self) -> "tuple[AgentUsed, ...]":
        """Agents used by the server's planner; empty without the option ``agents``."""
        return load_agents_in()(self.extra)

    def _ipython_display_(self) -> None:
        """
        Show nothing if the running notebook cell shows this answer already.

        IPython calls this for the result of a cell's last line, such as
        ``stream.display()``.

        Raises:
            NotImplementedError: Otherwise; IPython then shows the answer as usual.
        """
        if not _notebook()[1](self):
            raise NotImplementedError

    def _repr_markdown_(self) -> str:
        """Return choice 0 as markdown for a notebook, with the thoughts collapsed."""
        called = [call.function for call in self.message.tool_calls]
        return _notebook()[0](
            self.text,
            thoughts=self.thoughts,
            refusal=self.message.refusal,
            calls=[(each.name, each.arguments) for each in called],
            finish_reason=self.finish_reason,
        )


def message_key(choice: Mapping[str, JSON], key: str) -> str:
    """
    Return the key of the message in a server's *choice*: "message" or "delta".

    *key* is the documented key. Some servers send the message under the other key, and
    leave *key* out or send an empty object under it.
    """
    other = "delta" if key == "message" else "message"
    if other not in choice:
        return key
    own, found = choice.get(key), choice[other]
    if not isinstance(own, dict):
        return other
    empty = (
        isinstance(found, dict)
        and found
        and not any(own[k] for k in own if k != "role")
    )
    return other if empty else key


@run_apart_once
def _notebook() -> tuple[Callable[..., str], Callable[[object], bool]]:
    from .markdown import markdown  # noqa: PLC0415 - rarely needed
    from .notebook import is_shown  # noqa: PLC0415 - rarely needed

    return markdown, is_shown


@run_apart_once
def load_agents_in() -> "Callable[[JSON], tuple[AgentUsed, ...]]":
    """Return the function `agents_in`, which few programs need."""
    from .planner import agents_in  # noqa: PLC0415

    return agents_in


@run_apart_once
def _cost() -> "Callable[..., Decimal | None]":
    from .cost import cost  # noqa: PLC0415 - rarely needed

    return cost
