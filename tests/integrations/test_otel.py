"""
OpenTelemetry: the spans, metrics and contents of calls, however a call ends, under the
names in OpenTelemetry's conventions for generative AI.
"""

from __future__ import annotations

import gc
import io
import json

from contextlib import suppress

import anyio
import pytest

import asi1

from asi1 import ASI1, AsyncASI1, RetryPolicy
from asi1.testing import FakeASI1

from ..support.scripted_model import ScriptedModel, call


for needed in ("opentelemetry.util.genai", "opentelemetry.sdk"):
    pytest.importorskip(needed, reason="needs opentelemetry-util-genai and -sdk")

from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import (  # noqa: E402
    ConsoleSpanExporter,
    SimpleSpanProcessor,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: E402
    InMemorySpanExporter,
)
from opentelemetry.semconv._incubating.attributes import (  # noqa: E402
    gen_ai_attributes,
    http_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics  # noqa: E402
from opentelemetry.semconv.attributes import (  # noqa: E402
    error_attributes,
    server_attributes,
)
from opentelemetry.trace import SpanKind, StatusCode  # noqa: E402

from asi1.integrations.otel import instrument, tracing_hooks  # noqa: E402


QUICK = RetryPolicy(wait_first=0)
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
REGISTRY = {
    value
    for module in (
        *(gen_ai_attributes, http_attributes, error_attributes, server_attributes),
        gen_ai_metrics,
    )
    for value in vars(module).values()
    if isinstance(value, str)
}
both_forms = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class Telemetry:
    """Providers that keep the spans and metrics of one test."""

    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def watch(self, client):
        """Instrument *client*, and return it."""
        return instrument(
            client, tracer_provider=self.tracers, meter_provider=self.meters
        )

    def outer(self):
        """Return a context manager that opens a span of the program, not of asi1."""
        return self.tracers.get_tracer("program").start_as_current_span("outer")

    @property
    def spans(self):
        """The spans that have ended, by their names."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def metrics(self):
        """The data points of each metric, by the metric's name."""
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def telemetry(monkeypatch):
    """Return providers that keep spans and metrics; the contents of messages are not
    captured.
    """
    monkeypatch.delenv(CAPTURE, raising=False)
    return Telemetry()


def client_of(fake, kind=AsyncASI1, **options):
    """Return a client that calls *fake* without a socket."""
    options = {"transport": fake.transport, "retry": QUICK, **options}
    return kind("k", "http://127.0.0.1:8080", **options)


async def ask(client, *, stream=False, **options):
    """Send one question, streamed or not, and return the complete answer."""
    made = await client.chat.completions.create(messages="Hi", stream=stream, **options)
    return await made.get_final_completion() if stream else made


# Each attribute of a chat span, by its name in the conventions, with its value. None
# stands for a value that differs from call to call.
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "asi_one",
    "gen_ai.request.model": "asi1-mini",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.max_tokens": 99,
    "gen_ai.request.frequency_penalty": 0.1,
    "gen_ai.request.presence_penalty": 0.2,
    "gen_ai.request.seed": 7,
    "gen_ai.request.stop_sequences": ("a", "b"),
    "gen_ai.request.choice.count": 1,
    "gen_ai.output.type": "json",
    "gen_ai.conversation.id": "s1",
    "gen_ai.response.id": None,
    "gen_ai.response.model": "asi1-mini",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 20,
    "gen_ai.usage.output_tokens": 30,
    "gen_ai.usage.reasoning.output_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 5,
    "server.address": "127.0.0.1",
    "server.port": 8080,
    "asi1.tag.job": "x",
}
STREAM = {
    "gen_ai.request.stream": True,
    "gen_ai.response.time_to_first_chunk": None,
}
METRICS = {
    "gen_ai.client.operation.duration",
    "gen_ai.client.token.usage",
}
STREAM_METRICS = {
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.client.operation.time_per_output_chunk",
}


