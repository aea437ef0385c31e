"""
The whole answer, as frozen attrs classes.

Every field has a default, since no field is in every reply that was ever seen. What a
class has no field for is kept in ``extra``. No ``from __future__ import annotations``
here: the decoder reads these annotations at run time.
"""

from attrs import field, frozen

from .base import Model
from .base_types import JSON, public
from .response import ResponseInfo


__all__ = [
    "ChatChoice",
    "ChatCompletion",
    "ChatMessage",
    "FunctionCall",
    "ToolCall",
    "Usage",
]


@public
@frozen(kw_only=True)
class FunctionCall(Model):
    """
    The function that the model wants called.

    Attributes:
        name: The function's name; may be empty in a part of a stream.
        arguments: JSON text as the model wrote it, which may be no valid JSON; a part
            of it in a stream.
    """

    name: str = ""
    arguments: str = ""


@public
@frozen(kw_only=True)
class ToolCall(Model):
    """
    One call of a tool that the model asks for.

    Attributes:
        id: To be repeated in the tool message that answers it.
        type: "function" in all that was seen.
        function: What to call.
    """

    id: str = ""
    type: str = "function"
    function: FunctionCall = field(factory=FunctionCall)


@public
@frozen(kw_only=True)
class ChatMessage(Model):
    """
    The model's message. It may be put into ``messages`` of the next call as it is.

    Attributes:
        role: "assistant" in all but a few replies.
        content: The text, "" where the server sent null.
        reasoning: The model's thoughts where the server puts them beside the content.
        tool_calls: In the order of the reply.
        refusal: Why the model would not answer, if it says so.
    """

    role: str = "assistant"
    content: str = ""
    reasoning: str = field(default="", metadata={"wire": "reasoning_content"})
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None


@public
@frozen(kw_only=True)
class ChatChoice(Model):
    """
    One candidate answer.

    Attributes:
        index: 0 where the server is silent.
        message: The answer.
        finish_reason: "stop", "length", "tool_calls", or any other word of the server.
        stop_reason: What stopped the model, beside finish_reason.
    """

    index: int = 0
    message: ChatMessage = field(factory=ChatMessage)
    finish_reason: str | None = None
    stop_reason: str | int | None = None


@public
@frozen(kw_only=True)
class Usage(Model):
    """
    What the call cost, in tokens. Prompt tokens count the server's hidden prompt too.

    Attributes:
        reasoning_tokens: Those of the completion that were thoughts, if told.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int | None = None


@public
@frozen(kw_only=True)
class ChatCompletion(Model):
    """
    The whole answer to one chat call, streamed or not.

    Attributes:
        id: The server's name for the answer.
        model: The model that answered.
        object: "chat.completion"; servers may leave it out.
        created: Unix time in seconds, or in milliseconds from older servers.
        choices: In the order of the reply; at least one.
        usage: None if the server did not tell.
        thoughts: The model's thoughts as one text; "" if it showed none. Thoughts that
            came as a list are joined by line ends.
        executable_data: A list or an object, as the server sent it.
        conversation_id: As sent.
        response: How the reply came: status, headers, attempts, times.

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
    response: ResponseInfo = field(factory=ResponseInfo, eq=False, repr=False)

    @property
    def message(self) -> ChatMessage:
        """The message of choice 0, an empty one if there is none."""
        choice = next((c for c in self.choices if c.index == 0), None)
        return choice.message if choice else ChatMessage()

    @property
    def text(self) -> str:
        """The text of choice 0, "" if there is none."""
        return self.message.content

    @property
    def finish_reason(self) -> str | None:
        """Why choice 0 ended, None if the server did not say."""
        return next((c.finish_reason for c in self.choices if c.index == 0), None)

    def _repr_markdown_(self) -> str:
        """Return choice 0 as a notebook shows it, the thoughts folded away."""
        from .markdown import markdown  # noqa: PLC0415 - hardly anybody asks

        functions = [call.function for call in self.message.tool_calls]
        return markdown(
            self.text,
            thoughts=self.thoughts,
            refusal=self.message.refusal,
            calls=[(function.name, function.arguments) for function in functions],
            finish_reason=self.finish_reason,
        )
