"""
The types of the ``messages`` argument of a call, and its conversion for the API.

Invalid messages raise an error before anything is sent; the error names the message.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from attrs import field, frozen

from .._fork_lock import run_apart_once
from .base import Model
from .base_types import JSON, Dumpable, dump_of, is_series, public
from .completion import ChatCompletion, ChatMessage, ToolCall
from .errors import ArgumentError
from .json_text import replace_surrogates_in


if TYPE_CHECKING:
    from .image_data import Image, Parts


__all__ = [
    "AssistantMessage",
    "Content",
    "Message",
    "Messages",
    "SystemMessage",
    "ToolMessage",
    "UserMessage",
    "sendable",
    "wire_messages",
]

# An assistant message with one of these keys needs no content.
_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "audio")
_ROLES = ("system", "user", "assistant", "tool", "developer", "function")

# The content of a message: a str, or the API's list of text and image parts.
Content: TypeAlias = str | Sequence[Mapping[str, JSON]]


@public
@frozen
class SystemMessage:
    """
    Instructs the model how to behave.

    Attributes:
        content: The text.
    """

    content: Content

    @property
    def role(self) -> str:
        """The message's role in the API."""
        return "system"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API expects it."""
        return {"role": self.role, "content": self.content}


def _urls(images: "Iterable[Image]") -> tuple[str, ...]:
    return () if images == () else _image_data()[0](images)


@public
@frozen
class UserMessage:
    """
    A message of the user.

    Attributes:
        content: The text, or a list of text and image parts as the API expects them.
        images: Images below the text. Pass each as a path, as bytes or as a URL; the
            field has their URLs. Files are read when the message is created.

    Raises:
        ArgumentError: An image cannot be read, is larger than 20 MiB, or is not a PNG,
            JPEG, GIF or WebP image.
    """

    content: Content
    images: tuple[str, ...] = field(
        default=(), converter=_urls, kw_only=True, repr=False
    )

    @property
    def role(self) -> str:
        """The message's role in the API."""
        return "user"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API expects it."""
        content = self.content
        if self.images:
            content = _image_data()[1](content, self.images)
        return {"role": self.role, "content": content}


@public
@frozen
class AssistantMessage:
    """
    The model's message in an earlier turn.

    Attributes:
        content: The text; may be None if there are tool calls.
        tool_calls: The tool calls that the model asked for.
    """

    content: Content | None = None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def role(self) -> str:
        """The message's role in the API."""
        return "assistant"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API expects it."""
        return _wire_reply()(self)


@public
@frozen
class ToolMessage:
    """
    The result of a tool call.

    Attributes:
        content: The result as text.
        tool_call_id: The ``id`` of the tool call.
    """

    content: Content
    tool_call_id: str

    @property
    def role(self) -> str:
        """The message's role in the API."""
        return "tool"

    def to_dict(self) -> dict[str, JSON]:
        """Return the message as the API expects it."""
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
    | Dumpable
)
Messages: TypeAlias = str | Iterable[Message]


