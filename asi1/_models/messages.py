"""
What a caller may pass as ``messages``, and the one list it becomes.

Mistakes are found here, before anything is sent, and named by their place.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, cast

from attrs import frozen

from .base_types import JSON, public
from .completion import ChatCompletion, ChatMessage, ToolCall
from .errors import ArgumentError
from .json_text import replace_surrogates_in


__all__ = [
    "AssistantMessage",
    "Content",
    "Message",
    "Messages",
    "SystemMessage",
    "ToolMessage",
    "UserMessage",
    "wire_messages",
]

_ROLES = ("system", "user", "assistant", "tool", "developer", "function")

# A text, or the API's list of parts (text and images).
Content: TypeAlias = str | Sequence[Mapping[str, JSON]]


@public
@frozen
class SystemMessage:
    """
    Sets the model's behaviour.

    Attributes:
        content: The text.
    """

    content: Content

    @property
    def role(self) -> str:
        """Who speaks."""
        return "system"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API takes it."""
        return {"role": self.role, "content": self.content}


@public
@frozen
class UserMessage:
    """
    What the user says.

    Attributes:
        content: The text, or a list of text and image parts as the API takes them.
    """

    content: Content

    @property
    def role(self) -> str:
        """Who speaks."""
        return "user"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API takes it."""
        return {"role": self.role, "content": self.content}


@public
@frozen
class AssistantMessage:
    """
    What the model said in an earlier turn.

    Attributes:
        content: The text; None beside tool calls only.
        tool_calls: As the model made them.
    """

    content: Content | None = None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def role(self) -> str:
        """Who speaks."""
        return "assistant"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API takes it."""
        return _assistant(self)


@public
@frozen
class ToolMessage:
    """
    What a tool gave back.

    Attributes:
        content: The result as text.
        tool_call_id: The ``id`` of the call that it answers.
    """

    content: Content
    tool_call_id: str

    @property
    def role(self) -> str:
        """Who speaks."""
        return "tool"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API takes it."""
        return {
            "role": self.role,
            "tool_call_id": self.tool_call_id,
            "content": self.content,
        }


Message: TypeAlias = (
    SystemMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | ChatMessage
    | ChatCompletion
    | Mapping[str, JSON]
)
Messages: TypeAlias = str | Iterable[Message]


def wire_messages(messages: Messages) -> list[dict[str, JSON]]:
    """
    Return *messages* as the API takes them, oldest first; at least one.

    Args:
        messages: A text, which becomes one user message; or dicts, our own message
            objects and answers of earlier calls, in any mixture.

    Raises:
        ArgumentError: It is empty, nested, or holds something that is no message; the
            error's ``argument`` names the place.
    """
    if isinstance(messages, str):
        messages = [UserMessage(messages)]
    if isinstance(messages, Mapping | ChatMessage) or not isinstance(
        messages, Iterable
    ):
        raise _wrong("messages", "must be a text or a list of messages", messages)
    listed = [_wire(place, message) for place, message in enumerate(messages)]
    if not listed:
        raise ArgumentError(
            "messages: is empty; at least one message is needed", argument="messages"
        )
    return listed


def _wire(place: int, message: object) -> dict[str, JSON]:
    name = f"messages[{place}]"
    match message:
        case SystemMessage() | UserMessage() | AssistantMessage() | ToolMessage():
            wire = message.to_dict()
        case ChatCompletion():
            wire = _said(message.message)
        case ChatMessage():
            wire = _said(message)
        case Mapping() if "choices" in message:
            raise _wrong(name, "is a whole answer: take its message", message)
        case Mapping():
            # A null is what a server sends; none is sent back.
            wire = {k: v for k, v in message.items() if v is not None or k == "content"}
        case list() | tuple():
            raise _wrong(
                name, "is itself a list: the messages are nested one too deep", message
            )
        case _:
            raise _wrong(name, "is no message", message)
    _check(name, wire)
    return wire


def _said(message: ChatMessage) -> dict[str, JSON]:
    """Return an answer as the API takes it back, whatever its server wrote in it."""
    wire = cast("dict[str, JSON]", replace_surrogates_in(_assistant(message)))
    if wire["role"] not in _ROLES:
        wire["role"] = "assistant"
    return wire


def _assistant(message: AssistantMessage | ChatMessage) -> dict[str, JSON]:
    # Only what the API takes back: the server's other fields may be refused.
    wire: dict[str, JSON] = {
        "role": message.role,
        "content": message.content,
    }
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": call.type,
                "function": {
                    "name": call.function.name,
                    "arguments": call.function.arguments,
                },
            }
            for call in message.tool_calls
        ]
    return wire


def _check(name: str, wire: Mapping[str, JSON]) -> None:
    role = wire.get("role")
    if role not in _ROLES:
        raise ArgumentError(
            f"{name}.role: must be one of {', '.join(_ROLES)}, not {role!r}",
            argument=f"{name}.role",
        )
    content = wire.get("content")
    if isinstance(content, list | tuple) and all(
        isinstance(part, Mapping) for part in content
    ):
        return
    if content is None and role == "assistant":
        return
    if not isinstance(content, str):
        raise _wrong(
            f"{name}.content", "must be a text or a list of parts (dicts)", content
        )


def _wrong(argument: str, what: str, value: object) -> ArgumentError:
    # The type alone: a prompt is nobody's business in a log.
    return ArgumentError(
        f"{argument}: {what} (it is {type(value).__name__})", argument=argument
    )