@both_forms
async def test_chat_span_has_every_attribute_of_the_conventions(telemetry, stream):
    """
    The span of a chat call is a child of the caller's span, of the kind CLIENT. The
    chat span has the attributes in `CHAT` and, for a stream, those in `STREAM`. The
    names of these attributes are in the registry of the conventions.
    """
    fake = FakeASI1()
    details = {"cached_tokens": 5}
    usage = {"prompt_tokens": 20, "completion_tokens": 30, "reasoning_tokens": 10}
    fake.reply("{}", usage={**usage, "prompt_tokens_details": details})

    async with telemetry.watch(client_of(fake, tags={"job": "x"})) as client:
        with telemetry.outer():
            answer = await ask(
                client,
                stream=stream,
                temperature=0.5,
                top_p=0.9,
                max_tokens=99,
                frequency_penalty=0.1,
                presence_penalty=0.2,
                seed=7,
                stop=["a", "b"],
                n=1,
                session_id="s1",
                response_format={"type": "json_object"},
            )

    span, outer = telemetry.spans["chat asi1-mini"], telemetry.spans["outer"]
    table = CHAT | STREAM if stream else CHAT
    told = {k: v for k, v in span.attributes.items() if table.get(k) is not None}
    assert set(table) == set(span.attributes)
    assert {k: v for k, v in table.items() if v is not None} == told
    assert answer.id == span.attributes["gen_ai.response.id"]
    assert set() == {k for k in table if not k.startswith("asi1.")} - REGISTRY
    assert (SpanKind.CLIENT, StatusCode.UNSET) == (span.kind, span.status.status_code)
    assert outer.context.span_id == span.parent.span_id
    assert "asi1" == span.instrumentation_scope.name
    assert (METRICS | STREAM_METRICS if stream else METRICS) == set(telemetry.metrics)
    assert METRICS | STREAM_METRICS <= REGISTRY
    tokens = telemetry.metrics["gen_ai.client.token.usage"]
    assert {"input": 20, "output": 30} == {
        point.attributes["gen_ai.token.type"]: point.sum for point in tokens
    }


async def leave(client):
    """Leave a stream after its first chunk."""
    async with client.chat.completions.stream(messages="Hi") as stream:
        async for _ in stream:
            break


async def drop(client):
    """Read one chunk of a stream, and drop the only reference to the stream."""
    stream = client.chat.completions.stream(messages="Hi")
    await anext(stream)
    del stream
    gc.collect()
    await anyio.sleep(1)


async def cancel(client):
    """Cancel a call."""
    with anyio.move_on_after(1):
        await ask(client)


async def time_out(client):
    """Let a call time out."""
    with suppress(asi1.APITimeoutError):
        await ask(client, timeout=1)


async def close(client):
    """Close the client while a call runs."""
    async with anyio.create_task_group() as group:

        async def run():
            with suppress(asi1.ClientClosedError):
                await ask(client)

        group.start_soon(run)
        await anyio.sleep(1)
        await client.aclose()


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("way", "error"),
    [
        (leave, "asi1.StreamClosedError"),
        (drop, "asi1.StreamClosedError"),
        (cancel, "asi1.CallCancelledError"),
        (time_out, "asi1.APITimeoutError"),
        (close, "asi1.ClientClosedError"),
    ],
)
async def test_failed_or_abandoned_call_ends_its_span_with_an_error(
    telemetry, way, error
):
    """
    A stream that is closed early or dropped, and a call that is cancelled, times out or
    has its client closed, has one span, which ends with ``error.type``. The metric of
    the call's duration has this error as well.
    """
    fake = FakeASI1()
    fake.fault("stall", after_chunks=2, times=None)

    async with telemetry.watch(client_of(fake, max_retries=None)) as client:
        await way(client)

    (span,) = telemetry.exporter.get_finished_spans()
    (point,) = telemetry.metrics["gen_ai.client.operation.duration"]
    assert (StatusCode.ERROR, error, error) == (
        span.status.status_code,
        span.attributes["error.type"],
        point.attributes["error.type"],
    )


