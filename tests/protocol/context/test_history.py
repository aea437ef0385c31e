"""A conversation's history, tested as a value without a client."""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.context.history import History, stored
from asi1._protocol.context.view import Summary


ROLES = {"s": "system", "u": "user", "a": "assistant"}


def history_of(letters, **fields):
    """
    Return a history with one message for each letter, which is the first letter of the
    message's role.
    """
    messages = [
        {"role": ROLES[letter], "content": f"Message {place}"}
        for place, letter in enumerate(letters)
    ]
    return History(messages=tuple(messages), **fields)


def letters_of(history):
    return "".join(message["role"][0] for message in history.messages)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("s", "s"),
        ("sa", "sa"),
        ("u", ""),
        ("uu", ""),
        ("ua", ""),
        ("sua", "s"),
        ("suuua", "s"),
        ("suaua", "sua"),
        ("suauua", "sua"),
        ("suasua", "suas"),
        ("uauaaa", "ua"),
        ("usu", "us"),
    ],
)
def test_history_without_its_last_turn_ends_before_the_last_user_messages(
    before, after
):
    """
    A history without its last turn ends before the last user message and the user
    messages directly before it. Without a user message, the history has no turn to
    remove.
    """
    history = history_of(before)

    shorter = history.without_last_turn()

    assert after == letters_of(shorter)
    assert history.messages[: len(after)] == shorter.messages


@pytest.mark.parametrize(
    ("place", "index"), [(0, 0), (1, 1), (2, 2), (-1, 2), (-2, 1), (-3, 0)]
)
def test_edit_with_a_str_replaces_only_the_content_of_the_message(place, index):
    """
    If a message is edited with a str, its content is replaced and its other fields
    stay. A negative index counts from the end of the history.
    """
    old = {"role": "user", "content": "Old", "name": "Ada"}
    history = History(messages=(old, old, old))

    edited = history.with_edit(place, "New")

    assert [
        old | {"content": "New"} if here == index else old for here in range(3)
    ] == list(edited.messages)
    assert (old, old, old) == history.messages


def test_edit_with_a_message_replaces_the_whole_message():
    """
    If a message is edited with another message, the content, the role and all other
    fields are replaced.
    """
    edited = history_of("ua").with_edit(1, asi1.UserMessage("And?"))

    assert {"role": "user", "content": "And?"} == edited.messages[1]
    assert "uu" == letters_of(edited)


@pytest.mark.parametrize("place", [2, -3, True, 0.0, "0", None])
def test_edit_at_a_wrong_index_raises_argument_error(place):
    """
    The index of an edit must be an int at which the history has a message.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        history_of("ua").with_edit(place, "New")

    assert "place" == caught.value.argument


@pytest.mark.parametrize(
    ("count", "left"), [(0, ""), (1, "s"), (3, "sua"), (9, "sua"), (-1, "su")]
)
def test_history_truncated_to_a_count_has_the_messages_of_a_slice(count, left):
    """
    A history truncated to *count* messages has the same messages as the slice
    ``[:count]``.
    """
    assert left == letters_of(history_of("sua").truncated(count))


@pytest.mark.parametrize("count", [True, 1.0, "1", None])
def test_truncation_of_a_history_to_a_count_that_is_not_an_int_is_refused(count):
    """
    The count to which a history is truncated must be an int.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        history_of("sua").truncated(count)

    assert "upto" == caught.value.argument


@pytest.mark.parametrize(("place", "kept"), [(0, False), (1, False), (2, True)])
def test_edit_of_a_summarised_message_drops_the_summary(place, kept):
    """
    A summary is dropped if one of the messages that it summarises is edited. The
    summary stays if a later message is edited.
    """
    summary = Summary("They met.", 2)

    edited = history_of("uau", summary=summary).with_edit(place, "New")

    assert (summary if kept else None) == edited.summary


def test_truncation_that_removes_a_summarised_message_drops_the_summary():
    """
    A summary is dropped if a truncation removes one of the messages that it summarises.
    """
    summary = Summary("They met.", 2)
    history = history_of("uau", summary=summary)

    assert summary == history.truncated(2).summary
    assert history.truncated(1).summary is None


USAGE = asi1.Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
THOUGHT = asi1.Usage(
    prompt_tokens=30, completion_tokens=40, total_tokens=70, reasoning_tokens=5
)


@pytest.mark.parametrize(
    ("calls", "sums"),
    [
        ([USAGE, USAGE], (6, 8, 14, None)),
        ([USAGE, THOUGHT], (33, 44, 77, 5)),
        ([THOUGHT, USAGE], (33, 44, 77, 5)),
        ([THOUGHT, THOUGHT], (60, 80, 140, 10)),
        ([None, USAGE], (3, 4, 7, None)),
    ],
)
def test_usage_of_a_history_is_the_sum_of_its_calls(calls, sums):
    """
    The usage of a history is the sum of its calls' usage. A call without usage adds
    nothing; the reasoning tokens are unknown until a call reports them.
    """
    history = History()
    for usage in calls:
        history = history.with_usage(usage)

    total = history.usage
    assert sums == (
        total.prompt_tokens,
        total.completion_tokens,
        total.total_tokens,
        total.reasoning_tokens,
    )
    assert 0 == history.summary_usage.total_tokens


def test_tokens_of_a_summary_count_in_two_usage_sums():
    """
    The tokens of a call that wrote a summary count twice: in the usage of the
    conversation, and in the usage of its summaries.
    """
    history = History().with_usage(USAGE).with_usage(THOUGHT, summary=True)

    assert (77, 70) == (history.usage.total_tokens, history.summary_usage.total_tokens)


def test_token_estimator_learns_only_from_reported_usage():
    """
    From a request whose usage the server reported, the token estimator learns the
    request's size and prompt tokens. A request without usage does not change the
    history.
    """
    history = history_of("u")

    learned = history.with_tokens_learned(history.messages, USAGE)

    assert ((9, 1, 3),) == learned.tokens.samples
    assert history is history.with_tokens_learned(history.messages, None)


def test_messages_of_a_history_are_a_deep_copy():
    """
    A history stores a deep copy of each message, converted to the dict that the API
    expects.
    """
    parts = [{"type": "text", "text": "Hi"}]

    (message,) = stored([asi1.UserMessage(parts)])

    assert {"role": "user", "content": parts} == message
    assert message["content"][0] is not parts[0]


def test_lone_surrogate_is_stored_as_a_replacement_character():
    """
    A lone surrogate, which UTF-8 cannot encode, is stored as U+FFFD. Messages without
    lone surrogates are stored unchanged.
    """
    contents = [m["content"] for m in stored([asi1.UserMessage("a\ud800"), user("b")])]

    assert ["a\ufffd", "b"] == contents


def user(content, **fields):
    return {"role": "user", "content": content, **fields}


def test_message_that_json_cannot_express_is_refused():
    """
    A message with a value that JSON cannot express is refused. The error names the
    argument.
    """
    with pytest.raises(asi1.ArgumentError, match="messages: cannot") as caught:
        stored([user("Hi", when=object())])

    assert "messages" == caught.value.argument
