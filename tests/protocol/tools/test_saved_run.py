"""The events of a run, saved and loaded: what is restored, and what is refused."""

from __future__ import annotations

import contextlib
import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._models.completion import ChatCompletion
from asi1._protocol.converter import decode
from asi1._protocol.tools.run_events import (
    Answered,
    Begun,
    Decided,
    Ended,
    Paused,
    Started,
)
from asi1._protocol.tools.saved_run import event_text, load_events, saved_events

from ...support.tool_answers import answer_of, call_of


BEGUN = Begun(({"role": "user", "content": "Grüße\u2028\x85\n"},), "asi1", 10, True)
EVENTS = [
    BEGUN,
    Answered(answer_of(call_of("a"), call_of("b"), call_of("c"))),
    Paused(("a", "b", "c")),
    Decided({"a": True, "b": False, "c": "no, \u2029 because"}),
    Started("a"),
    Ended("a", "line 1\nline 2\u2028line 3\x85\x0b\x1c end", failed=False),
    Ended("b", "{}", failed=True),
    Ended("c", "{}", failed=True),
    Answered(answer_of(text="Done.", finish="stop")),
]
LINES = [event_text(event) for event in EVENTS]
JOURNAL = "\n".join(LINES) + "\n"


def told(events):
    return [event_text(event) for event in events]


@pytest.mark.parametrize(
    "saved",
    [
        pytest.param(saved_events(EVENTS), id="to_json"),
        pytest.param(saved_events(EVENTS).encode(), id="to_json-bytes"),
        pytest.param(f"\n {saved_events(EVENTS)}\n", id="to_json-blanks"),
        pytest.param(
            json.dumps(json.loads(saved_events(EVENTS)), indent=2), id="again"
        ),
        pytest.param(JOURNAL, id="journal"),
        pytest.param(JOURNAL[:-1], id="journal-without-last-break"),
        pytest.param(JOURNAL.encode(), id="journal-bytes"),
        pytest.param(bytearray(JOURNAL.encode()), id="journal-bytearray"),
        pytest.param(JOURNAL.replace("\n", "\r\n"), id="journal-of-windows"),
        pytest.param(JOURNAL.replace("\n", "\n\n"), id="journal-with-empty-lines"),
        pytest.param(LINES, id="list"),
        pytest.param(tuple(line.encode() for line in LINES), id="tuple-of-bytes"),
        pytest.param([line + "\n" for line in LINES], id="lines-of-a-file"),
        pytest.param([line for line in LINES for _ in "12"], id="each-line-twice"),
    ],
)
def test_events_of_a_run_are_loaded_from_each_saved_form(saved):
    """
    A run is loaded from the text of ``to_json``, even if another program wrote its JSON
    again, and from the lines of a journal: as one text or as a list, as str or bytes. A
    line that was recorded twice, since the first recording was cancelled, counts once.
    """
    assert told(EVENTS) == told(load_events(saved))


def test_events_are_loaded_from_an_iterator():
    """
    The lines of a saved run may come from any iterable, such as a file or a database
    cursor.
    """
    assert told(EVENTS) == told(load_events(iter(LINES)))


def test_loaded_events_are_equal_to_the_saved_events():
    """
    Loading restores each event, with its class and the types of its values.
    """
    loaded = load_events(saved_events(EVENTS))

    assert EVENTS[:1] + EVENTS[2:-1] == loaded[:1] + loaded[2:-1]
    assert EVENTS[1].answer.message == loaded[1].answer.message


def test_each_event_of_a_run_is_saved_as_one_line():
    """
    An event's text has no line break, whatever its content.
    """
    for line in LINES:
        assert 1 == len(line.encode().splitlines())


@pytest.mark.system
@pytest.mark.parametrize("form", ["str", "bytes", "list", "list-of-bytes"])
def test_incomplete_last_line_is_left_out(form):
    """
    A last line that was cut off, even within a character, is left out.
    """
    for place in range(1, len(LINES)):
        line = LINES[place].encode()
        for end in range(1, len(line)):
            kept = [*(text.encode() for text in LINES[:place]), line[:end]]
            if form in {"str", "list"}:
                kept = [text.decode(errors="ignore") for text in kept]
            breaks = "\n" if form == "str" else b"\n"
            saved = kept if form.startswith("list") else breaks.join(kept)

            assert LINES[:place] == told(load_events(saved))