@both_forms
async def test_failed_attempt_is_an_event_in_the_span_of_its_call(telemetry, stream):
    """
    If an attempt fails and its retry succeeds, the call's span has succeeded. The
    failed attempt is an event of this span, with the attempt's status and error.
    """
    fake = FakeASI1()
    fake.fail(503)

    async with telemetry.watch(client_of(fake)) as client:
        await ask(client, stream=stream)

    span = telemetry.spans["chat asi1-mini"]
    (event,) = span.events
    assert "asi1.retry" == event.name
    assert {
        "error.type": "asi1.InternalServerError",
        "http.response.status_code": 503,
        "http.request.resend_count": 1,
        "asi1.wait.seconds": 0.0,
    } == dict(event.attributes)
    assert {"error.type", "http.response.status_code", "http.request.resend_count"} <= (
        REGISTRY
    )
    assert StatusCode.UNSET == span.status.status_code


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("kind", [AsyncASI1, ASI1])
@both_forms
async def test_calls_and_tools_of_a_run_have_spans_below_the_span_of_the_run(
    telemetry, kind, stream
):
    """
    A run with tools has a span named ``invoke_workflow``, a child of the caller's span.
    The spans of the run's calls and tools are children of the run's span, even in
    blocking code. While the run is read, the caller's current span does not change.
    """
    model = ScriptedModel([call("1", "add", a=1, b=2), call("2", "gone")])
    client = telemetry.watch(model.client(kind))
    now = []

    def read():
        with telemetry.outer() as outer, client:
            run = client.chat.completions.run_tools(
                messages="Hi", tools=[add], stream=stream
            )
            now.extend(_current() is outer for _ in run)

    if kind is ASI1:
        await anyio.to_thread.run_sync(read)
    else:
        with telemetry.outer() as outer:
            async with client:
                run = client.chat.completions.run_tools(
                    messages="Hi", tools=[add], stream=stream
                )
                now.extend([_current() is outer async for _ in run])

    spans = telemetry.exporter.get_finished_spans()
    parents = {span.context.span_id: span.name for span in spans}
    assert [
        ("chat asi1-mini", "invoke_workflow run_tools"),
        ("execute_tool add", "invoke_workflow run_tools"),
        ("chat asi1-mini", "invoke_workflow run_tools"),
        ("invoke_workflow run_tools", "outer"),
        ("outer", None),
    ] == [(s.name, s.parent and parents[s.parent.span_id]) for s in spans]
    tool = telemetry.spans["execute_tool add"]
    assert {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "1",
    } == dict(tool.attributes)
    workflow = telemetry.spans["invoke_workflow run_tools"]
    assert {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "run_tools",
    } == dict(workflow.attributes)
    assert {SpanKind.INTERNAL} == {tool.kind, workflow.kind}
    assert {*tool.attributes, *workflow.attributes} <= REGISTRY
    assert now
    assert all(now)


def _current():
    from opentelemetry.trace import get_current_span

    return get_current_span()


def test_span_of_a_blocking_call_is_a_child_of_the_callers_span(telemetry):
    """
    A blocking call runs on another thread, but its span is a child of the caller's
    span.
    """
    fake = FakeASI1()
    with telemetry.watch(client_of(fake, ASI1)) as client, telemetry.outer():
        client.chat.completions.create(messages="Hi")
        with client.chat.completions.stream(messages="Hi") as stream:
            next(stream)

    *chats, outer = telemetry.exporter.get_finished_spans()
    assert [outer.context.span_id] * 2 == [span.parent.span_id for span in chats]


async def test_span_of_a_tool_is_current_while_the_tool_runs(telemetry):
    """
    Spans that a tool begins, even in a thread, are children of the tool's span.
    """

    def inner() -> str:
        """Begin a span."""
        with telemetry.tracers.get_tracer("program").start_as_current_span("inner"):
            return ""

    model = ScriptedModel([call("1", "inner")])
    async with telemetry.watch(model.client()) as client:
        await client.chat.completions.run_tools(
            messages="Hi", tools=[inner]
        ).until_done()

    spans = telemetry.spans
    tool = spans["execute_tool inner"]
    assert tool.context.span_id == spans["inner"].parent.span_id


async def test_image_call_has_a_span_and_a_call_of_request_has_none(telemetry):
    """
    An image call has a span with an operation name of its own. A call of `request` has
    no span, since such a call may be for anything, not only for generative AI.
    """
    fake = FakeASI1()
    async with telemetry.watch(client_of(fake)) as client:
        await client.images.generate("a cat")
        with suppress(asi1.APIError):
            await client.request("GET", "/models")

    (span,) = telemetry.exporter.get_finished_spans()
    assert ("generate_content asi1-mini", "image") == (
        span.name,
        span.attributes["gen_ai.output.type"],
    )


