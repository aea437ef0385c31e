"""What a run with tools does next, decided by its events alone."""

from __future__ import annotations

import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._protocol.tools.run_actions import Ask, Pause, Refuse, RunTools, Stop
from asi1._protocol.tools.run_events import Answered, Begun, Ended, Paused, Started
from asi1._protocol.tools.run_log import RunLog
from asi1._protocol.tools.saved_run import event_text, load_events, saved_events
from asi1._protocol.tools.tool import tools_by_name

from ...support.tool_answers import answer_of, call_of


BEGUN = Begun(({"role": "user", "content": "Hi"},), "asi1", 10, False)
FINAL = answer_of(text="Done.", finish="stop")


def add(a: int):
    return a


def save(a: int):
    return a


def pay(a: int):
    return a


def count(a: int):
    return a


TOOLS = tools_by_name(
    [
        add,
        asi1.tool(save, serial=True),
        asi1.tool(pay, needs_approval=True),
        asi1.tool(count, serial=True, needs_approval=True),
    ]
)


def log_of(*events, max_rounds=10):
    log = RunLog(TOOLS, max_rounds)
    for event in (BEGUN, *events):
        log.add(event)
    return log


def asked(log, *names, **options):
    """Add to a run's log an answer that calls each named tool, with the ids 0, 1, …;
    return the log.
    """
    calls = [call_of(str(n), name) for n, name in enumerate(names)]
    log.add(log.checked(answer_of(*calls, **options)))
    return log


def end(log, *calls, content="ok"):
    for call in calls:
        log.add(Ended(str(call), content, failed=False))


def action_of(log):
    """Return the next action of a run as plain data, which can be compared."""
    try:
        action = log.next_action()
    except asi1.MaxRoundsError:
        return "too many rounds"
    match action:
        case RunTools(calls):
            return ["run", *(found.call.id for found in calls)]
        case Refuse([(call, words), *_]):
            return ["refuse", call.id, words]
    return type(action).__name__


def test_model_is_asked_again_until_an_answer_calls_no_tool():
    """
    The model is asked first, and again when each tool call has a result. The run ends
    with an answer that calls no tool.
    """
    log = log_of()
    assert Ask() == log.next_action()

    asked(log, "add")
    assert ["run", "0"] == action_of(log)
    end(log, 0)
    assert Ask() == log.next_action()

    log.add(log.checked(FINAL))
    assert Stop() == log.next_action()
    assert "Done." == log.result().text


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["add", "add", "add"], ["0 1 2"]),
        (["save"], ["0"]),
        (["save", "save"], ["0", "1"]),
        (["add", "save", "add", "add"], ["0", "1", "2 3"]),
        (["add", "add", "save"], ["0 1", "2"]),
        (["save", "add"], ["0", "1"]),
        (["add", "pay", "add"], ["0 2", "wait 1"]),
        (["pay", "save", "add"], ["wait 0"]),
        (["add", "count", "add"], ["0", "wait 1"]),
        (["count", "pay"], ["wait 0 1"]),
        (["pay", "pay"], ["wait 0 1"]),
    ],
    ids=" ".join,
)
def test_tools_before_a_serial_tool_run_at_the_same_time(names, groups):
    """
    Tool calls run at the same time, but a serial tool runs alone, after the calls
    before it. A call that waits for an approval delays no other call, except calls of
    serial tools after it.
    """
    log, found = asked(log_of(), *names), []
    while (action := action_of(log))[0] == "run":
        found.append(" ".join(action[1:]))
        end(log, *action[1:])
    if log.pending:
        found.append(" ".join(["wait", *(call.id for call in log.pending)]))

    assert groups == found
    assert ("Pause" if log.pending else "Ask") == action


