"""
Decides which tool calls of an answer may run, and what the model is told of the others.

A call that may be incomplete never runs: one in an answer that was cut off, or one
whose arguments are not complete JSON or do not fit the tool.
"""

from __future__ import annotations

import functools
import json

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import attrs

from attrs import frozen

from ..._models.completion import (
    CUT_OFF,
    ChatCompletion,
    ChatMessage,
    FunctionCall,
    ToolCall,
)
from ..._models.json_text import json_text, load_json, replace_surrogates
from ..._models.output_errors import (
    OutputError,
    OutputInvalidError,
    OutputTruncatedError,
    thoughts_used_up,
)
from ..schema.encode import encoded, encoded_text
from .errors import ToolError
from .leaked_calls import read_leaked_calls
from .tool import Tool


__all__ = [
    "Runnable",
    "checked_answer",
    "error_content",
    "error_words",
    "own_calls",
    "prepared",
    "result_content",
]

# The finish reasons of answers that call tools, in lowercase.
_CALLING = frozenset({"tool_calls", "function_call", "function_calling", "tool_use"})
# The finish reasons, in lowercase, of answers that may be incomplete.
_INCOMPLETE = CUT_OFF | {
    *("content_filter", "safety", "malformed_function_call"),
    *("error", "abort", "aborted", "cancelled", "incomplete"),
    *("insufficient_system_resource", "model_context_window_exceeded"),
}
# Keys that stay in a message's ``extra`` if its tool calls could not be read.
_UNREAD = ("tool_calls", "function_call")
# Maximum characters of an exception's message that the model reads.
_LONGEST = 2000


@frozen(kw_only=True, eq=False)
class Runnable:
    """
    A call that may run.

    Attributes:
        call: The model's call.
        tool: The tool that it calls.
        run: Calls the tool's function with the model's arguments.
    """

    call: ToolCall
    tool: Tool[..., Any]
    run: Callable[[], Any]


def own_calls(answer: ChatCompletion) -> tuple[ToolCall, ...]:
    """Return the tool calls that the server has not run itself."""
    calls = answer.message.tool_calls
    return tuple([call for call in calls if not _has_run(call)]) if calls else ()


def _has_run(call: ToolCall) -> bool:
    """Return whether the server has run *call* itself, with a tool of its own."""
    return call.extra.get("result") is not None


def prepared(
    answer: ChatCompletion, call: ToolCall, tools: Mapping[str, Tool[..., Any]]
) -> Runnable | str:
    """Return the call, ready to run; or the text that says why it must not run."""
    if (answer.finish_reason or "").lower() in _INCOMPLETE:
        return (
            "the call was not run, since the answer was cut off and the call may be"
            " incomplete; call again, with shorter arguments"
        )
    name = call.function.name
    found = tools.get(name)
    if found is None:
        return f"there is no tool {name!r:.80}; the tools are: {', '.join(tools)}"
    try:
        args, kwargs = found.spec.bind(call.function.arguments)
    except OutputError as error:
        return f"the call was not run: {error}"
    return Runnable(
        call=call, tool=found, run=functools.partial(found.function, *args, **kwargs)
    )


def result_content(value: Any) -> str:
    """
    Convert the value that a tool returned to text for the model.

    Raises:
        ValueError: JSON has no form for the value.
    """
    if isinstance(value, str):
        return replace_surrogates(str.__str__(value))  # for a str Enum, its value
    return encoded_text(encoded(value))


def error_words(error: BaseException) -> str:
    """Return the text about a tool's exception that is sent to the model."""
    # An exception of the user may have any `__str__`. A `ToolError` has no message if
    # the `__init__` of its class does not call that of `ToolError`.
    message = ""
    with suppress(Exception):
        if isinstance(error, ToolError):
            return str.__str__(str(error.message))
        message = str.__str__(str(error))
    name = type(error).__name__
    return f"{name}: {message}"[:_LONGEST] if message else name


def error_content(words: str) -> str:
    """
    Return the content of a tool message that tells the model of a failure.

    Source: https://docs.asi1.ai/documentation/build-with-asi-one/tool-calling
    """
    return json_text({"error": replace_surrogates(words), "status": "failed"})


