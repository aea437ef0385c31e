"""
Assembles the chunks of a stream into an answer, and tells when the answer is complete.

Text is stored in fragments and joined when the answer is read, so that adding a chunk
to a long stream takes no longer than adding one to a short stream.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk, ChunkChoice
from .._models.completion import CUT_OFF, ChatChoice, ChatCompletion, ChatMessage
from .._models.response import Usage
from .answer_parts import Parts, ToolCalls
from .members import Members, Text, is_name_of_ping, is_sign_of_life


if TYPE_CHECKING:
    from .._models.pending_fields import PendingFields
    from .whole_message import WholeMessages


__all__ = ["Assembler", "newer_usage"]


# Members of a chunk that only ASI-1's planner sends; such a chunk may have no id.
_PLANNER_MEMBERS = frozenset({"agent_used", "intermediate_steps", "plan_state"})


@run_apart_once
def _whole_messages() -> "type[WholeMessages]":
    from .whole_message import WholeMessages  # noqa: PLC0415 - rarely needed

    return WholeMessages


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

    def add(self, choice: ChunkChoice, *, ping: bool = False) -> bool:
        """
        Add a chunk's part to this choice; return whether it adds to the answer.

        If *ping* is True, the chunk only shows that the server is alive, so its unknown
        members do not count.
        """
        delta = choice.delta
        ended = (self.finish_reason, self.stop_reason)
        self.role = delta.role or self.role
        self.content.add(delta.content)
        self.reasoning.add(delta.reasoning)
        self.refusal.add(delta.refusal or "")
        called = bool(delta.tool_calls) and self.calls.add(delta.tool_calls)
        # Some servers send the finish reason twice, so the first is used, but a later
        # one that reports a token limit replaces it. Some send "" until the choice has
        # ended, so "" is ignored.
        reason = choice.finish_reason
        if reason and (not self.finish_reason or reason.lower() in CUT_OFF):
            self.finish_reason = reason
        self.stop_reason = (
            choice.stop_reason if self.stop_reason is None else self.stop_reason
        )
        more = self.extra.add(choice.extra)
        more |= self.message_extra.add(delta.extra)
        if more:
            more = not (
                ping or is_sign_of_life(choice.extra) or is_sign_of_life(delta.extra)
            )
        return any(
            (
                more,
                called,
                delta.content,
                delta.reasoning,
                delta.refusal,
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
        usage: The tokens used; None if the server has not reported them.
        chunks: The number of chunks added so far.
        finished: Whether each of the expected choices has a finish reason.
    """

    expected: int = 1
    _choices: dict[int, _Choice] = field(factory=dict, init=False)
    _chat_choices: Parts[ChatChoice] = field(factory=Parts, init=False)
    # Indexes of the choices that have no finish reason yet.
    _unfinished: set[int] = field(factory=set, init=False)
    _thoughts: Text = field(factory=Text, init=False)
    # The id and the model of the first chunk; None before it. The chunk itself is not
    # kept: its ``wire`` takes a kilobyte, in each open stream.
    _named: tuple[str, str] | None = field(default=None, init=False)
    # Choice 0, if it has arrived and its role is "assistant"; otherwise None.
    _assistant: _Choice | None = field(default=None, init=False)
    # The `_pending` object of the last chunk, if the fast path read that chunk. Its
    # fields were already added to the answer, so a chunk with the same object only adds
    # its text, or its piece of a tool call.
    _last_pending: "PendingFields | None" = field(default=None, init=False)
    _executable_data: JSON = field(default=None, init=False)
    _conversation_id: str | None = field(default=None, init=False)
    _created: int | None = field(default=None, init=False)
    _extra: Members = field(factory=Members, init=False)
    _whole_messages: "WholeMessages | None" = field(default=None, init=False)
    usage: Usage | None = field(default=None, init=False)
    chunks: int = field(default=0, init=False)
    finished: bool = field(default=False, init=False)

    def add(self, chunk: ChatCompletionChunk, *, ping: bool = False) -> bool:
        """
        Add the next chunk; return whether it carries a part of the answer.

        Text, a thought, a tool call, a finish reason, token counts, or a changed
        unknown member is a part. An id, a role, a time or a repeated part is not:
        servers also send these only to show that they are alive. If *ping* is True, the
        event's name says that it is a ping, and no unknown member is a part. Unknown
        members are no part either if the chunk has nothing else.
        """
        self.chunks += 1
        pending: PendingFields | None = chunk._pending  # noqa: SLF001 - of the fast path
        if pending is None or self._assistant is None:
            return self._add_any(chunk, ping=ping)
        # This chunk only adds text, or a piece of a tool call, to choice 0. `_add_any`
        # would do the same, but more slowly.
        called = False
        text, thought = chunk._text, chunk.thought  # noqa: SLF001
        if text:
            self._assistant.content.pieces.append(text)
        elif piece := chunk._piece:  # noqa: SLF001
            index, arguments = piece
            called = self._assistant.calls.add_piece(index, arguments)
        if thought:
            self._thoughts.pieces.append(thought)
        if pending is not self._last_pending:
            self._last_pending = pending
            self._created = self._created or pending.created
            self._extra.add(pending.extra)
            self._assistant.extra.add(pending.choice_extra)
        return text != "" or thought != "" or called

    def _add_any(self, chunk: ChatCompletionChunk, *, ping: bool) -> bool:
        self._last_pending = None
        self._named = self._named or (chunk.id, chunk.model)
        ping = ping or _is_bare(chunk) or is_name_of_ping(chunk.object)
        ping = ping or is_sign_of_life(chunk.extra)
        carries = bool(chunk.thought)
        for choice in chunk.choices:
            carries |= self._add_choice(choice, ping=ping)
        self._thoughts.add(chunk.thought)
        before = _counts(self.usage), self._executable_data
        self.usage = newer_usage(self.usage, chunk.usage)
        self._executable_data = chunk.executable_data or self._executable_data
        carries |= before != (_counts(self.usage), self._executable_data)
        self._conversation_id = chunk.conversation_id or self._conversation_id
        self._created = self._created or chunk.created
        carries |= self._extra.add(chunk.extra) and not ping
        first = self._choices.get(0)
        self._assistant = first if first and first.role == "assistant" else None
        self.finished = len(self._choices) >= self.expected and not self._unfinished
        return carries

    def _add_choice(self, choice: ChunkChoice, *, ping: bool) -> bool:
        index = choice.index
        if index not in self._choices:
            self._choices[index] = _Choice(index)
        whole = self._choices[index]
        carries = whole.add(choice, ping=ping)
        self._chat_choices.changed(whole)
        if whole.finish_reason is None:
            self._unfinished.add(index)
        else:
            self._unfinished.discard(index)
        return carries

    def new_part(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        """Return *chunk*; a complete message in it is reduced to what is new in it."""
        if not any("message" in choice.extra for choice in chunk.choices):
            return chunk
        if self._whole_messages is None:
            self._whole_messages = _whole_messages()()
        return self._whole_messages.new_part(chunk, self._thoughts, self._choices)

    @property
    def model(self) -> str:
        """The model that answers; "" if no chunk has arrived."""
        return self._named[1] if self._named else ""

    @property
    def empty(self) -> bool:
        """Whether the answer so far has no choices."""
        return not self._choices

    @property
    def cut_by_length(self) -> bool:
        """Whether choice 0 has ended because it reached its maximum length."""
        first = self._choices.get(0)
        return first is not None and (first.finish_reason or "").lower() in CUT_OFF

    def answer(self) -> ChatCompletion:
        """Return the answer so far; later chunks do not change the returned object."""
        # On its fast path, `add` appends text to this choice without calling `changed`.
        if self._assistant is not None:
            self._chat_choices.changed(self._assistant)
        choices = sorted(self._chat_choices.build(), key=attrgetter("index"))
        identity, model = self._named or ("", "")
        return ChatCompletion(
            id=identity,
            model=model,
            created=self._created,
            choices=tuple(choices),
            usage=self.usage,
            thoughts=self._thoughts.join(),
            executable_data=self._executable_data,
            conversation_id=self._conversation_id,
            extra=self._extra.to_json(),
        )


def _is_bare(chunk: ChatCompletionChunk) -> bool:
    """Return whether *chunk* is only a heartbeat: it has no member of an answer."""
    marks = (chunk.id, chunk.model, chunk.conversation_id)
    parts = (chunk.choices, chunk.usage, chunk.thought, chunk.executable_data)
    if any(marks) or any(parts) or (chunk.wire or {}).get("object"):
        return False
    return _PLANNER_MEMBERS.isdisjoint(chunk.extra)


def newer_usage(old: Usage | None, new: Usage | None) -> Usage | None:
    """Return *new* usage; a count that *new* lacks is taken from *old*."""
    if old is None or new is None:
        return new or old
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens")
    counts = {name: _truer(getattr(old, name), getattr(new, name)) for name in names}
    if new.total_tokens <= 0:  # the old total may lack the new counts
        parts = counts["prompt_tokens"] + counts["completion_tokens"]
        counts["total_tokens"] = max(old.total_tokens, parts)
    extra = _truer(old.extra, new.extra)
    extra = {key: extra[key] for key in extra if key not in names}
    newer = attrs.evolve(new, **counts, extra=extra, wire=None)
    return new if newer == new else newer


def _truer(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: _truer(old.get(key), new[key]) for key in new}}
    counts = bool(new) and not (isinstance(new, int | float) and new < 0)
    return new if counts or old is None else old


def _counts(usage: Usage | None) -> tuple[int, ...]:
    if usage is None:
        return (0, 0, 0)
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
