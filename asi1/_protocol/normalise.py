"""
Converts undocumented formats of the server's JSON objects to the documented format.

Each function takes a JSON object and returns one with the keys of the model's fields: a
changed copy, or the same object if it needs no change. Unknown keys and wrong types are
handled by the converter.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from attrs import define, field

from .._models.base_types import JSON
from .._models.completion import message_key
from .._models.json_text import json_text, replace_surrogates, replace_surrogates_in


__all__ = ["NORMALISERS", "HalfCharacters", "Object", "thought_text"]

Object: TypeAlias = Mapping[str, JSON]
_Path: TypeAlias = tuple[str | tuple[JSON], ...]

# The keys of a message under which newer models send their thoughts.
_REASONING = ("reasoning_content", "reasoning", "thought", "thinking")
# The types of a message's content parts that are thoughts, not text.
_THOUGHT_PARTS = {
    *("reasoning", "reasoning_content", "reasoning_text", "redacted_thinking"),
    *("thinking", "thought"),
}
# The keys of a thought's text. Mistral nests a list of parts under "thinking".
_THOUGHT_KEYS = (*_REASONING, "text", "reasoning_text", "content", "summary")

# Only a text under one of these keys may continue in the next event of a stream.
_GROWING = {*_THOUGHT_KEYS, "args", "arguments", "refusal", "transcript"}
# Maximum number of keys in the path to a text that the next event may continue.
_LONGEST_PATH = 12


def thought_text(value: JSON) -> JSON:
    """
    Return thoughts as one string; strings in a list are joined by newlines.

    If the list has content parts, their texts are joined without newlines. A value that
    is not a list is returned unchanged.
    """
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        if len(texts) < len(value) and any(
            isinstance(i, dict) and _text_in(i, _THOUGHT_KEYS) for i in value
        ):
            return _text_in(value, _THOUGHT_KEYS)
        return "\n".join(texts)
    return value


def _answer(raw: Object, *, part: str) -> Object:
    """Return *raw* with the model's thoughts as a string under the key ``thought``."""
    thought = raw.get("thought")
    if thought and not isinstance(thought, list):
        return raw
    text = thought_text(thought) or _first_reasoning(raw.get("choices"), part)
    return {**raw, "thought": text} if text else raw


def _first_reasoning(choices: JSON, part: str) -> str | None:
    if not isinstance(choices, list):
        return None
    for choice in choices:
        if isinstance(choice, dict) and not _with_index(choice).get("index"):
            message = choice.get(message_key(choice, part))
            if isinstance(message, dict):
                return _reasoning(message)
    return None


def _reasoning(message: Object) -> str:
    for key in _REASONING:
        text = message.get(key)
        if text and isinstance(text, str | list):
            return str(thought_text(text))
    return "".join(_text_in(p, _THOUGHT_KEYS) for p in _parts(message) if _thinks(p))


def _parts(message: Object) -> list[JSON]:
    """Return the parts of a message's content; an empty list if it is not in parts."""
    content = message.get("content")
    if isinstance(content, dict) and isinstance(content.get("type"), str):
        return [content]
    return content if isinstance(content, list) else []


def _thinks(part: JSON) -> bool:
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    if isinstance(kind, str):
        # Gemini marks the text of a thought with ``"thought": true``.
        return kind.lower() in _THOUGHT_PARTS or part.get("thought") is True
    return "thinking" in part or part.get("thought") is True


def _text_in(value: JSON, keys: Iterable[str]) -> str:
    """Return the text in a str, in a list, or under the first of *keys* with text."""
    if isinstance(value, list):
        return "".join(_text_in(item, keys) for item in value)
    if isinstance(value, dict):
        return next(filter(None, (_text_in(value.get(key), keys) for key in keys)), "")
    return value if isinstance(value, str) else ""


def _renamed(raw: Object, part: str) -> Object:
    """Copy "delta" to "message", or the reverse, if a server has used the wrong key."""
    key = message_key(raw, part)
    return raw if key == part else {**raw, part: raw[key]}


def _with_index(raw: Object) -> Object:
    """Return *raw* with an index that is a number, even if the server sent digits."""
    index = raw.get("index")
    if isinstance(index, str) and index.isascii() and index.isdigit():
        return {**raw, "index": int(index[:9])}
    return raw


def _choice(raw: Object, *, part: str) -> Object:
    return _renamed(_with_index(raw), part)


def _message(raw: Object) -> Object:
    message = raw
    parts = _parts(raw)
    if parts or isinstance(raw.get("content"), list):
        texts = (_text_in(part, ("text",)) for part in parts if not _thinks(part))
        message = {**message, "content": "".join(texts)}
    if any(map(_thinks, parts)) or not raw.keys().isdisjoint(_REASONING):
        text = _reasoning(raw)
        rest = {
            key: value
            for key, value in message.items()
            if key not in _REASONING or isinstance(value, dict | int | float)
        }
        message = {**rest, "reasoning_content": text} if text else rest
    return message


def _tool_call(raw: Object) -> Object:
    if isinstance(raw.get("function"), dict) or "tool_name" not in raw:
        return raw
    function = {"name": raw["tool_name"], "arguments": raw.get("args", {})}
    return {**raw, "function": function}


