"""The table of cases: what the benchmarks measure."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Size:
    """The size of one run: chunks per stream, calls in sequence, calls at once."""

    chunks: int = 1
    calls: int = 1
    at_once: int = 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """
    One line of the table.

    Attributes:
        name: The name that selects it.
        what: A short description.
        unit: The unit of its values.
        method: The function of `ways` or `calls` that measures it.
        operation: The contender's function that it calls, if any.
        kind: The kind of answer that it requests.
        messages: How many messages it sends, or a conversation has.
        sizes: The sizes of a full, a quick and a tiny run.
    """

    name: str
    what: str
    unit: str
    method: str
    operation: str = ""
    kind: str = "small"
    messages: int = 1
    sizes: dict[str, Size] = field(default_factory=dict)


CHUNK = "us/chunk"
CALL = "us/call"


def sizes(full, quick, tiny):
    """Return three sizes by their names."""
    return {"full": full, "quick": quick, "tiny": tiny}


def streamed(name, operation, kind, what, chunks=20_000):
    """Return a case that reads one stream at full speed."""
    return Case(
        name=name,
        what=what,
        unit=CHUNK,
        method="calls",
        operation=operation,
        kind=kind,
        sizes=sizes(Size(chunks), Size(max(chunks // 5, 1000)), Size(20)),
    )


def by_choices(case):
    """Return a case that reads the text as programs for OpenAI's client read it."""
    operation = case.operation.removeprefix("stream_")
    return replace(
        case,
        name=f"choices-{case.name}",
        what=f"{case.what}, by its `choices`",
        operation=f"choices_{operation}",
    )


