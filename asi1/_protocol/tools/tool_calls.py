"""
Decides which tool calls of an answer may run, and what the model reads of the others.

A call that may be incomplete never runs: that of an answer which was cut off, or one
whose arguments are not whole JSON or do not fit the tool.
"""

from __future__ import annotations

import functools

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.completion import ChatChoice, ChatCompletion, FunctionCall, ToolCall
from ..._models.json_text import json_text, load_json, replace_surrogates
from ..._models.output_errors import (
    OutputError,
    OutputInvalidError,
    OutputTruncatedError,
    ThoughtBudgetError,
)
from ..schema.encode import encoded
from ..schema.output_type import CUT_OFF
from .errors import ToolError
from .leaked_calls import read_leaked_calls
from .tool import Tool


__all__ = [
    "Runnable",
    "checked_answer",
    "error_content",
    "error_words",
    "own_calls",
    "refusal_of",
    "result_content",
]

# The finish reasons of answers that call tools, in lowercase.
_CALLING = frozenset({"tool_calls", "function_call", "function_calling", "tool_use"})
# The finish reasons, in lowercase, of answers that may be incomplete.
_INCOMPLETE = CUT_OFF | {"content_filter"}
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
    # Agentic models list calls of the server's own tools, with results.
    return tuple(c for c in answer.message.tool_calls if "result" not in c.extra)


def refusal_of(
    answer: ChatCompletion, call: ToolCall, tools: Mapping[str, Tool[..., Any]]
) -> Runnable | str:
    """Return the call, ready to run; or the words that say why it must not run."""
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
    Return what a tool returned as the text for the model.

    Raises:
        ValueError: JSON has no form for the value.
    """
    if isinstance(value, str):
        return replace_surrogates(value)
    return json_text(encoded(value))


def error_words(error: BaseException) -> str:
    """Return what the model reads of an exception that a tool raised."""
    if isinstance(error, ToolError):
        return str(error.message)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception of the user may have any `__str__`
        message = ""
    name = type(error).__name__
    return f"{name}: {message}"[:_LONGEST] if message else name


def error_content(words: str) -> str:
    """
    Return the content of a tool message that tells the model of a failure.

    Source: https://docs.asi1.ai/documentation/build-with-asi-one/tool-calling
    """
    return json_text({"error": replace_surrogates(words), "status": "failed"})


def checked_answer(
    answer: ChatCompletion, names: Collection[str], seen: Mapping[str, ToolCall]
) -> ChatCompletion:
    """
    Return *answer* with an own id for each tool call.

    Args:
        answer: A complete answer.
        names: The names of the tools.
        seen: The calls of earlier answers, by their ids.

    Raises:
        ThoughtBudgetError: The model's thoughts used up all tokens.
        OutputInvalidError: The answer says that it calls tools, but has no calls that
            can be read.
    """
    if answer.exhausted:
        raise ThoughtBudgetError(
            "the model's thoughts used up all tokens; raise max_tokens, or lower"
            " thinking_budget",
            completion=answer,
        )
    text, calls = _without_markup(answer, names)
    finish = answer.finish_reason or ""
    if not calls and finish.lower() in _CALLING:
        raise OutputInvalidError(
            f"the answer ends with the finish reason {finish!r:.40}, but calls no tool",
            text=answer.text,
            completion=answer,
        )
    named = _with_own_ids(calls, seen)
    if (text, named) == (answer.text, answer.message.tool_calls):
        return answer
    return _with_calls(answer, text, named)


def _without_markup(
    answer: ChatCompletion, names: Collection[str]
) -> tuple[str, tuple[ToolCall, ...]]:
    """
    Return the answer's text and calls; calls that are markup in the text become calls.

    A model that is sent the markup again goes on writing calls as markup.
    """
    calls = answer.message.tool_calls
    leaked = read_leaked_calls(answer.text, names)
    if calls or not (leaked.calls or leaked.unreadable):
        return leaked.text if leaked.calls or leaked.unreadable else answer.text, calls
    if leaked.unreadable:
        cut = (answer.finish_reason or "").lower() in CUT_OFF
        raise (OutputTruncatedError if cut else OutputInvalidError)(
            "the answer has a tool call as markup in its text, which cannot be read:"
            f" {leaked.unreadable}",
            text=answer.text,
            completion=answer,
        )
    return leaked.text, tuple(ToolCall(function=each) for each in leaked.calls)


def _with_own_ids(
    calls: tuple[ToolCall, ...], seen: Mapping[str, ToolCall]
) -> tuple[ToolCall, ...]:
    """
    Give a new id to each call without one, or with the id of another call.

    A call that repeats an earlier one, under the same id, keeps the id and so gets the
    result of the earlier one. A repetition in the same answer is left out.
    """
    used = dict(seen)
    own: list[ToolCall] = []
    for call in calls:
        other = used.get(call.id) if call.id else None
        if other is not None and _is_same(call, other):
            own += [call] if call.id in seen else []
            continue
        renamed = call
        if not call.id or other is not None:
            renamed = attrs.evolve(call, id=_new_id(call.id, used), wire=None)
        used[renamed.id] = renamed
        own.append(renamed)
    return tuple(own)


def _new_id(old: str, used: Mapping[str, ToolCall]) -> str:
    number = len(used)
    while f"{old or 'call'}_{number}" in used:
        number += 1
    return f"{old or 'call'}_{number}"


def _is_same(call: ToolCall, other: ToolCall) -> bool:
    one, two = call.function, other.function
    if one.name != two.name:
        return False
    return one.arguments == two.arguments or _data(one) == _data(two) is not None


def _data(function: FunctionCall) -> JSON:
    try:
        return load_json(function.arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def _with_calls(
    answer: ChatCompletion, text: str, calls: tuple[ToolCall, ...]
) -> ChatCompletion:
    """Return *answer* with another text and other calls in its choice 0."""

    def changed(choice: ChatChoice) -> ChatChoice:
        message = attrs.evolve(
            choice.message, content=text, tool_calls=calls, wire=None
        )
        return attrs.evolve(choice, message=message, wire=None)

    choices = [changed(c) if c.index == 0 else c for c in answer.choices]
    return attrs.evolve(answer, choices=tuple(choices), wire=None)
