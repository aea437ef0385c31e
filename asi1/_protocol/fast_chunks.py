"""
The fast path for the chunks of a stream that only add text, thoughts, or a piece of a
tool call's arguments to choice 0.

The converter decodes every other chunk. A test asserts that fast path and converter
give the same chunk.
"""
# ruff: noqa: SLF001 - sets private fields of chunks

from functools import lru_cache
from typing import Any, cast

from attrs import define, field

from .._models.base_types import draft_of
from .._models.chunks import ChatCompletionChunk
from .._models.json_text import peek_json
from .._models.pending_fields import PendingFields
from .fast_templates import LARGEST, Template, template_of


__all__ = ["FastChunkReader"]

_TEXT = {str, type(None)}
_COUNT = {int, type(None)}
_TOP = {
    *("id", "model", "object", "created", "choices", "thought", "usage"),
    *("executable_data", "conversation_id"),
}
_CHOICE = {"index", "delta", "finish_reason", "stop_reason"}
_DELTA = {"role", "content", "refusal", "tool_calls"}
_CALL = {"index", "id", "type", "function"}
_FUNCTION = {"name", "arguments"}
# The types that values of unknown keys may have on the fast path. Floats and nested
# values are excluded: unlike `load_json`, `peek_json` reads large integers as floats,
# and does not limit the nesting depth.
_FLAT = (str, int, bool, type(None))
_Chunk = draft_of(ChatCompletionChunk)


@define(eq=False)
class FastChunkReader:
    """Reads the chunks of one stream; each chunk can be a template for the next."""

    _template: Template | None = field(default=None, init=False)

    def read(self, data: bytes) -> ChatCompletionChunk | None:
        """Return the chunk in an event's *data*; None if cattrs must decode it."""
        if self._template is not None:
            chunk = self._template.read(data)
            if chunk is not None:
                return chunk
        if len(data) > LARGEST:
            return None
        try:
            raw: Any = peek_json(data)
            (choice,) = raw["choices"]
            delta = choice["delta"]
            call = _call_in(delta)
            text = (delta["content"] if call is None else delta.get("content")) or ""
            thought = raw.get("thought") or ""
            pending = _pending_fields(raw, choice, delta, call)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None
        if pending is None or (call and (text or thought)):
            return None
        if not (text and thought):
            self._template = template_of(data, text, thought, pending) or self._template
        chunk = _Chunk()
        chunk.thought = thought
        chunk._text = text
        chunk._piece = (call["index"], call["function"]["arguments"]) if call else None
        chunk._data = b""
        chunk._choices = None  # made when they are first read
        chunk._pending = pending
        chunk.wire = raw
        chunk.__class__ = ChatCompletionChunk
        return cast("ChatCompletionChunk", chunk)


def _call_in(delta: Any) -> Any:
    """
    Return the tool call to which *delta* adds a piece; None if *delta* has none.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: The fast path cannot read
            the tool calls.
    """
    if delta.get("tool_calls") is None:
        return None
    (call,) = delta["tool_calls"]
    index, function = call["index"], call["function"]
    only_adds_a_piece = (
        call.keys() <= _CALL
        and function.keys() <= _FUNCTION
        and type(index) is int
        and type(function["arguments"]) is str
        and call.get("id") in (None, "")
        and call.get("type") in (None, "function")
        and function.get("name") in (None, "")
    )
    if not only_adds_a_piece:
        raise ValueError
    return call


def _pending_fields(
    raw: Any, choice: Any, delta: Any, call: Any
) -> PendingFields | None:
    """
    Return the object that sets the lazy fields; None if the chunk needs the converter.

    Raises:
        TypeError, LookupError, AttributeError: The fast path cannot read the chunk.
    """
    created = raw.get("created")
    extra = {key: raw[key] for key in _unknown(tuple(raw))}
    more = {key: value for key, value in choice.items() if key not in _CHOICE}
    only_adds_a_piece = (
        not (raw.get("error") or raw.get("errors"))
        and not (choice.get("error") or choice.get("errors"))
        and choice.get("finish_reason") is None
        and choice.get("stop_reason") is None
        and type(choice.get("index")) in _COUNT
        and not choice.get("index")
        and delta.keys() <= _DELTA
        and delta.get("role", "assistant") == "assistant"
        and delta.get("refusal") is None
        and raw.get("usage") is None
        and raw.get("conversation_id") is None
        and raw.get("executable_data") in (None, [])
        and {type(delta.get("content")), type(raw.get("thought"))} <= _TEXT
        and {type(raw.get(key)) for key in ("id", "model", "object")} <= _TEXT
        and type(created) in _COUNT
        and all(type(v) in _FLAT or v == [] for v in (*extra.values(), *more.values()))
    )
    if not only_adds_a_piece:
        return None
    if call is not None:  # copied: a caller may change the ``wire`` of a chunk
        call = {**call, "function": {**call["function"]}}
    return PendingFields(created, extra, more, delta.get("role"), call)


@lru_cache(maxsize=256)  # nearly all chunks from one server have the same keys
def _unknown(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if key not in _TOP)
