"""
Reads the tool calls that a model wrote as markup into text.

The markup begins with ``<tool_call>`` (GLM, Hermes, Qwen), ``[TOOL_CALLS]`` (Mistral),
``<|python_tag|>`` (Llama) or ``<function=name>``. The time is linear in the length of
the text.
"""

from __future__ import annotations

import re

from collections.abc import Collection

from attrs import define, field, frozen

from ..._models.base_types import JSON
from ..._models.completion import FunctionCall
from ..._models.json_text import json_text, load_json, replace_surrogates
from .call_markers import OPENING, TAGS


__all__ = ["Markup", "MarkupReader"]

_TAG = "<tool_call>"
_END = r"<(?:/\|?|\|/)tool_call\|?>"
_TAG_END = re.compile(rf"\s*+{_END}")
# Matches the end of unreadable markup: an end tag, or the next opening marker.
_EDGE = re.compile(rf"(?P<end></function>(?:\s*+{_END})?|{_END})|{OPENING.pattern}")
_SPACE = re.compile(r"\s*+")
_WORD = r"[^\s<>\[\]{}\"]{1,200}+"
# Matches the start of a call after ``<tool_call>``, but not prose about the tag.
_CALL_START = re.compile(rf"\s*+(?:\Z|[\[{{]|<f|{_WORD}\s*+(?:\Z|<a|<\Z|\{{))")
_NAME = re.compile(rf"({_WORD})\s*+")
_FUNCTION = re.compile(r"\s*+<function=\s*+([^\s<>]{1,200}+)\s*+>\s*+")
_FUNCTION_END = re.compile(r"\s*+</function>")
# The two ways to write an argument. For each: the pattern of the tags before a value,
# the last of these tags, the tag after the value, and the line break around the value.
_GLM = re.compile(r"\s*+<arg_key>([^<]*+)</arg_key>\s*+<arg_value>")
_QWEN = re.compile(r"\s*+<parameter=([^<>]*+)>")
_ARGUMENT_TAGS = {
    _GLM: ("<arg_value>", "</arg_value>", ""),
    _QWEN: ("<parameter=", "</parameter>", "\n"),
}
# A marker outside of a string ends JSON: otherwise, each of many markers before a long
# JSON text would cause all of this text to be read.
_JSON_PART = re.compile(r'"(?:[^"\\]++|\\.)*+"|\[TOOL_CALLS\]|[][{}<\\"]', re.DOTALL)
_NEXT_JSON = re.compile(r"\s*+[;,]?\s*+(?=\{)")
_FIRST_NAME = re.compile(r'\[?\s*+\{\s*+"name"\s*+:\s*+"([^"\\]{1,200}+)"')
_NOT_A_STRING = re.compile(r"[-\d\[{tfn]")
# The calls, and the position at which their markup ends.
_Calls = tuple[list[FunctionCall], int]


@frozen
class Markup:
    """
    The markup of calls in a text.

    Attributes:
        calls: The calls; empty if the markup is unreadable.
        end: The position at which the markup ends.
        problem: Why the markup is unreadable; None if it is readable.
    """

    calls: list[FunctionCall]
    end: int
    problem: str | None = None


class _UnreadableError(Exception):
    """Markup is unreadable: *tag* opens it, *problem* says why, *at* where."""

    def __init__(self, tag: str, problem: str, at: int) -> None:
        super().__init__(tag, problem)
        self.tag, self.problem, self.at = tag, problem, at