def wire_messages(messages: Messages) -> list[dict[str, JSON]]:
    """
    Return *messages* as a list of at least one dict for the API, oldest first.

    Args:
        messages: A str, which becomes one user message; or any mix of dicts, asi1's
            message objects, models of pydantic, and answers of earlier calls.

    Raises:
        ArgumentError: *messages* is empty, is nested, or contains something that is not
            a message; the error's ``argument`` names it, such as ``messages[2]``.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if type(messages) is not list and not is_series(messages):
        what = "must be a str or a list of messages; pass one message as [message]"
        raise _invalid("messages", what, messages)
    listed = [_message_to_wire(*placed) for placed in enumerate(messages)]
    if not listed:
        what = "messages: is empty; at least one message is needed"
        raise ArgumentError(what, argument="messages")
    return listed


def sendable(messages: Sequence[Mapping[str, JSON]]) -> list[Mapping[str, JSON]]:
    """
    Return *messages*, from `wire_messages`, without empty messages of the model.

    The model may answer with thoughts alone, or reach its token limit before its text.
    Strict servers refuse such a message, and the model would imitate a placeholder.

    Raises:
        ArgumentError: All messages are empty messages of the model.
    """
    filled = [sent for sent in map(_sent, messages) if sent is not None]
    if messages and not filled:
        what = "messages: contains only empty messages of the model"
        raise ArgumentError(what, argument="messages")
    return filled


def _sent(message: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """Return *message* if it has content, else its refusal as a message, else None."""
    text = message.get("content")
    # Each turn checks its whole history, so a str, the usual content, is checked first.
    if (type(text) is str and text and not text.isspace()) or _is_filled(message):
        return message
    refusal = message.get("refusal")
    if not isinstance(refusal, str) or not refusal.strip():
        return None
    return {**{k: v for k, v in message.items() if k != "refusal"}, "content": refusal}


def _is_filled(message: Mapping[str, JSON]) -> bool:
    if message.get("role") != "assistant":
        return True
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else ({"text": content},)
    return any(message.get(name) for name in _INSTEAD_OF_CONTENT) or any(
        part.get("type", "text") != "text" or str(part.get("text") or "").strip()
        for part in parts
    )


def _message_to_wire(place: int, message: object) -> dict[str, JSON]:
    match message:
        case dict():  # comes first, since most messages are dicts
            wire = _without_nulls(place, message)
        case SystemMessage() | UserMessage() | AssistantMessage() | ToolMessage():
            wire = message.to_dict()
        case ChatCompletion(message=reply) | (ChatMessage() as reply):
            wire = cast("dict[str, JSON]", replace_surrogates_in(_wire_reply()(reply)))
            wire["role"] = reply.role if reply.role in _ROLES else "assistant"
        case Mapping():
            wire = _without_nulls(place, message)
        case list() | tuple():
            what = "is itself a list: the messages are nested one too deep"
            raise _invalid(f"messages[{place}]", what, message)
        case _ if isinstance(dump := dump_of(message, Model), Mapping):
            return _message_to_wire(place, dump)
        case _:
            raise _invalid(f"messages[{place}]", "is not a message", message)
    _check(place, wire)
    return wire


def _without_nulls(place: int, message: Mapping[str, JSON]) -> dict[str, JSON]:
    if "choices" in message:
        what = "is a complete answer: take its message"
        raise _invalid(f"messages[{place}]", what, message)
    # Servers send null for missing values, but may refuse a null in a request.
    wire = {k: v for k, v in message.items() if v is not None or k == "content"}
    if not wire.get("tool_calls", True):  # strict servers refuse an empty list
        del wire["tool_calls"]
    return wire


def _check(place: int, wire: Mapping[str, JSON]) -> None:
    role = wire.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        name, known = f"messages[{place}].role", f"must be one of {', '.join(_ROLES)}"
        if role is not None and not isinstance(role, str):
            raise _invalid(name, known, role)
        raise ArgumentError(f"{name}: {known}, not {role!r:.80}", argument=name)
    content = wire.get("content")
    if isinstance(content, str) or (content is None and role == "assistant"):
        return
    parts = content if isinstance(content, list | tuple) else [None]
    if not all(isinstance(part, Mapping) for part in parts):
        what = "must be a str or a list of parts (dicts)"
        raise _invalid(f"messages[{place}].content", what, content)


def _invalid(argument: str, what: str, value: object) -> ArgumentError:
    # Errors end up in logs, so an error shows only the value's type, not a prompt.
    return ArgumentError(
        f"{argument}: {what} (it is {type(value).__name__})", argument=argument
    )


@run_apart_once
def _wire_reply() -> "Callable[[AssistantMessage | ChatMessage], dict[str, JSON]]":
    from .sent_back import wire_reply  # noqa: PLC0415 - rarely needed

    return wire_reply


@run_apart_once
def _image_data() -> "tuple[Callable[[Iterable[Image]], tuple[str, ...]], Parts]":
    from .image_data import image_urls, with_images  # noqa: PLC0415 - rarely needed

    return image_urls, with_images
