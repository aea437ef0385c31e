"""Expected outcomes for valid answers in the JSON dialects of various servers."""

from __future__ import annotations

import asi1

from ...support.talk import TEXT
from .outcome import Row, answers, breaks, ends


__all__ = ["DIALECTS"]

DIALECTS = {
    "dialect_usage_empty_choices": answers(),
    "dialect_usage_empty_delta": answers(),
    "dialect_usage_in_finish": answers(),
    "dialect_no_usage": answers(),
    "dialect_usage_emptied": answers(),
    "dialect_logprobs": answers(),
    "dialect_null_opening": answers(),
    "dialect_all_in_one": answers(),
    "dialect_two_choices": answers(),
    "dialect_one_choice_unfinished": breaks(
        asi1.StreamTruncatedError, TEXT, after="kept"
    ),
    "dialect_changing_ids": answers(),
    "dialect_bare": answers(),
    "dialect_extra_keys": answers(),
    "dialect_thought_with_content": answers(),
    "dialect_message_in_stream": answers(),
    "dialect_leading_newlines": Row(create=ends(), stream=ends("\n\n" + TEXT)),
    "dialect_many_empty_deltas": answers(),
    "dialect_plan_state": answers(),
    "dialect_thinking_parts": answers(),
    "dialect_tool_calls_one_index": answers(),
    "dialect_tool_name_repeated": answers(),
    "dialect_tool_id_changes": answers(),
    "dialect_tool_arguments_twice": answers(),
    "unknown_finish_reason": answers(),
    "finish_length": answers(),
    "finish_without_content": answers(""),
    "tool_intent_without_calls": answers("I shall look it up."),
    "delta_and_message": answers(),
}
