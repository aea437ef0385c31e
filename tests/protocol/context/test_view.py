"""
How a history is divided into turns, and which part of the history a request contains.
"""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.context import view
from asi1._protocol.context.view import Summary, View, text_of


ROLES = {"s": "system", "d": "developer", "u": "user", "a": "assistant"}


def messages_of(letters):
    """Return one message for each letter, which is the first letter of the message's
    role.
    """
    return [
        {"role": ROLES[letter], "content": f"{letter}{place}"}
        for place, letter in enumerate(letters)
    ]


def view_of(messages, known=None):
    if isinstance(messages, str):
        messages = messages_of(messages)
    return View.of(messages, asi1.TokenEstimator(), known)


def calling(*ids):
    """Return an assistant message with one tool call for each id in *ids*."""
    return {"role": "assistant", "tool_calls": [{"id": name} for name in ids]}


def result(name):
    return {"role": "tool", "tool_call_id": name, "content": "4"}


def function_call(name):
    return {"role": "assistant", "function_call": {"name": name}}


def function_result(name):
    return {"role": "function", "name": name, "content": "4"}


USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("messages", "turns", "pinned"),
    [
        ("", [], []),
        ("s", [(0,)], [0]),
        ("sd", [(0,), (1,)], [0, 1]),
        ("u", [(0,)], [0]),
        ("a", [(0,)], [0]),
        ("sa", [(0,), (1,)], [0, 1]),
        ("suaua", [(0,), (1, 2), (3, 4)], [0, 2]),
        ("auau", [(0,), (1, 2), (3,)], [2]),
        ("uuauu", [(0, 1, 2), (3, 4)], [1]),
        ("usuau", [(0, 2, 3), (1,), (4,)], [1, 2]),
        ("uasaus", [(0, 1, 3), (2,), (4,), (5,)], [1, 2, 3]),
        ("uauas", [(0, 1), (2, 3), (4,)], [1, 2]),
    ],
)
def test_turn_begins_with_user_messages_and_ends_before_the_next_user_message(
    messages, turns, pinned
):
    """
    A turn is one or more user messages in a row, and everything up to the next user
    message. Each system message is a turn of its own. System messages and the last turn
    are never dropped.
    """
    seen = view_of(messages)

    assert turns == [turn.places for turn in seen.turns]
    assert pinned == [place for place, turn in enumerate(seen.turns) if turn.pinned]
    assert [turn for turn in seen.turns if not turn.pinned] == seen.droppable


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ([USER, calling("x"), USER, result("x"), USER], [(0, 1, 2, 3), (4,)]),
        ([USER, calling("x"), USER, result("y"), USER], [(0, 1), (2, 3), (4,)]),
        (
            [USER, function_call("x"), USER, function_result("x"), USER],
            [(0, 1, 2, 3), (4,)],
        ),
        ([USER, function_call("x"), USER, result("x"), USER], [(0, 1), (2, 3), (4,)]),
        ([USER, calling("x"), USER, function_result("x")], [(0, 1), (2, 3)]),
        (
            [USER, calling("x", "y"), USER, result("y"), USER, result("x"), USER],
            [(0, 1, 2, 3, 4, 5), (6,)],
        ),
        (
            [USER, calling("x"), USER, calling("x"), USER, result("x"), USER],
            [(0, 1), (2, 3, 4, 5), (6,)],
        ),
        (
            [
                *(USER, calling("x"), USER, calling("y"), USER),
                *(result("y"), USER, result("x"), USER, result("y")),
            ],
            [(0, 1, 6, 7), (2, 3, 4, 5, 8, 9)],
        ),
        ([USER, result("None"), USER, {"role": "tool"}], [(0, 1), (2, 3)]),
    ],
    ids=[
        *("tool", "unknown-id", "function", "other-kind", "other-kind-2"),
        *("two-results", "newest-call", "two-chains", "no-call"),
    ],
)
def test_result_of_a_tool_belongs_to_the_turn_of_its_call(messages, turns):
    """
    A tool's result is in the same turn as the newest call with the result's id, even in
    the older function format. A result without a call stays in its own turn.
    """
    assert turns == [turn.places for turn in view_of(messages).turns]


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": "x"},
        {"tool_calls": {"id": "x"}},
        {"tool_calls": [None, "x"]},
        {"function_call": "x"},
        {"function_call": ["x"]},
    ],
)
def test_tool_calls_of_a_wrong_type_are_ignored(fields):
    """
    If ``tool_calls`` or ``function_call`` of a message has a wrong type, the message
    counts as one without tool calls.
    """
    odd = {"role": "assistant", **fields}

    seen = view_of([USER, odd, USER, result("x"), USER, function_result("x")])

    assert [(0, 1), (2, 3), (4, 5)] == [turn.places for turn in seen.turns]


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        ("", []),
        ("s", []),
        ("suaua", ["u3", "a4"]),
        ("uas", ["u0", "a1"]),
        ("usd", ["u0"]),
        ("saa", ["a1", "a2"]),
    ],
)
def test_last_turn_has_the_newest_user_message(messages, last):
    """
    The last turn, which the model is to answer, has the newest user message. Without a
    user message, the last turn has the newest message. System messages are not part of
    the last turn.
    """
    assert last == [message["content"] for message in view_of(messages).last]


