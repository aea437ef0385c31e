"""
The bytes that every contender reads, and the length of the text in them.

The name of the model selects the answer: its kind and its size, as in ``whole-20000``.
The chunks have the format that the live service sent in 2025, with two differences:
choices with thoughts have an index and a finish reason, without which two of the
contenders cannot read them; and chunks of the kind ``named`` have the key ``object``,
without which OpenAI's helper ignores them.
"""

import functools
import json


ID = "id_y6CadQQg1Lg8yIsl2"
CREATED = 1741694403118
USAGE = {"prompt_tokens": 412, "completion_tokens": 467, "total_tokens": 879}
DONE = b"data: [DONE]\n\n"
EVENT = b'event: text\ndata: {"text":"'  # the start of an event of `to_sse`
PIECES = (" the current goes on", " working while it does", ".", " Sea otters", " are")
PIECE_OF_CALL = '"rafts": '
# The calls of a stream of this kind, or the pieces of each of its calls.
CALLS_OF = {"tools": 10, "row": 10, "tool": 1}
PIECES_OF = {"calls": 4, "calls_row": 4}
IN_A_ROW = ("row", "calls_row")
OTTER = "An otter dozes on its back. " * 36 + "So it does. Yes."  # 1 KiB
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "hours_asleep", "arguments": '{"animal": "otter"}'},
}
RAFTS, OTTERS = 4, 4  # of the object that `parse` reads, and of each raft in it
LARGE = {"large": 200_000, "huge": 2_000_000}  # characters of text
WHOLE = (
    "small",
    *LARGE,
    "object",
    "objects",
    "body",
    "call",
)  # the kinds of answers that are not streamed
QUESTION = "And how long do they sleep?"  # of a turn of a conversation


def split(spec):
    """Return the kind of answer and its size."""
    kind, _, size = spec.partition("-")
    return kind, int(size or 1)


@functools.lru_cache(maxsize=32)
def events(spec):
    """Return the events of a stream, each as bytes with its blank line."""
    kind, size = split(spec)
    calls = calls_of(kind, size)[0]
    parts = [*called(kind, size)] if calls else [*thought(size), *spoken(size)]
    if kind == "event":
        parts = [chunk({"content": OTTER * size})]
    elif kind == "wide":
        parts = [{**chunk({}), "choices": [spoken_by(n) for n in range(size)]}]
    opener = chunk({"role": "assistant", "content": ""}, object="chat.completion.chunk")
    reason = "tool_calls" if calls else "stop"
    end = chunk({"role": "assistant", "content": ""}, reason, usage=USAGE)
    values = [opener, *parts, end]
    if kind == "named":
        values = [{**value, "object": "chat.completion.chunk"} for value in values]
    return [b"data: %s\n\n" % compact(value) for value in values] + [DONE]


def chunk(delta, reason=None, **more):
    """Return one chunk."""
    choice = {"index": 0, "finish_reason": reason, "delta": delta}
    return {
        "id": ID,
        "model": "asi1-mini",
        "created": CREATED,
        "conversation_id": None,
        "tool_thought": [],
        "choices": [{**choice, "stop_reason": reason}],
        **more,
    }


def thought(size):
    """Yield the chunks with thoughts: one in eight."""
    for number in range(size // 8):
        yield chunk({"role": "assistant", "content": ""}, thought=f" idea {number % 9}")


def spoken(size):
    """Yield the chunks with text: all except the thoughts, the opener and the end."""
    for number in range(size - size // 8 - 2):
        yield chunk({"content": PIECES[number % len(PIECES)]})


def spoken_by(index):
    """Return a whole choice of a chunk with many."""
    return {"index": index, "finish_reason": "stop", "delta": {"content": "."}}


def calls_of(kind, size):
    """Return how many tool calls are in a stream, and how many pieces of them."""
    if kind in PIECES_OF:
        return size, size * PIECES_OF[kind]
    return CALLS_OF.get(kind, 0), size - 2


def called(kind, size):
    """Yield the chunks of tool calls: a piece of each in turn, or each in a row."""
    calls, pieces = calls_of(kind, size)
    begun = set()
    for number in range(pieces):
        in_a_row = number * calls // pieces
        index = in_a_row if kind in IN_A_ROW else number % calls
        function = {"arguments": PIECE_OF_CALL}
        call = {"index": index, "function": function}
        if index not in begun:
            begun.add(index)
            function["name"] = f"tool_{index}"
            call |= {"id": f"call_{index}", "type": "function"}
        yield chunk({"tool_calls": [call]})


@functools.lru_cache
def whole(spec):
    """Return the JSON body of an answer that is not streamed."""
    text = "An otter dozes on its back. "
    kind, size = split(spec)
    if kind == "body":
        text = OTTER * size
    elif spec in LARGE:
        text = (text * (LARGE[spec] // len(text) + 1))[: LARGE[spec]]
    elif kind in ("object", "objects"):
        rafts = range(RAFTS if kind == "object" else size)
        text = json.dumps({"year": 2025, "rafts": [*map(raft, rafts)]})
    message, reason = {"role": "assistant", "content": text}, "stop"
    if spec == "call":
        message, reason = {"role": "assistant", "tool_calls": [TOOL_CALL]}, "tool_calls"
    choice = {"index": 0, "finish_reason": reason, "message": message}
    value = {
        "id": ID,
        "model": "asi1-mini",
        "object": "chat.completion",
        "created": CREATED,
        "executable_data": [],
        "conversation_id": None,
        "thought": ["The user wants to know why otters hold hands."],
        "choices": [{**choice, "stop_reason": reason}],
        "usage": USAGE,
    }
    return compact(value)


def raft(number):
    """Return one raft of a `Survey`."""
    otters = [
        {
            "name": f"otter {number}.{place}",
            "age": place + 2,
            "weight": 21.5 + place,
            "tagged": place % 2 == 0,
            "habits": ["dozes on its back", "holds hands"],
        }
        for place in range(OTTERS)
    ]
    place = {"name": f"bay {number}", "latitude": 36.6, "longitude": -121.9}
    return {"place": place, "otters": otters, "note": None}


def compact(value):
    """Return JSON without white space, as the service sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


@functools.lru_cache
def length(spec):
    """Return how many characters of text this answer has."""
    kind, size = split(spec)
    if kind == "call":
        kind = spec = "small"  # the answer after the call
    if kind in WHOLE:
        return len(json.loads(whole(spec))["choices"][0]["message"]["content"])
    calls, pieces = calls_of(kind, size)
    if calls:
        return pieces * len(PIECE_OF_CALL)
    if kind == "event":
        return len(OTTER) * size
    if kind == "wide":
        return size
    return sum(len(one["choices"][0]["delta"]["content"]) for one in spoken(size))


def written(data):
    """Return how many characters of text are in the events that `to_sse` wrote."""
    _, *texts = data.split(EVENT)
    return sum(text.index(b'"') for text in texts)


def conversation(count):
    """Return *count* messages; the last is the user's."""
    roles = ("user", "assistant") if count % 2 else ("assistant", "user")
    text = "How often do they really hold hands? Less than the videos suggest. " * 3
    return [
        {"role": roles[number % 2], "content": f"{number}. {text}"}
        for number in range(count)
    ]