def paced(at_once, chunks):
    """Return a case of concurrent streams, each with 10 ms between its chunks."""
    return Case(
        name=f"paced-{at_once}",
        what=f"a chunk, of {at_once:,} paced streams at once",
        unit=CHUNK,
        method="calls",
        operation="stream_async",
        kind="paced",
        sizes=sizes(
            Size(chunks, at_once=at_once),
            Size(max(chunks // 4, 10), at_once=at_once),
            Size(10, at_once=min(at_once, 8)),
        ),
    )


def created(name, operation, what, calls, **more):
    """Return a case of calls that are not streamed, one after another."""
    return Case(
        name=name,
        what=what,
        unit=CALL,
        method="calls",
        operation=operation,
        sizes=sizes(Size(calls=calls), Size(calls=calls // 5), Size(calls=2)),
        **more,
    )


def parsed(name, operation, what):
    """Return a case that compares `parse` to `create` of the same answer."""
    return Case(
        name=name,
        what=what,
        unit="% of create",
        method="parse",
        operation=operation,
        kind="object",
        sizes=sizes(Size(calls=100), Size(calls=20), Size(calls=2)),
    )


def started(name, what):
    """Return a case that starts an interpreter for each call."""
    size = sizes(Size(calls=3), Size(calls=2), Size(calls=1))
    return Case(name=name, what=what, unit="ms", method="starts", sizes=size)


def made(name, what, unit, method):
    """Return a case that makes clients after the first one."""
    size = sizes(Size(calls=50), Size(calls=20), Size(calls=2))
    return Case(name=name, what=what, unit=unit, method=method, sizes=size)


def turned(past, calls):
    """Return a case of conversation turns, each after the same *past* messages."""
    return Case(
        name=f"turn-{past}",
        what=f"a turn of a conversation, after {past} messages",
        unit="us/turn",
        method="turn",
        operation="turns_async",
        messages=past,
        sizes=sizes(Size(calls=calls), Size(calls=calls // 5), Size(calls=2)),
    )


def planned(turns, calls):
    """Return a case of a context policy that cuts a history to half its size."""
    return Case(
        name=f"policy-{turns}",
        what=f"least relevant of {turns:,} turns dropped",
        unit="ms/plan",
        method="plan",
        operation="planner",
        messages=2 * turns - 1,  # the last turn has no answer yet
        sizes=sizes(Size(calls=calls), Size(calls=calls // 2), Size()),
    )


def rounds(name, operation, what):
    """Return a case that compares a run with one tool to two calls of `create`."""
    return Case(
        name=name,
        what=what,
        unit="% of creates",
        method="tool_round",
        operation=operation,
        kind="call",
        sizes=sizes(Size(calls=10), Size(calls=5), Size(calls=1)),
    )


def watched(name, operation, what):
    """Return a case that compares a client with hooks to the same without."""
    return Case(
        name=name,
        what=what,
        unit="% of create",
        method="watched",
        operation=operation,
        sizes=sizes(Size(calls=100), Size(calls=20), Size(calls=2)),
    )


TEXT = (
    streamed("stream-async", "stream_async", "whole", "a chunk, large writes, async"),
    streamed("stream-sync", "stream_sync", "whole", "a chunk, large writes, blocking"),
    streamed("single-async", "stream_async", "single", "a chunk a write, async"),
    streamed("single-sync", "stream_sync", "single", "a chunk a write, blocking"),
    streamed("burst-async", "stream_async", "burst", "a chunk an HTTP chunk, async"),
    streamed("burst-sync", "stream_sync", "burst", "a chunk an HTTP chunk, blocking"),
    streamed("to-sse", "to_sse_async", "whole", "a chunk, sent on as an event"),
    paced(1, 200),
    paced(50, 100),
    paced(200, 50),
    paced(1000, 20),
    created("create-async", "create_async", "a small answer, async", 500),
    created("create-sync", "create_sync", "a small answer, blocking", 500),
    created("large-async", "create_async", "200 KB, async", 100, kind="large"),
    created("large-sync", "create_sync", "200 KB, blocking", 100, kind="large"),
    created("huge-async", "create_async", "2 MB, async", 30, kind="huge"),
    created("huge-sync", "create_sync", "2 MB, blocking", 30, kind="huge"),
    created("long-input", "create_async", "1,000 messages sent", 50, messages=1000),
    parsed("parse-async", "parse_async", "an object, async"),
    parsed("parse-sync", "parse_sync", "an object, blocking"),
    turned(1, 500),
    turned(500, 100),
    planned(1000, 20),
    planned(4000, 6),
    streamed("tools", "tools_async", "tools", "a piece of ten tool calls", 5000),
    streamed("tools-in-a-row", "tools_async", "row", "the same, each call whole", 5000),
    streamed("tools-one", "tools_async", "tool", "a piece of one tool call", 5000),
    rounds("round-async", "round_async", "a run with one tool, async"),
    rounds("round-sync", "round_sync", "a run with one tool, blocking"),
    rounds("round-thread", "round_thread", "the same, a tool in a thread"),
    watched("hooks", "hooks_async", "a small answer, five empty hooks"),
    watched("otel", "otel_async", "a small answer, traced without exporter"),
    streamed("final-1000", "final_async", "named", "final answer, 1,000 chunks", 1000),
    streamed("final-10000", "final_async", "named", "the same, 10,000", 10_000),
    started("import", "import the package"),
    started("import-names", "import its clients"),
    started("first-client", "import, first client"),
    started("first-answer", "import, client, one answer"),
    made("construct", "a further client", "us/client", "construct"),
    made("construct-memory", "the same, memory", "KiB/client", "construct_memory"),
    Case(
        name="loop-block",
        what="longest block of the loop at first use",
        unit="ms",
        method="loop_block",
        operation="create_async",
        sizes=sizes(Size(), Size(), Size()),
    ),
    Case(
        name="open-streams",
        what="memory of an open stream, of 200",
        unit="KiB",
        method="open_streams",
        operation="stream_async",
        kind="slow",
        sizes=sizes(Size(12, at_once=200), Size(8, at_once=200), Size(3, at_once=8)),
    ),
    Case(
        name="memory",
        what="peak memory of a long stream",
        unit="MiB",
        method="peak",
        operation="stream_async",
        kind="whole",
        sizes=sizes(Size(20_000), Size(4000), Size(20)),
    ),
)
# The cases that are also measured with the text read by `choices`.
CHOICES = (
    *("stream", "single", "burst", "create", "large", "huge", "turn"),
    *("loop-block", "open-streams"),
)
ALL = (*TEXT, *(by_choices(case) for case in TEXT if case.name.startswith(CHOICES)))
CASES = {case.name: case for case in ALL}
# Groups of cases: the part of their names before the dash, unless it names a case.
FAMILIES = {name.partition("-")[0] for name in CASES} - set(CASES)


def selected(names):
    """Replace each group among *names* by the names of its cases."""
    return [
        case
        for name in names
        for case in ([name] if name in CASES else CASES)
        if name in (case, case.partition("-")[0])
    ]


HOT = ("stream-async", "stream-sync", "create-async", "create-sync")