@define(eq=False)
class MarkupReader:
    """
    Reads the calls of a text, from its beginning to its end.

    Attributes:
        text: The text.
        names: The names of the tools that may be called outside of ``<tool_call>``.
    """

    text: str
    names: Collection[str]
    _found: dict[str, int] = field(factory=dict, init=False)

    def calls_at(self, start: int) -> Markup | None:
        """Return the markup that begins at *start*; None if it is ordinary text."""
        marker = OPENING.match(self.text, start)
        if marker is None:
            return None
        try:
            found = self._calls_at(marker[0], start, marker.end())
        except _UnreadableError as error:
            return self._skipped(error, marker.end())
        return found and Markup(*found)

    def _calls_at(self, marker: str, start: int, at: int) -> _Calls | None:
        """
        Return the calls after *marker*, which ends at *at*; None if it is ordinary
        text.
        """
        if marker in TAGS:
            return self._tagged(marker, self._after_space(at))
        if marker == "<function=":
            head = _FUNCTION.match(self.text, start)
            return self._functions(start) if head and head[1] in self.names else None
        return self._bare_json(marker, self._after_space(at))

    def _skipped(self, error: _UnreadableError, at: int) -> Markup | None:
        """
        Return unreadable markup as a `Markup` without calls; None if it is prose about
        a tag.
        """
        edge, problem = _EDGE.search(self.text, max(at, error.at)), error.problem
        if edge is None or not edge["end"]:
            if error.tag == _TAG and not _CALL_START.match(self.text, at):
                return None
            if error.tag.startswith((_TAG, "<function")):
                problem = "is not closed"
        end = len(self.text)
        if edge is not None:
            end = edge.end() if edge["end"] else edge.start()
        return Markup([], end, f"{error.tag} {problem}")

    def _tagged(self, marker: str, at: int) -> _Calls:
        if self.text.startswith("<function=", at):
            return self._functions(at)
        if self.text.startswith(("{", "["), at):
            calls, at = self._json_calls(_TAG, at)
        else:
            name = _NAME.match(self.text, at)
            if name is None:
                raise _UnreadableError(_TAG, "has no function name", at)
            arguments, at = self._arguments(_TAG, _GLM, name.end())
            calls = [FunctionCall(name=name[1], arguments=arguments)]
        closed = _TAG_END.match(self.text, at)
        if closed is None and marker == _TAG:
            raise _UnreadableError(_TAG, "has text that is not a call", at)
        return calls, closed.end() if closed else at

    def _bare_json(self, marker: str, at: int) -> _Calls | None:
        if not self.text.startswith(("{", "["), at):
            return None
        try:
            calls, end = self._json_calls(marker, at)
        except _UnreadableError:
            name = _FIRST_NAME.match(self.text, at)
            if name and name[1] in self.names:
                raise
            return None
        return (calls, end) if any(c.name in self.names for c in calls) else None

    def _functions(self, at: int) -> _Calls:
        calls = []
        while head := _FUNCTION.match(self.text, at):
            tag = f"<function={head[1]}>"
            arguments, at = self._arguments(tag, _QWEN, head.end())
            end = _FUNCTION_END.match(self.text, at)
            if end is None:
                raise _UnreadableError(tag, "has text that is not an argument", at)
            calls.append(FunctionCall(name=head[1], arguments=arguments))
            at = end.end()
        if not calls:
            raise _UnreadableError(_TAG, "has no function name", at + 1)
        end = _TAG_END.match(self.text, at)
        return calls, end.end() if end else at

    def _json_calls(self, tag: str, at: int) -> _Calls:
        """Return the calls in one or more JSON values from *at* on."""
        calls = []
        while True:
            value, end = self._json_value(tag, at)
            items = value if isinstance(value, list) else [value]
            if not items:
                raise _UnreadableError(tag, "has no function name", at)
            calls += [_json_call(tag, item, at) for item in items]
            more = _NEXT_JSON.match(self.text, end)
            if more is None:
                return calls, end
            at = more.end()

    def _json_value(self, tag: str, at: int) -> tuple[JSON, int]:
        """Return the JSON object or array at *at*, and the position of its end."""
        depth = 0
        for part in _JSON_PART.finditer(self.text, at):
            sign = part[0]
            if sign in "[{":
                depth += 1
            elif sign in "]}":
                depth -= 1
            elif len(sign) == 1 or sign[0] != '"':
                break
            if depth == 0:
                try:
                    return _load(self.text[at : part.end()]), part.end()
                except ValueError:
                    break
        raise _UnreadableError(tag, "is not valid JSON", at)

    def _arguments(self, tag: str, form: re.Pattern[str], at: int) -> tuple[str, int]:
        """Return the arguments at *at* as JSON text, and the position of their end."""
        if self.text.startswith("{", at):
            value, at = self._json_value(tag, at)
            return json_text(value), at
        first, last, line_break = _ARGUMENT_TAGS[form]
        found = {}
        while key := form.match(self.text, at):
            start = key.end()
            end = self._find(last, start)
            # Both tags are missing, or another value begins before this one ends.
            if self._find(first, start) <= end:
                raise _UnreadableError(tag, "has an argument that is not closed", start)
            value = self.text[start:end].removeprefix(line_break)
            found[key[1].strip()] = _value(value.removesuffix(line_break))
            at = end + len(last)
        members = (f"{json_text(key)}:{value}" for key, value in found.items())
        return f"{{{','.join(members)}}}", at

    def _after_space(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space else at

    def _find(self, tag: str, at: int) -> int:
        """
        Return the next position of *tag* from *at* on; a huge number if there is none.

        The position found is kept for later searches. So *at* must never be less than
        in an earlier call.
        """
        found = self._found.get(tag, -1)
        if found < at:
            found = self.text.find(tag, at)
            found = self._found[tag] = len(self.text) if found < 0 else found
        return found


def _json_call(tag: str, item: JSON, at: int) -> FunctionCall:
    if isinstance(item, dict) and isinstance(item.get("function"), dict):
        item = item["function"]
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise _UnreadableError(tag, "has no function name", at)
    arguments = item.get("arguments", item.get("parameters"))
    if not isinstance(arguments, str):
        arguments = json_text({} if arguments is None else arguments)
    return FunctionCall(name=name.strip(), arguments=arguments.strip() or "{}")


def _load(text: str) -> JSON:
    return load_json(text.encode("utf-8", "surrogatepass"))


def _value(text: str) -> str:
    """Return the JSON text of an argument that is written between tags."""
    value = text.strip()
    if _NOT_A_STRING.match(value):
        try:
            _load(value)
        except ValueError:
            pass
        else:
            return replace_surrogates(value)
    return json_text(text)
