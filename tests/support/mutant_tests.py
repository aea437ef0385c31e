"""
For each module that `mutants` changes: the test files to run, and the changes that no
test can notice.
"""

from __future__ import annotations

from pathlib import Path

from . import (
    equivalent_call,
    equivalent_models,
    equivalent_protocol,
    equivalent_settings,
)


__all__ = ["EQUIVALENT", "LAYERS", "TESTS"]

_ROOT = Path(__file__).parents[2]

# The packages of asi1 whose modules `mutants` changes.
LAYERS = ("_models", "_settings", "_protocol", "_call")

# Modules that are tested in other files than the test file of their own name. The files
# that notice most changes come first, since a run ends at the first failure.
_LISTED: dict[str, list[str]] = {
    "_models.base_types": ["settings/test_timeouts", "models/test_error_data"],
    "_models.chunk_parts": ["protocol/test_stream_answer", "protocol/test_fast_chunks"],
    "_models.cost": ["settings/test_prices"],
    "_models.price_table": ["settings/test_prices"],
    "_models.surrogates": ["models/test_json_text", "models/test_json_steps"],
    "_models.spent": ["settings/test_prices", "call/test_budgets"],
    "_call.shared_lock": ["call/test_budgets"],
    "_settings.budget": ["call/test_budgets"],
    "_settings.optional": ["client/test_lazy"],
    "_settings.model_list": ["client/test_models"],
    "_protocol.map_items": ["call/test_prompts", "client/test_map"],
    "_protocol.plain_request": ["protocol/test_request"],
    "_call.map_plan": ["call/test_prompts", "client/test_map"],
    "_call.prompt_call": ["call/test_prompts", "call/test_concurrent_calls"],
    "_models.errors": ["models/test_errors", "models/test_error_data"],
    "_models.raw": ["models/test_raw", "package/test_constructors"],
    "_models.response": ["models/test_response", "package/test_constructors"],
    "_models.status_errors": ["models/test_errors", "models/test_error_data"],
    "_settings.config": [
        "settings/test_config",
        "settings/test_secret",
        "protocol/test_request",
        "package/test_constructors",
    ],
    "_call.reply_recorder": ["call/test_answer_cache"],
    "_settings.hooks": ["settings/test_hooks", "package/test_constructors"],
    "_settings.option_checks": ["settings/test_options"],
    "_settings.options": ["settings/test_options", "protocol/test_request"],
    "_settings.rate_limit": ["settings/test_rate_limit", "package/test_constructors"],
    "_settings.rate_window": ["settings/test_rate_window", "package/test_constructors"],
    "_settings.retry": ["settings/test_retry", "package/test_constructors"],
    "_settings.timeouts": ["settings/test_timeouts", "package/test_constructors"],
    "_protocol.context.history": [
        "protocol/context/test_history",
        "package/test_constructors",
    ],
    "_protocol.context.tokens": [
        "protocol/context/test_tokens",
        "package/test_constructors",
    ],
    "_protocol.converter": ["protocol/test_normalise", "protocol/test_converter"],
    "_protocol.error_body": ["protocol/test_error_body", "protocol/test_reply"],
    "_protocol.fast_chunks": [
        "protocol/test_fast_chunks",
        "protocol/test_reply",
        "package/test_constructors",
    ],
    "_protocol.normalise": [
        "protocol/test_normalise",
        "protocol/test_reply",
        "package/test_constructors",
    ],
    "_protocol.chunk_event": ["protocol/test_reply"],
    "_protocol.reply": [
        "protocol/test_reply",
        "protocol/test_error_body",
        "models/test_errors",
    ],
    "_protocol.request": [
        "protocol/test_request",
        "settings/test_options",
        "package/test_constructors",
    ],
    "_protocol.sse_reader": ["protocol/test_sse_reader", "package/test_constructors"],
    "_protocol.stream_answer": [
        "protocol/test_stream_answer",
        "protocol/test_members",
        "package/test_constructors",
    ],
    "_call.answer_events": ["call/test_answer_events", "client/test_to_sse"],
    "_call.answer_reader": ["call/test_reply_reader", "package/test_constructors"],
    "_call.attempts": ["call/test_attempts", "package/test_constructors"],
    "_call.batch_queue": ["call/test_batch_queue", "package/test_constructors"],
    "_call.bytes_reader": ["call/test_bytes_reader", "package/test_constructors"],
    "_call.call": [
        "call/test_call",
        "call/test_rate_limiter",
        "package/test_constructors",
    ],
    "_call.chunk_reader": ["call/test_reply_reader", "call/test_chunk_stream"],
    "_call.chunk_sse": ["client/test_to_sse"],
    "_call.chunk_stream": ["call/test_chunk_stream", "client/test_stream"],
    "_call.concurrent_calls": [
        "call/test_concurrent_calls",
        "client/test_map",
        "package/test_constructors",
    ],
    "_call.json_reader": ["call/test_reply_reader"],
    "_call.event_reader": ["call/test_event_reader", "package/test_constructors"],
    "_call.engine": [
        "call/test_engine",
        "client/test_client",
        "package/test_constructors",
    ],
    "_call.hook_caller": [
        "call/test_hook_caller",
        "call/test_watch",
        "package/test_constructors",
    ],
    "_call.rate_limiter": ["call/test_rate_limiter", "package/test_constructors"],
    "_call.reply_reader": [
        "call/test_bytes_reader",
        "call/test_reply_reader",
        "package/test_constructors",
    ],
    "_call.resources": ["call/test_resources", "package/test_constructors"],
    "_call.run_item": ["call/test_tool_sources", "call/test_tool_rounds"],
    "_call.run_sse": ["call/test_run_sse", "package/test_constructors"],
    "_call.without_key": ["call/test_without_key", "call/test_scrub_errors"],
    "_settings.escapes": ["settings/test_escapes", "settings/test_echoes"],
    "_settings.echoes": ["settings/test_echoes", "settings/test_secret"],
    "_models.pending_fields": ["protocol/test_fast_chunks"],
    "_protocol.fast_templates": [
        "protocol/test_fast_chunks",
        "protocol/test_reply",
        "package/test_constructors",
    ],
    "_protocol.call_arguments": [
        "protocol/test_answer_parts",
        "protocol/test_stream_answer",
        "package/test_constructors",
    ],
    "_protocol.answer_parts": [
        "protocol/test_answer_parts",
        "protocol/test_stream_answer",
        "package/test_constructors",
    ],
    "_call.task": ["call/test_task", "package/test_constructors"],
    "_call.timer": ["call/test_timer", "package/test_constructors"],
    "_models.sent_back": ["models/test_sent_back", "models/test_messages"],
    "_call.images_reader": ["client/test_images"],
    "_call.parse_rounds": ["client/test_agent_calls"],
    "_protocol.schema.annotations": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.answer_text": [
        "protocol/schema/test_answer_text",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.bounds": [
        "protocol/schema/test_bounds",
        "protocol/schema/test_output_type",
    ],
    "_protocol.tools.run_actions": ["protocol/tools/test_run_log"],
    "_protocol.tools.run_events": ["protocol/tools/test_saved_run"],
    "_protocol.tools.tool_spec": ["protocol/tools/test_tool"],
    "_protocol.schema.choices": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.decode": [
        "protocol/schema/test_decode",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.describe": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.docstrings": [
        "protocol/schema/test_docstrings",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.encode": [
        "protocol/schema/test_encode",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.fields": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.foreign": [
        "protocol/schema/test_foreign",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.mismatch": [
        "protocol/schema/test_decode",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.objects": [
        "protocol/schema/test_decode",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.scalars": [
        "protocol/schema/test_scalars",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.shapes": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.strict": [
        "protocol/schema/test_strict",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.type_names": [
        "protocol/schema/test_describe",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.unions": [
        "protocol/schema/test_unions",
        "protocol/schema/test_output_type",
    ],
    "_protocol.schema.write": [
        "protocol/schema/test_write",
        "protocol/schema/test_output_type",
    ],
}


def _modules() -> list[str]:
    """Return the names of the modules in `LAYERS`, without the leading ``asi1.``."""
    folders = [_ROOT / "asi1" / layer for layer in LAYERS]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [
        ".".join(path.relative_to(_ROOT / "asi1").with_suffix("").parts)
        for path in paths
        if path.name != "__init__.py"
    ]


def _own_test(module: str) -> str:
    """Return the test file of the module's own name, as `test_mirror` expects it."""
    *folders, name = [part.lstrip("_") for part in module.split(".")]
    return "/".join([*folders, f"test_{name}"])


# The test files of each module: those in `_LISTED`, else the test file of the module's
# own name.
TESTS = {
    module: _LISTED.get(module, [_own_test(module)])
    for module in _modules()
    if module in _LISTED or (_ROOT / "tests" / f"{_own_test(module)}.py").exists()
}

# Changes to asi1's code that no test can notice, each with the reason.
EQUIVALENT: dict[tuple[str, str], str] = {
    **equivalent_call.EQUIVALENT,
    **equivalent_models.EQUIVALENT,
    **equivalent_protocol.EQUIVALENT,
    **equivalent_settings.EQUIVALENT,
    (
        "_protocol.context.view",
        "View._ordered_messages: strict=True -> (nothing)",
    ): "a turn has one message for each of its places",
    (
        "_protocol.context.view",
        "View._ordered_messages: True -> False",
    ): "a turn has one message for each of its places",
    (
        "_protocol.context.view",
        "_result_id: return '' -> return None",
    ): "no tool call has either name",
    (
        "_protocol.context.view",
        "_result_id: '' -> 'XX'",
    ): "no tool call has either name",
    (
        "_protocol.context.view",
        "View.least: 6 -> 7",
    ): "the float errors that are rounded away are far smaller",
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
}