# LONG is estimated at 14 tokens: 10 for its 40 bytes, and 4 for the message itself.
LONG = {"role": "user", "content": "x" * 40}


def test_weight_of_a_request_includes_hidden_prompt_and_margin():
    """
    The weight of a request, in tokens, is the sum of its turns, the hidden prompt, and
    a margin of 1 % of the last request. ``View.least`` leaves the margin out.
    """
    tokens = asi1.TokenEstimator(samples=((40, 1, 114),))

    seen = View.of([LONG, LONG], tokens)

    assert (100, 1.14) == (tokens.hidden, pytest.approx(tokens.slack))
    assert (129.14, 130, 128) == (seen.weight, seen.total, seen.least)


def test_weight_of_a_request_includes_the_summary():
    """
    A summary adds the tokens of its system message to the weight of a request.
    """
    summary = Summary("x" * 40, 0)

    seen = view_of([LONG]).with_summary(summary)

    assert 4 + (36 + 40) / 4 == asi1.TokenEstimator().cost(summary.message)
    assert 14 + 23 == seen.weight


def test_weight_of_a_request_is_rounded_to_a_millionth_of_a_token():
    """
    The weight of a request is rounded to a millionth of a token. So float errors do not
    make the weight depend on the order in which the turns are added up.
    """
    tokens = asi1.TokenEstimator(samples=((3000, 1, 1004), (6000, 1, 2004)))

    seen = View.of([{"role": "user", "content": "x"}], tokens)

    assert 1 / 3 == tokens.slope
    assert 4.333333 + 20.04 == pytest.approx(seen.weight, abs=1e-12)


@pytest.mark.parametrize(
    ("messages", "contents"),
    [
        ("sua", ["s0", "summary", "u1", "a2"]),
        ("sdua", ["s0", "d1", "summary", "u2", "a3"]),
        ("ua", ["summary", "u0", "a1"]),
        ("suas", ["s0", "summary", "u1", "a2", "s3"]),
        ("ss", ["s0", "s1", "summary"]),
    ],
)
def test_summary_stands_after_the_system_messages_at_the_beginning(messages, contents):
    """
    A request has the summary after the system messages at its beginning.
    """
    summary = Summary("They met.", 0)
    names = {summary.message["content"]: "summary"}

    sent = view_of(messages).with_summary(summary).messages

    assert contents == [names.get(m["content"], m["content"]) for m in sent]
    assert "system" == summary.message["role"]
    assert messages_of(messages) == view_of(messages).messages


def test_view_knows_an_earlier_summary_but_its_request_has_none():
    """
    A view knows the summary of an earlier request, which a policy may insert. But the
    view's own request has no summary.
    """
    known = Summary("They met.", 1)

    seen = view_of("ua", known)

    assert (known, None) == (seen.known, seen.summary)
    assert messages_of("ua") == seen.messages


@pytest.mark.parametrize(
    ("upto", "left"),
    [
        (0, [0, 1, 2, 3, 4, 5]),
        (2, [0, 1, 2, 3, 4, 5]),
        (3, [0, 3, 4, 5]),
        (4, [0, 3, 4, 5]),
        (5, [0, 5]),
        (6, [0, 5]),
    ],
)
def test_summary_replaces_only_turns_that_it_covers_completely(upto, left):
    """
    A summary covers the messages before an index. The summary replaces only turns whose
    messages are all before this index, and neither system messages nor the last turn.
    """
    seen = view_of("suauau").with_summary(Summary("They met.", upto))

    assert left == [place for turn in seen.turns for place in turn.places]


def test_view_without_some_turns_is_a_new_view_in_the_same_order():
    """
    A view from which turns are removed is a new view. The messages of the other turns
    keep the history's order.
    """
    whole = view_of([USER, calling("x"), USER, USER, result("x"), *messages_of("sus")])

    shorter = whole.without([whole.turns[1]])

    assert 8 == len(whole.messages)
    assert [USER, calling("x"), USER, USER, result("x"), *messages_of("sus")[1:]] == (
        shorter.messages
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hi", "Hi"),
        (None, ""),
        (7, ""),
        ({"text": "no"}, ""),
        ([], ""),
        ([{"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}], "Hi\nyou"),
        (({"type": "text", "text": "Hi"}, {"type": "image_url"}, "no"), "Hi"),
        ([{"text": None}, {"text": 7}, {"text": "Hi"}], "Hi"),
    ],
)
def test_text_of_a_message_is_its_content_or_its_text_parts(content, text):
    """
    The text of a message is its content. If the content is a list of parts, the text
    has each text part on a line of its own.
    """
    assert text == text_of({"role": "user", "content": content})
    assert "" == text_of({"role": "user"})


class Joined(dict):
    """A dict that counts in ``asked`` how often ``in`` looks for a key."""

    asked = 0

    def __contains__(self, key):
        self.asked += 1
        return super().__contains__(key)


def test_first_of_a_thousand_joined_turns_is_found_in_few_lookups():
    """
    A turn with tool results for a thousand earlier turns is joined with all of them.
    Finding the first of the joined turns takes a few lookups, not one for each of them.
    """
    joined = Joined()

    for earlier in reversed(range(1000)):
        view._join(joined, earlier, 1000)

    assert {0} == {view._root(joined, name) for name in range(1001)}
    assert joined.asked < 1000 * 20
