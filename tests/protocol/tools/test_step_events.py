"""The steps of a run with tools as server-sent events."""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.sse_writer import done_event
from asi1._protocol.tools.step_events import run_done_event, step_events

from ...support.browser import seen


CALL = asi1.ToolCall(
    id="c1", function=asi1.FunctionCall(name="f", arguments='{"a": "\n\ud83e"}')
)


def answer(text="", **fields):
    """Return an answer whose choice 0 has *text* and other fields of a message."""
    thoughts = fields.pop("thoughts", "")
    message = asi1.ChatMessage(content=text, **fields)
    choices = (asi1.ChatChoice(message=message, finish_reason="stop"),)
    return asi1.ChatCompletion(id="a1", choices=choices, thoughts=thoughts)


def in_steps(event):
    """Run the generator *event*, and return its result and how many steps it took."""
    steps = 1
    while True:
        try:
            next(event)
        except StopIteration as end:
            return end.value, steps
        steps += 1


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (asi1.TextStep(text="a\nb"), b'event: text\ndata: {"text":"a\\nb"}\n\n'),
        (asi1.ThoughtStep(text="Hm"), b'event: thought\ndata: {"text":"Hm"}\n\n'),
        (
            asi1.ToolStartedStep(call=CALL),
            (
                b'event: tool_call\ndata: {"id":"c1","name":"f","arguments":'
                b'"{\\"a\\": \\"\\n\\ufffd\\"}","needs_approval":false}\n\n'
            ),
        ),
        (
            asi1.ToolEndedStep(call=CALL, content="x", failed=True, error=OSError("s")),
            (
                b'event: tool_result\ndata: {"id":"c1","name":"f","content":"{\\"error'
                b'\\":\\"the tool failed\\",\\"status\\":\\"failed\\"}",'
                b'"failed":true}\n\n'
            ),
        ),
        (
            asi1.ToolEndedStep(
                call=CALL, content="x", failed=True, error=asi1.ToolError("s")
            ),
            (
                b'event: tool_result\ndata: {"id":"c1","name":"f","content":"x",'
                b'"failed":true}\n\n'
            ),
        ),
        (asi1.ToolArgumentsStep(call=CALL), b""),
        (asi1.TextStep(text=""), b""),
        (None, b""),
    ],
)
def test_steps_have_the_documented_wire_format(step, expected):
    """
    A step of a tool call, or with a piece of an answer, becomes one event: a line with
    its name and a line of JSON. A step of unfinished arguments becomes no event.
    """
    assert expected == step_events(step, streamed=True)
    assert expected == step_events(step, streamed=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("Hi"), [("text", "Hi")]),
        (answer("Hi", thoughts="Hm"), [("thought", "Hm"), ("text", "Hi")]),
        (answer("Hi", reasoning="Hm"), [("thought", "Hm"), ("text", "Hi")]),
        (answer(tool_calls=(CALL,)), []),
    ],
)
def test_unstreamed_answer_becomes_one_event_for_thoughts_and_one_for_text(
    given, expected
):
    """
    A complete answer becomes one event for its thoughts and one for its text, if the
    answer has them. If the answer's pieces were already sent, it becomes neither event.
    """
    step = asi1.AnswerStep(answer=given, round=1)

    events = seen(step_events(step, streamed=False))

    assert expected == [(name, data["text"]) for name, data in events]
    assert b"" == step_events(step, streamed=True)


def test_done_event_of_a_run_has_the_ids_of_the_pending_calls():
    """
    The last event of a run is the ``done`` event of its last answer, with one more key:
    the ids of the pending calls. Each of these calls has a ``tool_call`` event before.
    The ``done`` event of an answer without a run does not have this key.
    """
    last = answer("Hi", tool_calls=(CALL,))
    alone, _ = in_steps(done_event(last))

    over, _ = in_steps(run_done_event(last, []))
    paused, _ = in_steps(run_done_event(last, [CALL]))

    assert alone[:-3] + b',"pending":[]}\n\n' == over
    assert b"pending" not in alone
    (call, done) = seen(paused)
    assert ("tool_call", "c1", True) == (
        call[0],
        call[1]["id"],
        call[1]["needs_approval"],
    )
    assert ["c1"] == done[1]["pending"]


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (512, 1), (513, 2), (5000, 10)])
def test_many_pending_calls_are_written_in_steps(count, steps):
    """
    The events of many pending calls are written in steps of 512 calls, in their order.
    """
    calls = [asi1.ToolCall(id=f"c{number}") for number in range(count)]

    events, taken = in_steps(run_done_event(answer(), calls))

    assert steps == taken
    *pending, (_, done) = seen(events)
    assert done["pending"] == [data["id"] for _, data in pending]
    assert [call.id for call in calls] == done["pending"]
