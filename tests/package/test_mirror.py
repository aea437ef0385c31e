"""
Where the tests of a module are: in the test file of its name, or in a listed file.
"""

from __future__ import annotations

from pathlib import Path

import asi1


ROOT = Path(asi1.__file__).parent
TESTS = Path(__file__).parents[1]

# Each test file whose name differs from those of the modules that it tests, with
# the paths of these modules.
TESTED_IN = {
    # The fast path is tested by the chunks that it makes.
    "protocol/test_fast_chunks": ["_models/pending_fields", "_protocol/fast_templates"],
    "protocol/test_answer_parts": ["_protocol/call_arguments"],
    # Data classes are tested where their data is decoded from JSON.
    "protocol/test_converter": ["_models/base_types"],
    "models/test_json_text": ["_models/surrogates"],
    "protocol/test_stream_answer": ["_models/chunk_parts"],
    "models/test_errors": ["_models/busy_errors", "_models/status_errors"],
    "call/test_budgets": ["_settings/budget", "_call/shared_lock"],
    "client/test_lazy": [
        "_client/child_settings",
        "_client/lazy_engine",
        "_settings/optional",
    ],
    "protocol/test_reply": ["_protocol/chunk_event"],
    "protocol/test_request": ["_protocol/plain_request"],
    # Prices are tested by what answers cost, and by what clients have spent.
    "settings/test_prices": ["_models/cost", "_models/price_table", "_models/spent"],
    "call/test_prompts": [
        "_call/map_plan",
        "_call/prompt_call",
        "_client/map_calls",
        "_protocol/map_items",
    ],
    "blocking/test_map": ["_blocking/map_calls"],
    "blocking/test_client": ["_blocking/loaders"],
    "blocking/test_conversation": ["_blocking/agent_turns"],
    # Types are tested by the schemas and decoders that are made of them.
    "protocol/schema/test_describe": [
        "_protocol/schema/annotations",
        "_protocol/schema/choices",
        "_protocol/schema/fields",
        "_protocol/schema/shapes",
        "_protocol/schema/type_names",
    ],
    "protocol/schema/test_decode": [
        "_protocol/schema/mismatch",
        "_protocol/schema/objects",
    ],
    # The next action of a run is tested by the tests of the log, which decides the
    # action.
    "protocol/tools/test_run_log": ["_protocol/tools/run_actions"],
    # The events of a run are tested where they are saved and loaded.
    "protocol/tools/test_saved_run": ["_protocol/tools/run_events"],
    # The items of a run are tested through the sources that make and read them.
    "call/test_tool_sources": ["_call/run_item"],
    # `ToolSpec` is a protocol, which has no behaviour of its own.
    "protocol/tools/test_tool": ["_protocol/tools/tool_spec"],
    # `_version` has no behaviour of its own.
    "package/test_exports": ["_names", "_version"],
    # The checks of options are tested by the tests of the options.
    "settings/test_options": ["_settings/option_checks"],
    # Large requests are sent on asyncio and on trio by the same tests.
    "transport/test_connect": ["_transport/sending", "_transport/trio_socket"],
    # The handover of a connection to h11 is tested with asi1's own connections.
    "transport/test_plain_connection": ["_transport/h11_connection"],
    # Conversation turns and the transport are tested through clients.
    "client/test_client": [
        "_client/chat",
        "_transport/httpx_request",
        "_transport/transport",
    ],
    "client/conversation/test_turn_parse": ["_client/conversation/agent_turns"],
    "client/conversation/test_conversation": [
        "_client/conversation/opening",
        "_client/conversation/turn",
        "_client/conversation/turn_requests",
        "_client/conversation/turn_stream",
        "_client/conversation/turn_taking",
    ],
    "client/test_to_sse": ["_call/chunk_sse"],
    "call/test_answer_cache": ["_call/reply_recorder"],
    "call/test_reply_reader": [
        "_call/answer_reader",
        "_call/chunk_reader",
        "_call/json_reader",
    ],
    "client/test_images": ["_call/images_reader"],
    "client/test_models": ["_blocking/models", "_settings/model_list"],
    "client/test_raw_calls": ["_client/api_response"],
    "blocking/test_raw_calls": ["_blocking/api_response"],
    "client/test_agent_calls": ["_call/parse_rounds"],
    "system/life/test_fork": ["_fork_lock"],
    "system/life/test_user_clients": ["_transport/user_loops"],
    # Parts of the command line are tested by the command's input and output.
    "cli/test_ask": [
        "cli/_call_options",
        "cli/_parser",
        "cli/_terminal",
        "cli/_view",
    ],
    "cli/test_batch": ["cli/_batch_progress"],
    "cli/doctor/test_doctor": ["cli/_doctor/calls", "cli/_doctor/parser"],
    "cli/chat/test_chat": [
        "cli/_chat/commands",
        "cli/_chat/keys",
        "cli/_chat/parser",
        "cli/_chat/reader",
        "cli/_chat/session",
        "cli/_chat/turn",
    ],
    # The locked file is tested by opening it twice.
    "client/batch/test_output_file": ["_client/batch/file_lock"],
    "blocking/test_batch": ["_blocking/batch_run"],
    # The arguments of a batch are tested through the client's method `batch`.
    "client/batch/test_run": ["_client/batch/batch", "_client/batch/settings"],
    # Web frameworks call `asi1.integrations`, which is tested on real servers.
    "system/services/test_services": [
        "integrations/_events",
        "integrations/_watch",
        "integrations/aiohttp",
    ],
    "integrations/test_otel": ["integrations/_otel_messages"],
    # The connections to Redis are tested through the limiter.
    "integrations/test_redis": ["integrations/_redis_link"],
    # The fake server is tested by the replies and faults that the server sends.
    "testing/test_faults": [
        "testing/_faults/base",
        "testing/_faults/catalogue",
        "testing/_faults/connection",
        "testing/_faults/dialect",
        "testing/_faults/flood",
        "testing/_faults/http",
        "testing/_faults/request",
        "testing/_faults/status",
        "testing/_faults/stream",
        "testing/_faults/text",
        "testing/_plan",
        "testing/_render",
    ],
    # The file of a cassette is tested by what a cassette records and replays.
    "testing/test_cassette": [
        "testing/_difference",
        "testing/_exchange",
        "testing/_recorded_body",
        "testing/_tape",
    ],
    "testing/test_server": ["testing/_connection"],
    "testing/test_replies": [
        "testing/_answer",
        "testing/_fake",
        "testing/_request",
        "testing/_script",
        "testing/_scripting",
        "testing/_shapes",
    ],
}
LISTED = [module for modules in TESTED_IN.values() for module in modules]