class Run:
    """
    A run that is passed in place of a saved run. Reading it would continue the run.
    """

    def to_json(self):
        raise AssertionError

    def __iter__(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param("\n \n", "it is empty", id="blank"),
        pytest.param([], "it is empty", id="empty-list"),
        pytest.param("[]", "it is empty", id="empty-json"),
        pytest.param(b"", "it is empty", id="empty-bytes"),
        pytest.param("hello", "line 1 is not valid JSON", id="words"),
        pytest.param(LINES[0][:-1], "line 1 is not valid JSON", id="first-line-torn"),
        pytest.param("[1", "", id="torn-json"),
        pytest.param(saved_events(EVENTS)[:-1], "", id="torn-to_json"),
        pytest.param(b"\xff\xfe{", "line 1 is not valid JSON", id="not-utf-8"),
        pytest.param("\ud83d", "surrogate", id="surrogate"),
        pytest.param("null", "", id="null"),
        pytest.param("5", "", id="number"),
        pytest.param('"a"', "", id="string"),
        pytest.param("[[]]", "", id="list-in-list"),
        pytest.param("[" * 100_000, "", id="deep"),
        pytest.param("{}", "kind is not", id="empty-object"),
        pytest.param('{"kind":"asi1.chat"}', "kind is not", id="other-kind"),
        pytest.param('{"kind":"asi1.tool_run"}', "the key 'version'", id="no-version"),
        pytest.param(LINES[0].replace(":1", ":2"), "version is 2, not 1", id="later"),
        pytest.param(LINES[1], "kind is not", id="without-beginning"),
        pytest.param([LINES[0], LINES[0], LINES[1], LINES[0]], "one key", id="begun"),
        pytest.param([LINES[0], "oops", LINES[1]], "line 2 is not valid", id="middle"),
        pytest.param(
            f"{LINES[0]}\n{LINES[1][:9]}{LINES[1]}\n", "line 2 is not valid", id="glued"
        ),
        pytest.param([LINES[0], '{"a":1,"b":2}'], "one key", id="two-keys"),
        pytest.param([LINES[0], "{}"], "one key", id="no-key"),
        pytest.param([LINES[0], '{"x":1}'], "'x' is not an event", id="unknown"),
        pytest.param([LINES[0], "[1]"], "", id="list-event"),
        pytest.param([LINES[0], '{"answer":5}'], "", id="answer-number"),
        pytest.param([LINES[0], '{"answer":null}'], "", id="answer-null"),
        pytest.param([LINES[0], '{"answer":[]}'], "", id="answer-list"),
        pytest.param([LINES[0], '{"started":"a"}'], "call with the id 'a'", id="early"),
        pytest.param([*LINES[:2], '{"started":"z"}'], "the id 'z'", id="started-z"),
        pytest.param([*LINES[:2], '{"started":["a"]}'], "the id", id="started-list"),
        pytest.param([*LINES[:2], '{"paused":["z"]}'], "the id 'z'", id="paused-z"),
        pytest.param([*LINES[:2], '{"paused":[["a"]]}'], "the id", id="paused-list"),
        pytest.param([*LINES[:2], '{"paused":"a"}'], "not a list", id="paused-str"),
        pytest.param([*LINES[:2], '{"decided":{"z":true}}'], "id 'z'", id="decided-z"),
        pytest.param([*LINES[:2], '{"decided":{"a":1}}'], "bool nor", id="decided-1"),
        pytest.param([*LINES[:2], '{"decided":[]}'], "", id="decided-list"),
        pytest.param([*LINES[:2], '{"decided":true}'], "", id="decided-true"),
        pytest.param(
            [*LINES[:2], '{"ended":{"id":"z","content":"","failed":false}}'],
            "the id 'z'",
            id="ended-z",
        ),
        pytest.param([*LINES[:2], '{"ended":{"id":"a"}}'], "'content'", id="ended-key"),
        pytest.param([*LINES[:2], '{"ended":"a"}'], "", id="ended-string"),
        pytest.param([*LINES[:2], LINES[-1]], "does not follow", id="results-missing"),
        pytest.param([*LINES, LINES[1]], "does not follow", id="after-the-end"),
        pytest.param(
            [*LINES, LINES[-1], LINES[1]], "does not follow", id="after-end-2"
        ),
        pytest.param(None, "must be the str", id="none"),
        pytest.param(5, "must be the str", id="int"),
        pytest.param({"kind": "asi1.tool_run"}, "must be the str", id="dict"),
        pytest.param([LINES[0], 10**15], "a line is not a str but int", id="list-int"),
        pytest.param([None], "a line is not a str but NoneType", id="list-none"),
        pytest.param([{"kind": "x"}], "a line is not a str but dict", id="list-dict"),
        pytest.param([LINES[0], [LINES[1]]], "a line is not a str", id="nested"),
        pytest.param(object(), "must be the str", id="object"),
        pytest.param(Run(), "must be the str", id="run"),
    ],
)
def test_value_that_is_not_a_saved_run_is_an_argument_error(saved, words):
    """
    Any other value in place of a saved run raises an `ArgumentError` that says what is
    wrong. Only a last line without its line break may be incomplete.
    """
    with pytest.raises(asi1.ArgumentError, match=f"^saved: .*{words}") as caught:
        load_events(saved)

    assert "saved" == caught.value.argument


