"""
The tests that judge the changes of `mutants`, and the changes that no test can notice.
"""

from __future__ import annotations

from .equivalent_protocol import EQUIVALENT_IN_PROTOCOL


__all__ = ["EQUIVALENT", "TESTS"]

# The test files for each module; the files that detect most changes soonest are first.
TESTS = {
    "_models.base": ["models/test_base"],
    "_models.base_types": ["protocol/test_converter", "package/test_constructors"],
    "_models.chunks": ["models/test_chunks"],
    "_models.completion": ["models/test_completion"],
    "_models.errors": ["models/test_errors", "models/test_error_data"],
    "_models.json_steps": ["models/test_json_steps"],
    "_models.json_text": ["models/test_json_text"],
    "_models.markdown": ["models/test_markdown"],
    "_models.messages": ["models/test_messages"],
    "_models.raw": ["models/test_raw", "package/test_constructors"],
    "_models.response": ["models/test_response", "package/test_constructors"],
    "_models.status_errors": ["models/test_errors", "models/test_error_data"],
    "_settings.config": [
        "settings/test_config",
        "settings/test_secret",
        "protocol/test_request",
        "package/test_constructors",
    ],
    "_settings.hooks": ["settings/test_hooks", "package/test_constructors"],
    "_settings.option_checks": ["settings/test_options"],
    "_settings.options": ["settings/test_options", "protocol/test_request"],
    "_settings.rate_limit": ["settings/test_rate_limit", "package/test_constructors"],
    "_settings.rate_window": ["settings/test_rate_window", "package/test_constructors"],
    "_settings.retry": ["settings/test_retry", "package/test_constructors"],
    "_settings.secret": ["settings/test_secret"],
    "_settings.timeouts": ["settings/test_timeouts", "package/test_constructors"],
    "_settings.validators": ["settings/test_validators"],
    "_protocol.context.history": [
        "protocol/context/test_history",
        "package/test_constructors",
    ],
    "_protocol.context.policies": ["protocol/context/test_policies"],
    "_protocol.context.saved_conversation": [
        "protocol/context/test_saved_conversation"
    ],
    "_protocol.context.summarise": ["protocol/context/test_summarise"],
    "_protocol.context.tokens": [
        "protocol/context/test_tokens",
        "package/test_constructors",
    ],
    "_protocol.context.view": ["protocol/context/test_view"],
    "_protocol.converter": ["protocol/test_normalise", "protocol/test_converter"],
    "_protocol.error_body": ["protocol/test_error_body", "protocol/test_reply"],
    "_protocol.fast_chunks": ["protocol/test_fast_chunks", "package/test_constructors"],
    "_protocol.normalise": ["protocol/test_normalise", "protocol/test_reply"],
    "_protocol.public_error": ["protocol/test_public_error"],
    "_protocol.reply": ["protocol/test_reply", "models/test_errors"],
    "_protocol.request": [
        "protocol/test_request",
        "settings/test_options",
        "package/test_constructors",
    ],
    "_protocol.retry_after": ["protocol/test_retry_after"],
    "_protocol.sse_reader": ["protocol/test_sse_reader", "package/test_constructors"],
    "_protocol.sse_writer": ["protocol/test_sse_writer"],
    "_protocol.stream_answer": [
        "protocol/test_stream_answer",
        "package/test_constructors",
    ],
    "_call.answer_events": ["client/test_to_sse"],
    "_call.answer_reader": ["call/test_reply_reader", "package/test_constructors"],
    "_call.attempts": ["call/test_attempts", "package/test_constructors"],
    "_call.batch_queue": ["call/test_batch_queue", "package/test_constructors"],
    "_call.bytes_reader": ["call/test_bytes_reader", "package/test_constructors"],
    "_call.call": [
        "call/test_call",
        "call/test_rate_limiter",
        "package/test_constructors",
    ],
    "_call.chunk_stream": ["call/test_chunk_stream", "client/test_stream"],
    "_call.concurrent_calls": ["client/test_map", "package/test_constructors"],
    "_call.event_reader": ["call/test_reply_reader"],
    "_call.engine": ["client/test_client", "package/test_constructors"],
    "_call.hook_caller": ["call/test_hook_caller", "package/test_constructors"],
    "_call.rate_limiter": ["call/test_rate_limiter", "package/test_constructors"],
    "_call.reply_reader": ["call/test_reply_reader", "package/test_constructors"],
    "_call.resources": ["call/test_resources", "package/test_constructors"],
    "_call.without_key": ["call/test_without_key", "call/test_scrub_errors"],
    "_settings.echoes": ["settings/test_echoes", "settings/test_secret"],
    "_protocol.answer_parts": [
        "protocol/test_answer_parts",
        "protocol/test_stream_answer",
    ],
    "_protocol.members": ["protocol/test_members"],
    "_models.visible": ["models/test_visible"],
    "_models.notebook": ["models/test_notebook"],
    "_call.scrub_errors": ["call/test_scrub_errors"],
    "_call.task": ["call/test_task", "package/test_constructors"],
    "_call.timer": ["call/test_timer", "package/test_constructors"],
}