def without_test_file(root, tests):
    """List the modules in *root* that have no test file of the same name in *tests*."""
    missing = []
    for path in sorted(root.rglob("*.py")):
        inner = path.relative_to(root).with_suffix("")
        if inner.name in {"__init__", "__main__"}:
            continue
        *folders, name = [part.lstrip("_") for part in inner.parts]
        if not tests.joinpath(*(folders or ["package"]), f"test_{name}.py").exists():
            missing.append(inner.as_posix())
    return missing


def test_every_module_has_a_test_file_of_its_name_or_is_in_tested_in():
    """
    A module's tests are in the test file of the same name, or in the test file that
    `TESTED_IN` names for the module.
    """
    assert sorted(LISTED) == without_test_file(ROOT, TESTS)


def test_every_test_file_named_in_tested_in_exists():
    """
    Each test file that `TESTED_IN` names exists.
    """
    assert [] == [name for name in TESTED_IN if not (TESTS / f"{name}.py").exists()]


def test_module_that_has_no_test_file_of_its_name_is_reported(tmp_path):
    """
    A module without a test file of its name is reported. Underscores do not count,
    tests of top-level modules are in the folder `package`, and ``__init__`` needs no
    test file.
    """
    root, tests = tmp_path / "dummy", tmp_path / "tests"
    for name in ("_log", "_call/__init__", "_call/timer", "_call/task", "cli/_ask"):
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert ["_call/task", "_call/timer", "_log", "cli/_ask"] == without_test_file(
        root, tests
    )

    for name in ("package/test_log", "call/test_timer", "cli/test_ask", "test_task"):
        path = tests / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert ["_call/task"] == without_test_file(root, tests)