@pytest.mark.parametrize(
    "head",
    [
        {"messages": 5},
        {"messages": None},
        {"messages": "Hi"},
        {"messages": [["role", "user"]]},
        {"messages": [None]},
        {"model": 5},
        {"model": {}},
        {"model": None},
        {"max_rounds": 0},
        {"max_rounds": True},
        {"max_rounds": None},
        {"turn": None},
        {"turn": 1},
        {"version": None},
        {"version": "1" * 1000},
    ],
    ids=str,
)
def test_saved_run_with_a_wrong_first_line_is_refused(head):
    """
    A saved run with messages, a model or a version of a wrong type is refused.
    """
    line = json.dumps(json.loads(LINES[0]) | head)

    with pytest.raises(asi1.ArgumentError, match=r"^saved: is not a run") as caught:
        load_events(line)

    assert len(str(caught.value)) < 200


@pytest.mark.system
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "id"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *(
                            "kind",
                            "version",
                            "messages",
                            "answer",
                            "paused",
                            "decided",
                            "started",
                        ),
                        *("ended", "id", "content", "failed", "choices", "message"),
                    ]
                ),
                inner,
                max_size=3,
            )
        ),
    ),
    st.integers(0, len(LINES)),
)
def test_json_that_is_not_an_event_raises_only_argument_error(value, place):
    """
    Any JSON value in the place of an event is either loaded or raises an
    `ArgumentError`.
    """
    with contextlib.suppress(asi1.ArgumentError):
        load_events([*LINES[:place], json.dumps(value), *LINES[place:]])


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


def test_deeply_nested_answer_of_a_saved_run_can_be_loaded():
    """
    An answer that is nested as deeply as a reply may be can be saved and loaded. A
    deeper answer is refused.
    """
    deepest = decode(ChatCompletion, {"choices": [], "deep": nested(199)})
    events = [BEGUN, Answered(deepest)]
    for saved in (saved_events(events), told(events)):
        assert nested(199) == load_events(saved)[1].answer.extra["deep"]

    line = json.dumps({"answer": {"deep": nested(300)}})
    with pytest.raises(asi1.ArgumentError, match="nested too deeply"):
        load_events([LINES[0], line])


@pytest.mark.system
def test_run_of_very_many_calls_can_be_loaded_again():
    """
    A saved run may have more values than a single reply may have.
    """
    answer = Answered(answer_of(call_of("a", many=[[]] * 90_000)))
    events = [BEGUN, *[answer, Ended("a", "", failed=False)] * 3]

    assert told(events) == told(load_events(saved_events(events)))


def test_numbers_and_unknown_keys_of_an_answer_are_kept():
    """
    Saving and loading keeps numbers of any size, and keys that asi1 does not know.
    """
    raw = answer_of(call_of("a", mark={"n": 10**30})).to_dict() | {"score": 10**25}
    events = [BEGUN, Answered(decode(ChatCompletion, raw))]

    assert raw == load_events(saved_events(events))[1].answer.to_dict()


def test_lone_surrogate_in_a_saved_event_becomes_a_replacement_character():
    """
    A lone surrogate, which UTF-8 cannot express, is saved as U+FFFD.
    """
    assert '{"started":"\\ufffd"}' == event_text(Started("\ud83d"))