def test_approved_calls_run_in_their_original_order():
    """
    After the user's decision, tool calls run in the order that they would have had if
    none had needed an approval.
    """
    log = asked(log_of(), "pay", "save", "add", "pay")
    log.add(log.decided({"0": True, "3": True}))

    groups = []
    while (action := action_of(log))[0] == "run":
        groups.append(action[1:])
        end(log, *action[1:])

    assert [["0"], ["1"], ["2", "3"]] == groups


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (False, "the user does not allow this call"),
        ("no, too dear", "no, too dear"),
        ("", "the user does not allow this call"),
    ],
)
def test_refused_call_is_answered_with_the_reason(decision, words):
    """
    If the user refuses a tool call, the model reads the user's reason. Without a
    reason, it reads that the call was refused.
    """
    log = asked(log_of(), "pay")
    log.add(log.decided({"0": decision}))

    assert ["refuse", "0", words] == action_of(log)
    assert () == log.pending


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        ({"7": True}, "no call with the id '7' is pending"),
        ({"1": True}, "no call with the id '1' is pending"),
        ({0: True}, "no call with the id 0 is pending"),
        ({None: True}, "no call with the id None is pending"),
        ({"0": 1}, "must be True, False or a reason, not 1"),
        ({"0": None}, "must be True, False or a reason, not None"),
        ({"0": ["no"]}, "must be True, False or a reason"),
        (["0"], "must be a dict by ids of calls"),
        ("0", "must be a dict by ids of calls"),
        (True, "must be a dict by ids of calls"),
    ],
    ids=repr,
)
def test_wrong_decision_is_an_argument_error(decisions, words):
    """
    A decision about a tool call that waits for no decision, or a decision that is
    neither a bool nor a str, raises `ArgumentError` and changes nothing.
    """
    log = asked(log_of(), "pay", "add")

    with pytest.raises(asi1.ArgumentError, match=words) as caught:
        log.decided(decisions)

    assert "decisions" == caught.value.argument
    assert ["0"] == [call.id for call in log.pending]


def paused(*names, tools=TOOLS):
    """Return the log of a run that waits for decisions, loaded for a run with these
    tools.
    """
    before = asked(log_of(), *names)
    action = before.next_action()
    before.add(Paused(action.ids))
    assert Pause(tuple(call.id for call in before.pending)) == action
    assert Stop() == before.next_action()

    log = RunLog(tools)
    for event in load_events(saved_events(before.events)):
        log.add(event)
    return log


@pytest.mark.parametrize("names", [["pay"], ["count"], ["pay", "count"]])
def test_saved_run_still_waits_for_approval_if_its_tools_have_changed(names):
    """
    A tool call that waited for approval when the run was saved does not run without a
    decision, even if its tool needs no approval any more.
    """
    log = paused(*names, tools=tools_by_name([pay, asi1.tool(count, serial=True)]))

    assert names == [call.function.name for call in log.pending]
    assert Stop() == log.next_action()
    log.add(log.decided({call.id: True for call in log.pending}))
    assert () == log.pending
    assert "0" == action_of(log)[1]


def test_saved_run_waits_for_a_call_whose_tool_is_missing():
    """
    A tool call whose tool is missing when a run goes on stays pending. Allowing the
    call raises `ArgumentError`, which names the tool; refusing the call is possible.
    """
    log = paused("pay", tools=tools_by_name([add]))

    assert ["0"] == [call.id for call in log.pending]
    assert Stop() == log.next_action()
    with pytest.raises(asi1.ArgumentError, match="the tool 'pay' is missing") as caught:
        log.decided({"0": True})
    assert "decisions" == caught.value.argument
    log.add(log.decided({"0": "no"}))
    assert ["refuse", "0", "no"] == action_of(log)


def test_each_event_is_recorded_with_its_step():
    """
    The log of a run returns the step of each event that it records. The step keeps the
    exception of its tool, so the result of a run that reached ``max_rounds`` has these
    exceptions.
    """
    problem = ValueError("broken")
    log = log_of(max_rounds=1)
    answered = Answered(answer_of(call_of("0")))

    made = [
        log.add(answered),
        log.add(Started("0")),
        log.add(Ended("0", "failed", failed=True), problem),
    ]

    assert made == log.steps
    assert (1, True, problem) == (made[0].round, made[2].failed, made[2].error)
    with pytest.raises(asi1.MaxRoundsError) as caught:
        log.next_action()
    assert problem is caught.value.result.steps[-1].error


def test_decision_about_a_call_cannot_be_made_twice():
    """
    A second decision about the same tool call raises `ArgumentError`.
    """
    log = asked(log_of(), "pay")
    log.add(log.decided({"0": True}))

    with pytest.raises(asi1.ArgumentError, match="no call with the id '0'"):
        log.decided({"0": False})


def test_call_that_was_begun_is_not_run_again():
    """
    If the log of a run has the start of a tool but not its end, the tool does not run
    again. The model reads that it is not known whether the tool took effect.
    """
    log = asked(log_of(), "add", "add")
    log.add(Started("0"))

    kind, call, words = action_of(log)
    assert ("refuse", "0") == (kind, call)
    assert "not known whether it took effect" in words
    end(log, 0)
    assert ["run", "1"] == action_of(log)