# Changes that no test can notice, with the reason.
EQUIVALENT: dict[tuple[str, str], str] = EQUIVALENT_IN_PROTOCOL | {
    (
        "_protocol.answer_parts",
        "Text.join: len(self.pieces) > 1 -> len(self.pieces) >= 1",
    ): "one piece joined is the same text",
    (
        "_models.json_text",
        (
            "load_json: data.count(b'[') + data.count(b'{') > MAX_DEPTH"
            " -> data.count(b'[') + data.count(b'{') >= MAX_DEPTH"
        ),
    ): "the count only avoids measuring the depth, which decides",
    (
        "_models.json_text",
        "module: 256 * 1024 -> 256 / 1024",
    ): "smaller valid JSON has too few values to be refused",
    (
        "_models.json_text",
        "_check_value_count: b'' -> b'XX'",
    ): "neither has a comma or a bracket",
    (
        "_call.without_key",
        "without_key: '\\n' -> 'XX\\n'",
    ): "a key has no newline, so either separates the texts",
    (
        "_call.without_key",
        "_reader: _READERS[kind] = read -> pass",
    ): "the table only saves time",
    (
        "_call.without_key",
        "_Redaction._of_number: '' -> 'XX'",
    ): "a number has at most one text",
    (
        "_call.without_key",
        "_Redaction._of_parts: strict=True -> (nothing)",
    ): "a mapping has as many names as values",
    (
        "_call.without_key",
        "_Redaction._of_parts: True -> False",
    ): "a mapping has as many names as values",
    (
        "_call.timer",
        "Timer._cancel_at: at <= now -> at < now",
    ): "an alarm that is due also cancels at the next checkpoint",
    (
        "_call.timer",
        "Timer._cancel_at: at < self._alarm_at -> at <= self._alarm_at",
    ): "the same alarm is set again",
    (
        "_protocol.context.view",
        "View._ordered_messages: strict=True -> (nothing)",
    ): "a turn has one message for each of its places",
    (
        "_protocol.context.view",
        "View._ordered_messages: True -> False",
    ): "a turn has one message for each of its places",
    (
        "_settings.rate_window",
        (
            "Window.wait: self._entries[0].at <= now - self.seconds"
            " -> self._entries[0].at < now - self.seconds"
        ),
    ): "an entry as old as the window asks for a wait of 0 seconds",
    (
        "_protocol.context.view",
        "_result_id: return '' -> return None",
    ): "no tool call has either name",
    (
        "_protocol.context.view",
        "_result_id: '' -> 'XX'",
    ): "no tool call has either name",
    (
        "_settings.retry",
        "RetryPolicy.next_wait: 60 -> 61",
    ): "both are far above each wait that is possible, and below an overflow",
    (
        "_protocol.context.view",
        "View.least: 6 -> 7",
    ): "the float errors that are rounded away are far smaller",
    (
        "_settings.retry",
        "RetryPolicy.may_heal: '' -> 'XX'",
    ): "neither is true or false",
    (
        "_protocol.context.summarise",
        (
            "Summarise._with_longer_summary: turn.places[-1] < upto"
            " -> turn.places[-1] <= upto"
        ),
    ): "the next message begins a turn, which has more messages or is the last",
    (
        "_protocol.context.summarise",
        "Summarise._write: return '' -> return None",
    ): "both mean that there is no summary",
    (
        "_protocol.context.summarise",
        "Summarise._shortened: 0 -> 1",
    ): "the message of a summary does not tell how many messages it replaces",
    (
        "_protocol.context.summarise",
        "_cut: len(data) <= size -> len(data) < size",
    ): "a text of just this size is cut at its end",
    (
        "_call.hook_caller",
        "HookCaller._report: stacklevel=2 -> (nothing)",
    ): "the warning names a line of this module in either case",
    (
        "_call.hook_caller",
        "HookCaller._report: 2 -> 3",
    ): "the warning names a line of this module in either case",
}
