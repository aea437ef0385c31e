"""
Assembles the chunks of a stream into an answer, and tells when the answer is complete.

Text is stored in fragments and joined when the answer is read, so that adding a chunk
to a long stream takes no longer than adding one to a short stream.
"""

from operator import attrgetter

from attrs import define, field

from .._models.base_types import JSON
from .._models.chunks import (
    ChatCompletionChunk,
    ChunkChoice,
    PendingFields,
    ToolCallDelta,
)
from .._models.completion import ChatChoice, ChatCompletion, ChatMessage, Usage
from .answer_parts import Parts, Text, ToolCalls
from .members import Members, is_sign_of_life, newer_usage


__all__ = ["Assembler"]


@define(eq=False)
class _Choice:
    """A choice, assembled from the chunks received so far."""

    index: int
    role: str = "assistant"
    content: Text = field(factory=Text)
    reasoning: Text = field(factory=Text)
    refusal: Text = field(factory=Text)
    calls: ToolCalls = field(factory=ToolCalls)
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    extra: Members = field(factory=Members)
    message_extra: Members = field(factory=lambda: Members(deep=True))

    def add(self, choice: ChunkChoice) -> bool:
        """Add a chunk's part of the choice; return whether the part is not empty."""
        delta = choice.delta
        ended = (self.finish_reason, self.stop_reason)
        self.role = delta.role or self.role
        self.content.add(delta.content)
        self.reasoning.add(delta.reasoning)
        self.refusal.add(delta.refusal or "")
        if delta.tool_calls:
            self.calls.add(delta.tool_calls)
        # Some servers send the finish reason twice, so the first is used; some send ""
        # until the choice has ended, so "" is ignored.
        self.finish_reason = self.finish_reason or choice.finish_reason or None
        self.stop_reason = (
            choice.stop_reason if self.stop_reason is None else self.stop_reason
        )
        return any(
            (
                self.extra.add(choice.extra),
                self.message_extra.add(delta.extra),
                delta.content,
                delta.reasoning,
                delta.refusal,
                any(map(_is_filled, delta.tool_calls)),
                ended != (self.finish_reason, self.stop_reason),
            )
        )

    def build(self) -> ChatChoice:
        message = ChatMessage(
            role=self.role,
            content=self.content.join(),
            reasoning=self.reasoning.join(),
            tool_calls=self.calls.build(),
            refusal=self.refusal.join() or None,
            extra=self.message_extra.to_json(),
        )
        return ChatChoice(
            index=self.index,
            message=message,
            finish_reason=self.finish_reason,
            stop_reason=self.stop_reason,
            extra=self.extra.to_json(),
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
    _chat_choices: Parts[ChatChoice] = field(factory=Parts, init=False)
    # The numbers of the choices without finish reason.
    _unfinished: set[int] = field(factory=set, init=False)
    _thoughts: Text = field(factory=Text, init=False)
    _first: ChatCompletionChunk | None = field(default=None, init=False)
    # Choice 0; None before the first chunk of this choice, and if the choice's role is
    # not "assistant".
    _assistant: _Choice | None = field(default=None, init=False)
    # The `_pending` object of the last chunk, if the fast path read that chunk. Its
    # fields were already added to the answer, so a chunk with the same object only adds
    # its text.
    _last_pending: PendingFields | None = field(default=None, init=False)
    _usage: Usage | None = field(default=None, init=False)
    _executable_data: JSON = field(default=None, init=False)
    _conversation_id: str | None = field(default=None, init=False)
    _created: int | None = field(default=None, init=False)
    _extra: Members = field(factory=Members, init=False)
    chunks: int = field(default=0, init=False)
    finished: bool = field(default=False, init=False)

    def add(self, chunk: ChatCompletionChunk) -> bool:
        """
        Add the next chunk; return whether it carries a part of the answer.

        Text, a thought, a tool call, a finish reason, token counts, or a changed
        unknown member is a part. An id, a role or a repeated member is not a part:
        servers also send them only to show that they are alive.
        """
        self.chunks += 1
        pending = chunk._pending  # noqa: SLF001 - of the fast path
        if pending is None or self._assistant is None:
            return self._add_any(chunk)
        # This chunk only adds text to choice 0: `_add_any` would do the same, but
        # slower.
        text = chunk._text  # noqa: SLF001
        if text:
            self._assistant.content.pieces.append(text)
        if chunk.thought:
            self._thoughts.pieces.append(chunk.thought)
        if pending is self._last_pending:
            return bool(text or chunk.thought)
        self._last_pending = pending
        self._created = self._created or pending.created
        self._extra.add(pending.extra)
        more = self._assistant.extra.add(pending.choice_extra)
        return bool(text or chunk.thought or more)

    def _add_any(self, chunk: ChatCompletionChunk) -> bool:
        self._last_pending = None
        self._first = self._first or chunk
        carries = bool(chunk.thought)
        for choice in chunk.choices:
            carries |= self._add_choice(choice)
        self._thoughts.add(chunk.thought)
        before = _counts(self._usage), self._executable_data
        self._usage = newer_usage(self._usage, chunk.usage)
        self._executable_data = chunk.executable_data or self._executable_data
        carries |= before != (_counts(self._usage), self._executable_data)
        self._conversation_id = chunk.conversation_id or self._conversation_id
        self._created = self._created or chunk.created
        # A top-level number or string of a chunk may differ in each sign of life.
        changed = self._extra.add(chunk.extra)
        carries |= not is_sign_of_life(chunk.extra) and any(
            isinstance(chunk.extra[name], dict | list) for name in changed
        )
        first = self._choices.get(0)
        self._assistant = first if first and first.role == "assistant" else None
        self.finished = len(self._choices) >= self.expected and not self._unfinished
        return carries

    def _add_choice(self, choice: ChunkChoice) -> bool:
        index = choice.index
        if index not in self._choices:
            self._choices[index] = _Choice(index)
        whole = self._choices[index]
        carries = whole.add(choice)
        self._chat_choices.changed(whole.build)
        if whole.finish_reason is None:
            self._unfinished.add(index)
        else:
            self._unfinished.discard(index)
        return carries

    @property
    def empty(self) -> bool:
        """Whether the answer so far has no choices."""
        return not self._choices

    @property
    def cut_by_length(self) -> bool:
        """Whether choice 0 has ended because it reached its maximum length."""
        first = self._choices.get(0)
        return first is not None and first.finish_reason == "length"

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
            extra=self._extra.to_json(),
        )


def _counts(usage: Usage | None) -> tuple[int, ...]:
    if usage is None:
        return (0, 0, 0)
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


def _is_filled(part: ToolCallDelta) -> bool:
    function = part.function
    return any((part.id, part.extra, function.name, function.arguments, function.extra))
