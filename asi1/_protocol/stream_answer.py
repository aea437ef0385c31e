"""
Assembles the chunks of a stream into an answer, and tells when the answer is complete.

Text is stored in fragments and joined when the answer is read, so that adding a chunk
to a long stream takes no longer than adding one to a short stream.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

from attrs import define, field

from .._models.base_types import JSON
from .._models.chunks import (
    ChatCompletionChunk,
    ChunkChoice,
    PendingFields,
    ToolCallDelta,
)
from .._models.completion import (
    ChatChoice,
    ChatCompletion,
    ChatMessage,
    FunctionCall,
    ToolCall,
    Usage,
)


__all__ = ["Assembler"]

_M = TypeVar("_M")

# Maximum number of parts that are built anew when the answer is read.
_MOST_STALE = 500


@define
class _Parts(Generic[_M]):
    """Models built of growing parts, in their order; few are out of date."""

    _models: dict[Callable[[], _M], _M | None] = field(factory=dict, init=False)
    _stale: dict[Callable[[], _M], None] = field(factory=dict, init=False)

    def changed(self, build: Callable[[], _M]) -> None:
        """Record that a part is new or has changed; its method *build* builds it."""
        self._models[build] = None
        self._stale[build] = None
        if len(self._stale) > _MOST_STALE:
            self._build(next(iter(self._stale)))

    def _build(self, build: Callable[[], _M]) -> None:
        del self._stale[build]
        self._models[build] = build()

    def build(self) -> tuple[_M, ...]:
        """Return the models of all parts."""
        for build in list(self._stale):
            self._build(build)
        return tuple(cast("dict[Any, _M]", self._models).values())


@define
class _Text:
    """A growing str, stored as a list of fragments until it is read."""

    pieces: list[str] = field(factory=list)

    def add(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)

    def join(self) -> str:
        if len(self.pieces) > 1:
            text, *more = self.pieces
            self.pieces.clear()
            text += "".join(more)  # in place, if no earlier answer holds the text
            self.pieces.append(text)
        return self.pieces[0] if self.pieces else ""


@define(eq=False)
class _Call:
    """A tool call, assembled from the parts received so far; *place* is its number."""

    index: int | None
    place: int
    id: str = ""
    type: str = "function"
    name: _Text = field(factory=_Text)
    arguments: _Text = field(factory=_Text)
    extra: dict[str, JSON] = field(factory=dict)
    function_extra: dict[str, JSON] = field(factory=dict)

    def add(self, delta: ToolCallDelta) -> None:
        self.id = self.id or delta.id
        self.type = delta.type or self.type
        # Some servers repeat a tool call's id and name in every part of the call, so a
        # repeated name is not appended again.
        repeated = delta.id and delta.function.name == self.name.join()
        self.name.add("" if repeated else delta.function.name)
        self.arguments.add(delta.function.arguments)
        self.extra.update(delta.extra)
        self.function_extra.update(delta.function.extra)

    def build(self) -> ToolCall:
        function = FunctionCall(
            name=self.name.join(),
            arguments=self.arguments.join(),
            extra=dict(self.function_extra),
        )
        return ToolCall(
            id=self.id, type=self.type, function=function, extra=dict(self.extra)
        )


@define(eq=False)
class _Choice:
    """A choice, assembled from the chunks received so far."""

    index: int
    role: str = "assistant"
    content: _Text = field(factory=_Text)
    reasoning: _Text = field(factory=_Text)
    refusal: _Text = field(factory=_Text)
    calls: list[_Call] = field(factory=list)
    tool_calls: _Parts[ToolCall] = field(factory=_Parts)
    # The newest tool call with an index, with an id, and with both.
    _known: dict[tuple[JSON, ...], _Call] = field(factory=dict, init=False)
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    extra: dict[str, JSON] = field(factory=dict)
    message_extra: dict[str, JSON] = field(factory=dict)

    def add(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        self.role = delta.role or self.role
        self.content.add(delta.content)
        self.reasoning.add(delta.reasoning)
        self.refusal.add(delta.refusal or "")
        for part in delta.tool_calls:
            call = self._call_for(part)
            call.add(part)
            for key in (("id", call.id), ("both", call.index, call.id)):
                if call.place >= self._known.setdefault(key, call).place:
                    self._known[key] = call
            self.tool_calls.changed(call.build)
        # Some servers send the finish reason twice, so the first is used; some send ""
        # until the choice has ended, so "" is ignored.
        self.finish_reason = self.finish_reason or choice.finish_reason or None
        self.stop_reason = (
            choice.stop_reason if self.stop_reason is None else self.stop_reason
        )
        self.extra.update(choice.extra)
        self.message_extra.update(delta.extra)

    def _call_for(self, part: ToolCallDelta) -> _Call:
        """
        Return the newest tool call to which *part* can belong; a new one if none can.

        A part without index and id belongs to the last tool call.
        """
        call = max(self._matches(part), key=lambda call: call.place, default=None)
        if call is None:
            call = _Call(part.index, len(self.calls))
            self.calls.append(call)
            self._known["index", call.index] = call
        return call

    def _matches(self, part: ToolCallDelta) -> list[_Call]:
        # Dicts, not a search through all calls: a stream may have very many of them.
        index, own = part.index, part.id
        if index is None:
            found = [self._known.get(("id", own))] if own else self.calls[-1:]
        elif own:
            found = [self._known.get(("both", i, own)) for i in (index, None)]
            # A call without id gets the id of its next part.
            unnamed = self._known.get(("both", index, ""))
            found.append(unnamed if unnamed and not unnamed.id else None)
        else:
            found = [self._known.get(("index", i)) for i in (index, None)]
        return [call for call in found if call is not None]

    def build(self) -> ChatChoice:
        message = ChatMessage(
            role=self.role,
            content=self.content.join(),
            reasoning=self.reasoning.join(),
            tool_calls=self.tool_calls.build(),
            refusal=self.refusal.join() or None,
            extra=dict(self.message_extra),
        )
        return ChatChoice(
            index=self.index,
            message=message,
            finish_reason=self.finish_reason,
            stop_reason=self.stop_reason,
            extra=dict(self.extra),
        )


@define
class Assembler:
    """
    Assembles the answer from one stream's chunks, which are added in their order.

    Attributes:
        expected: The number of choices that the caller asked for.
        chunks: The number of chunks added so far.
        finished: Whether each of the expected choices has a finish reason.
    """

    expected: int = 1
    _choices: dict[int, _Choice] = field(factory=dict, init=False)
    _chat_choices: _Parts[ChatChoice] = field(factory=_Parts, init=False)
    # The numbers of the choices without finish reason.
    _unfinished: set[int] = field(factory=set, init=False)
    _thoughts: _Text = field(factory=_Text, init=False)
    _first: ChatCompletionChunk | None = field(default=None, init=False)
    # Choice 0; None before the first chunk of this choice, and if the choice's role is
    # not "assistant".
    _assistant: _Choice | None = field(default=None, init=False)
    # The pending fields of the last chunk, if the fast path read that chunk. They were
    # already added to the answer, so a chunk that shares this object only adds its
    # text.
    _last_pending: PendingFields | None = field(default=None, init=False)
    _usage: Usage | None = field(default=None, init=False)
    _executable_data: JSON = field(default=None, init=False)
    _conversation_id: str | None = field(default=None, init=False)
    _created: int | None = field(default=None, init=False)
    _extra: dict[str, JSON] = field(factory=dict, init=False)
    chunks: int = field(default=0, init=False)
    finished: bool = field(default=False, init=False)

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Add the next chunk to the answer."""
        self.chunks += 1
        pending = chunk._pending  # noqa: SLF001 - of the fast path
        if pending is None or self._assistant is None:
            self._add_any(chunk)
            return
        # This chunk only adds text to choice 0: `_add_any` would do the same, but
        # slower.
        text = chunk._text  # noqa: SLF001
        if text:
            self._assistant.content.pieces.append(text)
        if chunk.thought:
            self._thoughts.pieces.append(chunk.thought)
        if pending is self._last_pending:
            return
        self._last_pending = pending
        self._created = self._created or pending.created
        self._extra.update(pending.extra)
        self._assistant.extra.update(pending.choice_extra)

    def _add_any(self, chunk: ChatCompletionChunk) -> None:
        self._last_pending = None
        self._first = self._first or chunk
        for choice in chunk.choices:
            self._add_choice(choice)
        self._thoughts.add(chunk.thought)
        self._usage = chunk.usage or self._usage
        self._executable_data = chunk.executable_data or self._executable_data
        self._conversation_id = chunk.conversation_id or self._conversation_id
        self._created = self._created or chunk.created
        self._extra.update(chunk.extra)
        first = self._choices.get(0)
        self._assistant = first if first and first.role == "assistant" else None
        self.finished = len(self._choices) >= self.expected and not self._unfinished

    def _add_choice(self, choice: ChunkChoice) -> None:
        index = choice.index
        if index not in self._choices:
            self._choices[index] = _Choice(index)
        whole = self._choices[index]
        whole.add(choice)
        self._chat_choices.changed(whole.build)
        if whole.finish_reason is None:
            self._unfinished.add(index)
        else:
            self._unfinished.discard(index)

    def answer(self) -> ChatCompletion:
        """Return the answer so far; later chunks do not change the returned object."""
        first = self._first or ChatCompletionChunk()
        if self._assistant is not None:  # `add` does not record each change of its text
            self._chat_choices.changed(self._assistant.build)
        choices = sorted(self._chat_choices.build(), key=attrgetter("index"))
        return ChatCompletion(
            id=first.id,
            model=first.model,
            created=self._created,
            choices=tuple(choices),
            usage=self._usage,
            thoughts=self._thoughts.join(),
            executable_data=self._executable_data,
            conversation_id=self._conversation_id,
            extra=dict(self._extra),
        )