def _function(raw: Object) -> Object:
    arguments = raw.get("arguments")
    if isinstance(arguments, dict | list):
        return {**raw, "arguments": json_text(arguments)}
    return raw


def _usage(raw: Object) -> Object:
    details = raw.get("completion_tokens_details")
    if raw.get("reasoning_tokens") is None and isinstance(details, dict):
        return {**raw, "reasoning_tokens": details.get("reasoning_tokens")}
    return raw


# The keys are names of classes, since few programs load the classes of chunks.
NORMALISERS: Mapping[str, Callable[[Object], Object]] = {
    "ChatChoice": partial(_choice, part="message"),
    "ChatCompletion": partial(_answer, part="message"),
    "ChatCompletionChunk": partial(_answer, part="delta"),
    "ChatMessage": _message,
    "ChunkChoice": partial(_choice, part="delta"),
    "Delta": _message,
    "FunctionCall": _function,
    "ToolCall": _tool_call,
    "ToolCallDelta": lambda raw: _tool_call(_with_index(raw)),
    "Usage": _usage,
}


@define(eq=False, repr=False)
class HalfCharacters:
    """
    Joins the two halves of a surrogate pair that a server sent in two stream events.

    A first half at the end of a text waits for the next fragment of the same text. A
    half without its other half becomes U+FFFD.

    Attributes:
        waiting: The first half that waits, by the path of its text: the keys of the
            objects around the text, and a tuple for the item of each list.
    """

    waiting: dict[_Path, str] = field(factory=dict, init=False)

    def join(self, event: Object) -> Object:
        """Return the next event's JSON object with all surrogate pairs joined."""
        joined = {
            replace_surrogates(key): self._joined(value, (key,))
            if key in ("choices", "thought")
            else replace_surrogates_in(value)
            for key, value in event.items()
        }
        for choice in event.get("choices") or ():
            self._end(joined, choice)
        return joined

    def rest(self) -> Object:
        """Empty `waiting`; return a last event with U+FFFD for each waiting half."""
        event: dict[str, JSON] = {}
        for path in self.waiting:
            _append(event, path)
        self.waiting.clear()
        return event

    def _joined(self, value: JSON, path: _Path) -> JSON:
        last, before = path[-1], path[-2:-1]
        if isinstance(value, str) and (last in _GROWING or {*before} & _GROWING):
            return self._text(value, path)
        # Arguments that are an object, instead of a string, are complete.
        if last in ("args", "arguments") or len(path) > _LONGEST_PATH:
            return replace_surrogates_in(value)
        if isinstance(value, dict):
            return {
                replace_surrogates(key): self._joined(item, (*path, key))
                for key, item in value.items()
            }
        if isinstance(value, list) and isinstance(last, str):
            return [self._joined(i, (*path, _place(last, i))) for i in value]
        return replace_surrogates_in(value)

    def _text(self, piece: str, path: _Path) -> str:
        text = self.waiting.pop(path, "") + piece if piece else ""
        if "\ud800" <= text[-1:] <= "\udbff":
            self.waiting[path] = text[-1]
            text = text[:-1]
        return replace_surrogates(text)

    def _end(self, event: dict[str, JSON], choice: JSON) -> None:
        """
        Append U+FFFD for the waiting halves of *choice* if it has ended; drop halves of
        texts that come again in its message.
        """
        place = _place("choices", choice := choice if isinstance(choice, dict) else {})
        for path in list(self.waiting):
            own = path[1:2] == (place,) or (path[0] != "choices" and place == (0,))
            again = path[1:3] == (place, "delta") and _has(choice, "message", path[3])
            gone = again and not _has(choice, "delta", path[3])
            if gone or (own and choice.get("finish_reason") and _append(event, path)):
                del self.waiting[path]


def _has(choice: Object, member: str, name: JSON) -> bool:
    return isinstance(choice.get(member), dict) and bool(choice[member].get(name))


def _place(key: str, item: JSON) -> tuple[JSON]:
    """Return the index or type that identifies *item* in the list under *key*."""
    if not isinstance(item, dict):
        return (None,)
    index = _with_index(item).get("index")
    if isinstance(index, int) or key == "choices":
        return (index if isinstance(index, int) else 0,)
    kind = item.get("type")
    return (kind,) if key in _GROWING and isinstance(kind, str) else (None,)


def _append(event: dict[str, JSON], path: _Path) -> bool:
    """Append U+FFFD to the text at *path*, unless a value of another type is there."""
    node: JSON = event
    for key, step, below in zip((None, *path), path, path[1:], strict=False):
        fresh: JSON = [] if isinstance(below, tuple) else {}
        if isinstance(step, tuple):
            items = (item for item in node if isinstance(item, dict))
            found = next((i for i in items if _place(str(key), i) == step), None)
            if found is None:
                name = "type" if isinstance(step[0], str) else "index"
                found = {} if step[0] is None else {name: step[0]}
                node.append(found)
            node = found
        else:
            if node.get(step) in (None, "", [], {}):
                node[step] = fresh
            node = node[step]
            if not isinstance(node, type(fresh)):
                return False
    if isinstance(node, list):
        node.append("\ufffd")
        return True
    text = node.get(path[-1])
    if text in (None, [], {}) or isinstance(text, str):
        node[path[-1]] = (text or "") + "\ufffd"
    return isinstance(node[path[-1]], str)
