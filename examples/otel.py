"""
Prints the spans of a run with a tool, as OpenTelemetry records them.

    pip install '.[otel]' opentelemetry-sdk
    export ASI_ONE_API_KEY=...
    python examples/otel.py "What is 17 times 23?"
"""

import sys

from asi1 import ASI1


try:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

    from asi1.integrations.otel import instrument
except ImportError as error:
    sys.exit(f"skipped: {error}")

QUESTION = "What is 17 times 23?"


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


def line(span):
    """Return a span as one line: its name, length, tokens and error."""
    seconds = (span.end_time - span.start_time) / 1e9
    tokens = span.attributes.get("gen_ai.usage.output_tokens", "-")
    error = span.attributes.get("error.type", "")
    return f"{span.name}\t{seconds:.3f} s\t{tokens}\t{error}\n"


def main(question: str) -> str:
    """Ask with a tool, print the spans to standard error, and return the answer."""
    tracers = TracerProvider()
    exporter = ConsoleSpanExporter(out=sys.stderr, formatter=line)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    with instrument(ASI1(tags={"example": "otel"}), tracer_provider=tracers) as client:
        run = client.chat.completions.run_tools(messages=question, tools=[multiply])
        answer = run.until_done().text
    tracers.shutdown()
    return answer


if __name__ == "__main__":
    print(main(sys.argv[1] if len(sys.argv) > 1 else QUESTION))