def checked_answer(
    answer: ChatCompletion,
    names: Collection[str],
    seen: Mapping[str, ToolCall],
    settled: Collection[str] = (),
) -> ChatCompletion:
    """
    Return *answer* with a unique id for each tool call.

    Args:
        answer: A complete answer.
        names: The names of the tools.
        seen: The calls of earlier answers, by their ids.
        settled: The ids of the calls in *seen* that were run, or that the user decided
            about.

    Raises:
        ThoughtBudgetError: The model's thoughts used up all tokens.
        OutputInvalidError: The answer says that it calls tools, but has no calls that
            can be read.
    """
    if answer.exhausted:
        raise thoughts_used_up(answer)
    message = answer.message
    text, calls = _without_markup(answer, message, names)
    if not calls and (problem := _unread(answer, message)):
        raise OutputInvalidError(problem, text=answer.text, completion=answer)
    named = _with_own_ids(calls, seen, settled)
    if (text, named) == (message.content, message.tool_calls):
        return answer
    return _with_calls(answer, text, named)


def _unread(answer: ChatCompletion, message: ChatMessage) -> str | None:
    """Return why an answer without calls cannot be the model's last one; or None."""
    finish = answer.finish_reason or ""
    if finish.lower() in _CALLING:
        return (
            f"the answer ends with the finish reason {finish!r:.40}, but calls no tool"
        )
    found = next((key for key in _UNREAD if message.extra.get(key)), None)
    return found and f"the answer has tool calls in {found!r} that cannot be read"


def _without_markup(
    answer: ChatCompletion, message: ChatMessage, names: Collection[str]
) -> tuple[str, tuple[ToolCall, ...]]:
    """
    Return the text of *answer*'s *message* without the markup of calls, and the calls.

    The markup is removed, since a model that reads it again goes on writing calls as
    markup. If the answer also has real tool calls, the markup only repeats these.
    """
    calls = message.tool_calls
    leaked = read_leaked_calls(message.content, names)
    if not (leaked.calls or leaked.unreadable):
        return message.content, calls
    if own_calls(answer):
        return leaked.text, calls
    if leaked.unreadable:
        cut = (answer.finish_reason or "").lower() in CUT_OFF
        raise (OutputTruncatedError if cut else OutputInvalidError)(
            "the answer has a tool call as markup in its text, which cannot be read:"
            f" {leaked.unreadable}",
            text=answer.text,
            completion=answer,
        )
    read = (ToolCall(function=each) for each in leaked.calls)
    return leaked.text, (*calls, *read)


def _with_own_ids(
    calls: tuple[ToolCall, ...],
    seen: Mapping[str, ToolCall],
    settled: Collection[str],
) -> tuple[ToolCall, ...]:
    """
    Give a new id to each call without one, or with the id of another call.

    A call that repeats a settled call, under the same id, keeps the id, and so gets the
    result of that call. A call that is repeated in the same answer is left out. A call
    that was refused, and so never ran, may be repeated: some servers number the calls
    of each answer from 0.
    """
    ids = {call.id for call in calls}
    if len(ids) == len(calls) and all(ids) and not ids & seen.keys():
        return calls  # the usual case
    used, taken = set(seen), {*seen, *ids}
    met: set[tuple[str, ...]] = set()
    own: list[ToolCall] = []
    for call in calls:
        meaning = _meaning(call.function)
        if _has_run(call):
            own.append(call)
            continue
        if call.id and (call.id, *meaning) in met:
            continue
        met.add((call.id, *meaning))
        repeats = call.id in settled and meaning == _meaning(seen[call.id].function)
        named = call
        if not call.id or (call.id in used and not repeats):
            named = attrs.evolve(call, id=_new_id(call.id, taken), wire=None)
        used.add(named.id)
        taken.add(named.id)
        own.append(named)
    return tuple(own)


def _new_id(old: str, taken: Collection[str]) -> str:
    number = len(taken)
    while f"{old or 'call'}_{number}" in taken:
        number += 1
    return f"{old or 'call'}_{number}"


def _meaning(function: FunctionCall) -> tuple[str, str]:
    """Return the call's name, and its arguments in a form that can be compared."""
    text = function.arguments
    try:
        data = load_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return function.name, text
    return function.name, json.dumps(data, sort_keys=True)


def _with_calls(
    answer: ChatCompletion, text: str, calls: tuple[ToolCall, ...]
) -> ChatCompletion:
    """Return *answer* with another text and other calls in its choice 0."""
    choices = list(answer.choices)
    place = next(n for n, choice in enumerate(choices) if choice.index == 0)
    message = attrs.evolve(
        choices[place].message, content=text, tool_calls=calls, wire=None
    )
    choices[place] = attrs.evolve(choices[place], message=message, wire=None)
    return attrs.evolve(answer, choices=tuple(choices), wire=None)