@pytest.mark.parametrize(
    ("mode", "captured"), [(None, False), ("NO_CONTENT", False), ("SPAN_ONLY", True)]
)
async def test_messages_and_answers_are_recorded_only_on_request(
    telemetry, monkeypatch, mode, captured
):
    """
    Messages and answers are recorded only if the environment variable that the
    conventions define asks for this.
    """
    if mode is not None:
        monkeypatch.setenv(CAPTURE, mode)
    fake = FakeASI1()
    fake.reply("Otters.", thoughts=["Hm"])
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Who swims?"}]},
        {"role": "assistant", "content": "", "tool_calls": [call("1", "f", a=1)]},
        {"role": "tool", "tool_call_id": "1", "content": "3"},
    ]

    async with telemetry.watch(client_of(fake)) as client:
        await client.chat.completions.create(messages=messages)

    (span,) = telemetry.exporter.get_finished_spans()
    names = ["system_instructions", "input.messages", "output.messages"]
    told = [span.attributes.get(f"gen_ai.{name}") for name in names]
    assert [captured] * 3 == [value is not None for value in told]
    assert captured is ("Otters" in span.to_json())
    assert captured is tracing_hooks().contents
    if captured:
        system, given, answer = map(json.loads, told)
        assert [{"type": "text", "content": "Be brief."}] == system
        assert ["text", "tool_call", "tool_call_response"] == [
            message["parts"][0]["type"] for message in given
        ]
        assert "stop" == answer[0]["finish_reason"]
        assert "Otters." == answer[0]["parts"][-1]["content"]


async def test_client_instrumented_twice_has_one_span_for_each_call(telemetry):
    """
    A client that is instrumented twice, or whose copy is instrumented, has one span for
    each call. The hooks that it had before are still called.
    """
    seen, model = [], ScriptedModel([call("1", "add", a=1, b=2)])
    given = model.client(hooks=asi1.Hooks(on_end=seen.append))
    client = telemetry.watch(given)

    assert client is given
    async with telemetry.watch(client):
        copied = telemetry.watch(client.with_options(model="asi1"))
        for each in (copied, client):
            run = each.chat.completions.run_tools(messages="Hi", tools=[add])
            await run.until_done()

    names = [span.name for span in telemetry.exporter.get_finished_spans()]
    run = ["execute_tool add", "invoke_workflow run_tools"]
    assert [*run, *run] == [name for name in names if not name.startswith("chat")]
    assert ["chat asi1"] * 2 + ["chat asi1-mini"] * 2 == [
        name for name in names if name.startswith("chat")
    ]
    assert 4 == len(seen)


async def test_console_exporter_writes_the_span_of_a_call():
    """
    OpenTelemetry's console exporter can write the span that the hooks of
    `tracing_hooks` have made for a call.
    """
    out, tracers = io.StringIO(), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
    hooks = tracing_hooks(tracer_provider=tracers)

    async with client_of(FakeASI1(), hooks=hooks) as client:
        await ask(client)

    written = json.loads(out.getvalue())
    assert ("chat asi1-mini", "SpanKind.CLIENT") == (written["name"], written["kind"])


@pytest.mark.parametrize("given", [None, "client", asi1.AsyncASI1])
def test_object_that_is_not_a_client_is_refused(given):
    """
    `instrument` refuses an object that is not a client, with an error that says so.
    """
    with pytest.raises(asi1.ConfigurationError, match="client: must be an AsyncASI1"):
        instrument(given)


async def test_answer_from_the_cache_counts_no_tokens(telemetry):
    """
    An answer from the client's cache has used no tokens: its span says that it was
    cached and has no usage, and the metric of tokens has only the call that was sent.
    """

    class Store(dict):
        async def get(self, key):
            return dict.get(self, key)

        async def set(self, key, value):
            self[key] = value

    fake = FakeASI1()
    fake.reply("Hi", usage={"prompt_tokens": 20, "completion_tokens": 5})
    async with client_of(fake, cache=Store()) as client:
        telemetry.watch(client)
        for _ in range(2):
            await ask(client)

    sent, cached = telemetry.exporter.get_finished_spans()
    assert 20 == sent.attributes["gen_ai.usage.input_tokens"]
    assert cached.attributes["asi1.cached"]
    assert not any(name.startswith("gen_ai.usage") for name in cached.attributes)
    points = telemetry.metrics["gen_ai.client.token.usage"]
    assert [5, 20] == sorted(point.sum for point in points)