def test_first_result_of_a_call_counts_even_if_another_is_recorded():
    """
    A journal may have two results of one tool call, if the run was resumed from an
    older copy of the journal. The model has read the first result, and reads it again.
    """
    log = asked(log_of(), "add")
    end(log, 0, content="first")
    end(log, 0, content="second")

    assert ["first"] == [m["content"] for m in log.added() if m["role"] == "tool"]


def test_repeated_call_gets_the_result_of_the_earlier_call():
    """
    A tool call with the id, tool and arguments of an earlier call is not run again: the
    model reads the earlier result again.
    """
    log = asked(log_of(), "add")
    log.add(Started("0"))
    end(log, 0, content="once")
    asked(log, "add")

    assert Ask() == log.next_action()
    assert ["once", "once"] == [
        m["content"] for m in log.added() if "tool_call_id" in m
    ]


def test_call_that_was_refused_runs_when_it_is_repeated():
    """
    A tool call that did not run, since its answer was cut off, runs if the model
    repeats it, even under the same id.
    """
    log = asked(log_of(), "add", finish="length")
    kind, call, words = action_of(log)
    assert ("refuse", "0") == (kind, call)
    assert "call again" in words
    log.add(Ended("0", "cut", failed=True))

    assert ["run", "0_1"] == action_of(asked(log, "add"))


def test_wrong_calls_are_refused_before_the_other_calls_run():
    """
    Tool calls that must not run get their results first, all at once. If they got them
    one by one, all calls of the answer would be checked again after each result. Then
    the other calls run.
    """
    log = asked(log_of(), "add", "nope", "add", "nope")

    refusal = log.next_action()

    assert isinstance(refusal, Refuse)
    refused = [call.id for call, _ in refusal.calls]
    assert ["1", "3"] == refused
    end(log, *refused)
    assert ["run", "0", "2"] == action_of(log)


@pytest.mark.parametrize("rounds", [1, 2])
def test_run_ends_with_an_error_after_max_rounds(rounds):
    """
    If the answer of the last allowed round calls tools, the tools run, but the model is
    not asked again. The error has all steps of the run.
    """
    log = log_of(max_rounds=rounds)
    for number in range(rounds):
        assert Ask() == log.next_action()
        log.add(log.checked(answer_of(call_of(f"call {number}"))))
        assert ["run", f"call {number}"] == action_of(log)
        end(log, f"call {number}")

    with pytest.raises(asi1.MaxRoundsError, match=f"after {rounds} answers") as caught:
        log.next_action()

    result = caught.value.result
    assert log.answers[-1] is result.answer
    assert "ok" == result.messages[-1]["content"]


def test_messages_have_the_results_in_the_order_of_the_calls():
    """
    Each answer is followed by the results of its tool calls in the order of the calls,
    whatever order they ended in. Calls that the server itself ran have no result.
    """
    log = log_of()
    calls = [
        call_of("a"),
        call_of("s", result="done"),
        call_of("b", arguments='{"a":2}'),
    ]
    log.add(log.checked(answer_of(*calls)))
    end(log, "b", content="two")
    end(log, "a", content="one")

    answer, one, two = log.added()
    assert ["a", "s", "b"] == [call["id"] for call in answer["tool_calls"]]
    assert {"role": "tool", "tool_call_id": "a", "content": "one"} == one
    assert {"role": "tool", "tool_call_id": "b", "content": "two"} == two
    log.add(log.checked(FINAL))
    assert [answer, one, two] == log.added()[:3]
    assert 5 == len(log.result().messages)


def test_answers_are_sent_again_in_the_form_that_a_conversation_sets():
    """
    A conversation can set the function that turns an answer into the message of the
    next request, even after the events were loaded.
    """
    log = asked(log_of(), "add")
    end(log, 0)
    log.add(log.checked(FINAL))
    log.wire = lambda answer: {"role": "assistant", "content": f"[{answer.text}]"}

    assert ["[]", "ok", "[Done.]"] == [message["content"] for message in log.added()]


