"""
asi1 in OpenTelemetry: spans and metrics by its conventions for generative AI.

    client = instrument(AsyncASI1())

Each chat call is a span ``chat MODEL``; a run of tools is a span ``invoke_workflow``,
with the spans of its calls and tools (``execute_tool NAME``) as children. The current
span of the caller is the parent. Messages and answers are recorded only if the
environment variable of the conventions asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from attrs import define, field

from .. import ASI1, AsyncASI1, Call, ConfigurationError, Hooks
from .._install import install_hint
from .._version import __version__


try:
    from opentelemetry.util.genai.handler import TelemetryHandler
    from opentelemetry.util.genai.invocation import (
        InferenceInvocation,
        ToolInvocation,
        WorkflowInvocation,
    )

    from ._otel_messages import input_messages, output_messages, system_parts
except ImportError as _missing:
    raise ImportError(
        f"asi1.integrations.otel needs OpenTelemetry: {install_hint('otel')}"
    ) from _missing

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


__all__ = ["instrument", "tracing_hooks"]

_Client = TypeVar("_Client", bound=AsyncASI1 | ASI1)
_Invocation: TypeAlias = "InferenceInvocation | ToolInvocation | WorkflowInvocation"

# The name of the provider; the conventions define none for ASI-1.
_PROVIDER = "asi_one"
# The options of a call that have an attribute in the conventions.
_OPTIONS = {
    **dict.fromkeys(("temperature", "top_p", "max_tokens", "seed")),
    **dict.fromkeys(("frequency_penalty", "presence_penalty")),
    "n": "request_choice_count",
}


def instrument(
    client: _Client,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> _Client:
    """
    Record the later calls of *client* as spans and metrics, and return *client*.

    A client that is instrumented already, or is a copy of such a client, does not
    change.

    Args:
        client: An `AsyncASI1` or `ASI1`; the hooks that it has are kept.
        tracer_provider: Gets the spans; OpenTelemetry's global one if left out.
        meter_provider: Gets the metrics; OpenTelemetry's global one if left out.
        logger_provider: Gets the events with contents, if the environment asks for
            them; OpenTelemetry's global one if left out.

    Raises:
        ConfigurationError: *client* is not a client of asi1.
        ClientClosedError: The client is closed.
    """
    _check_client(client)
    engine = client._engine  # noqa: SLF001 - the integration is a part of asi1
    engine.check_open()
    present = engine.resources.hooks
    if present is None or not any(map(_is_tracing, present.hooks)):
        hooks = tracing_hooks(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            logger_provider=logger_provider,
        )
        engine.add_hooks((hooks,))
    return client


def tracing_hooks(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> Hooks:
    """
    Return the `Hooks` of `instrument`, for the argument ``hooks`` of a client.

    Arguments are as for `instrument`. Whether contents are recorded is read here, from
    the environment variable ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``.
    """
    handler = TelemetryHandler(
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
        instrumentation_scope_name="asi1",
        instrumentation_scope_version=__version__,
    )
    spans = _Spans(handler)
    return Hooks(
        on_start=spans.start,
        on_wait=spans.wait,
        on_retry=spans.retry,
        on_chunk=spans.chunk,
        on_end=spans.end,
        contents=handler.should_capture_content(),
        runs=True,
    )


def _check_client(client: object) -> None:
    if not isinstance(client, AsyncASI1 | ASI1):
        kind = type(client).__name__
        raise ConfigurationError(f"client: must be an AsyncASI1 or ASI1, not {kind}")


def _is_tracing(hooks: Hooks) -> bool:
    return isinstance(getattr(hooks.on_start, "__self__", None), _Spans)


@define(eq=False)
class _Spans:
    """The spans of running calls, tool runs and tools."""

    _handler: TelemetryHandler
    _open: dict[str, _Invocation] = field(factory=dict, init=False)

    def start(self, call: Call) -> None:
        """Begin the span of *call*."""
        begin = _BEGIN.get(call.operation)
        if begin is not None:
            run = None if call.parent is None else self._open.get(call.parent.id)
            within = None if run is None else run.context
            invocation = begin(self._handler, call, within)
            invocation.attributes |= {
                f"asi1.tag.{name}": tag for name, tag in call.tags.items()
            }
            self._open[call.id] = invocation

    def wait(self, call: Call) -> None:
        """Add an event to the span: *call* waits for a rate limit."""
        invocation = self._open.get(call.id)
        if invocation is not None and call.wait is not None:
            event = {"asi1.wait.reason": call.wait.reason}
            seconds = {"asi1.wait.seconds": call.wait.seconds}
            invocation.span.add_event("asi1.wait", {**event, **seconds})

    def retry(self, call: Call) -> None:
        """Add an event to the span: an attempt of *call* failed, another follows."""
        invocation = self._open.get(call.id)
        if invocation is not None and call.wait is not None:
            failed = call.attempts[-1]
            told = {
                "error.type": _error_type(call.error),
                "http.response.status_code": failed.status,
                "http.request.resend_count": failed.number,
                "asi1.wait.seconds": call.wait.seconds,
            }
            known = {name: value for name, value in told.items() if value is not None}
            invocation.span.add_event("asi1.retry", known)

    def chunk(self, call: Call) -> None:
        """Measure the time to the first chunk, and between the reads of chunks."""
        invocation = self._open.get(call.id)
        if invocation is not None:
            invocation.record_stream_chunk()

    def end(self, call: Call) -> None:
        """End the span of *call*."""
        invocation = self._open.pop(call.id, None)
        if invocation is None:
            return
        if isinstance(invocation, InferenceInvocation):
            _add_answer(invocation, call)
        if call.error is None:
            invocation.stop()
        else:
            invocation.fail(call.error)


def _begin_chat(
    handler: TelemetryHandler, call: Call, within: Context | None
) -> InferenceInvocation:
    invocation = _inference(handler, call, within, "chat")
    for name, attribute in _OPTIONS.items():
        setattr(invocation, attribute or name, call.options.get(name))
    stop = call.options.get("stop")
    invocation.stop_sequences = [stop] if isinstance(stop, str) else stop
    if str(call.options.get("response_format")).startswith("json"):
        invocation.output_type = "json"
    if call.stream:
        invocation.request_stream = True
    if call.messages is not None:
        invocation.input_messages = input_messages(call.messages)
        invocation.system_instruction = system_parts(call.messages)
    return invocation


def _begin_images(
    handler: TelemetryHandler, call: Call, within: Context | None
) -> InferenceInvocation:
    invocation = _inference(handler, call, within, "generate_content")
    invocation.output_type = "image"
    return invocation


def _inference(
    handler: TelemetryHandler, call: Call, within: Context | None, operation: str
) -> InferenceInvocation:
    url = urlsplit(call.url or "")
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return handler.inference(
        _PROVIDER,
        operation_name=operation,
        request_model=call.model,
        server_address=url.hostname,
        server_port=port,
        conversation_id=call.session_id,
        context=within,
    )


def _begin_run(
    handler: TelemetryHandler, call: Call, within: Context | None
) -> WorkflowInvocation:
    invocation = handler.workflow(call.operation, context=within)
    # A tool run begins in its reader's task, whose current span must not change.
    invocation.suspend()
    return invocation


def _begin_tool(
    handler: TelemetryHandler, call: Call, within: Context | None
) -> ToolInvocation:
    invocation = handler.tool(call.name or "", tool_type="function", context=within)
    invocation.tool_call_id = call.tool_call_id
    return invocation


# The functions that begin spans, by operation; "request" has none, since it is not a
# call of generative AI.
_BEGIN: Mapping[str, Callable[[TelemetryHandler, Call, Any], _Invocation]] = {
    "chat": _begin_chat,
    "images": _begin_images,
    "run_tools": _begin_run,
    "parse": _begin_run,
    "tool": _begin_tool,
}


def _add_answer(invocation: InferenceInvocation, call: Call) -> None:
    """Add attributes about the answer of *call* to its span."""
    invocation.response_id = call.response_id
    invocation.response_model_name = call.response_model
    if call.finish_reason is not None:
        invocation.finish_reasons = [call.finish_reason]
    if call.response is not None and call.response.cached:
        invocation.attributes["asi1.cached"] = True
    elif call.usage is not None:
        invocation.input_tokens = call.usage.prompt_tokens
        invocation.output_tokens = call.usage.completion_tokens
        invocation.thinking_tokens = call.usage.reasoning_tokens
        if call.usage.cached_tokens > 0:
            invocation.cache_read_input_tokens = call.usage.cached_tokens
    if call.answer is not None:
        invocation.output_messages = output_messages(call.answer)


def _error_type(error: Exception | None) -> str | None:
    if error is None:
        return None
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"