def test_arguments_of_each_call_are_decoded_once_in_a_large_answer():
    """
    The arguments of a tool call are decoded once, however many calls an answer has.
    """
    reads = []

    class Spec:
        def bind(self, arguments):
            reads.append(arguments)
            return TOOLS["save"].spec.bind(arguments)

    counted = asi1.Tool(save, serial=True, make=lambda _: Spec())
    log = RunLog({"save": counted}, 10)
    log.add(BEGUN)
    texts = [f'{{"a": {n}}}' if n % 2 else "{" for n in range(100)]
    calls = [call_of(str(n), "save", text) for n, text in enumerate(texts)]
    log.add(log.checked(answer_of(*calls)))

    while (action := action_of(log)) != "Ask":
        end(log, action[1])
        assert () == log.pending

    assert sorted(texts) == sorted(reads)
    assert 101 == len(log.added())


names = st.sampled_from([*TOOLS, "nope"])
calls = st.builds(
    call_of,
    st.sampled_from(["", "a", "b", "c"]),
    names,
    st.sampled_from(['{"a": 1}', '{"a": 2}', "{", "", "{}"]),
)
answers = st.builds(
    lambda listed, finish: answer_of(*listed, text="So.", finish=finish),
    st.lists(calls, max_size=4),
    st.sampled_from(["stop", None, "length"]),
)


def one_step(log, data):
    """Add the next events as a run would do; return False at the end of the run."""
    match log.next_action():
        case Ask():
            log.add(log.checked(data.draw(answers)))
        case Refuse(refused):
            for call, words in refused[: data.draw(st.integers(1, len(refused)))]:
                log.add(Ended(call.id, words, failed=True))
        case RunTools(found):
            ids = [each.call.id for each in found]
            assert not log.started.intersection(ids)
            assert not log.results.keys() & set(ids)
            for call in ids[: data.draw(st.integers(1, len(ids)))]:
                log.add(Started(call))
                if data.draw(st.booleans()):
                    log.add(Ended(call, f"result of {call}\u2028\x85", failed=False))
        case Pause(ids):
            log.add(Paused(ids))
        case Stop():
            if not log.pending:
                return False
            decision = st.sampled_from([True, False, "no", ""])
            chosen = data.draw(st.sampled_from(log.pending))
            log.add(log.decided({chosen.id: data.draw(decision)}))
    return True


@pytest.mark.system
@given(st.data())
def test_saved_and_loaded_run_goes_on_like_the_original_run(data):
    """
    After any events, a run that is saved and loaded does the same next as the original,
    waits for the same decisions and sends the same messages. No tool call is begun
    twice.
    """
    log = log_of(max_rounds=6)
    for _ in range(data.draw(st.integers(0, 20))):
        if action_of(log) == "too many rounds" or not one_step(log, data):
            break

    journal = "".join(event_text(event) + "\n" for event in log.events)
    torn = journal + event_text(Ended("a", "torn", failed=False))[:-1]
    rows = [line.encode() for line in journal.split("\n")]
    for saved in (saved_events(log.events), journal, torn, rows):
        again = RunLog(TOOLS, 6)
        for event in load_events(saved):
            again.add(event)

        assert action_of(log) == action_of(again)
        assert log.pending == again.pending
        assert json.dumps(log.added()) == json.dumps(again.added())
        assert saved_events(log.events) == saved_events(again.events)
        started = [event.id for event in again.events if isinstance(event, Started)]
        assert len(started) == len(set(started))


@pytest.mark.system
@given(st.data())
def test_each_call_of_a_run_gets_one_result(data):
    """
    When the model is asked again, each tool call of the answers has exactly one result,
    in the order of the calls.
    """
    log = log_of(max_rounds=6)
    for _ in range(40):
        if action_of(log) == "too many rounds" or not one_step(log, data):
            break
        if action_of(log) != "Ask":
            continue
        waiting = []
        for message in log.added():
            if message["role"] == "tool":
                assert waiting.pop(0) == message["tool_call_id"]
                continue
            assert [] == waiting
            waiting = [call["id"] for call in message.get("tool_calls", ())]
        assert [] == waiting


def test_next_serial_call_is_found_without_a_look_at_all_other_calls():
    """
    To find the next of many calls of serial tools, a run looks at one call alone. So a
    run takes time linear in the number of its calls.
    """
    looks = []

    class Decisions(dict):
        def get(self, call):
            looks.append(call)
            return super().get(call)

    ids = [f"c{number}" for number in range(200)]
    log = log_of(Answered(answer_of(*(call_of(each, "save") for each in ids))))
    log.decisions = Decisions()
    for each in ids:
        (runnable,) = log.next_action().calls
        assert each == runnable.call.id
        log.add(Started(each))
        log.add(Ended(each, "ok", False))

    assert len(looks) <= 2 * len(ids)
