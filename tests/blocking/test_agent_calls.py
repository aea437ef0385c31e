"""`parse` of the blocking client."""

from __future__ import annotations

import threading

import attrs
import pytest

import asi1


@attrs.frozen
class Point:
    """A place on a map."""

    x: int
    y: int = 0


GOOD, BAD = '{"x": 1, "y": 2}', '{"x": "one", "y": 2}'


def test_blocking_parse_asks_again_after_an_answer_of_wrong_type(fake, blocking_client):
    """
    The blocking `parse` returns the answer with its parsed value, and asks the model
    again after an answer that does not fit the type.
    """
    fake.reply(BAD)
    fake.reply(GOOD)

    answer = blocking_client.chat.completions.parse(
        messages="Where?", response_format=Point, repair=1
    )

    assert Point(1, 2) == answer.parsed
    assert [BAD] == [error.text for error in answer.earlier]


def test_blocking_parse_of_a_conversation_adds_a_turn_to_the_history(
    fake, blocking_client
):
    """
    The blocking `parse` of a conversation adds the turn to the history only if the
    answer fits the type passed to `parse`.
    """
    fake.reply(BAD)
    fake.reply(GOOD)
    chat = blocking_client.conversation()

    with pytest.raises(asi1.OutputInvalidError):
        chat.parse("Where?", Point)
    answer = chat.parse("Where?", Point)

    assert Point(1, 2) == answer.parsed
    assert ["Where?", GOOD] == [message["content"] for message in chat.messages]


def test_validators_run_in_the_callers_thread(fake, blocking_client):
    """
    The validators of a type run in the thread that called `parse`, so that they may
    block, and may use the client.
    """
    threads = []

    def ask_model(instance, attribute, value):
        threads.append(threading.current_thread())
        blocking_client.chat.completions.create(messages=f"Is {value} right?")

    @attrs.frozen
    class Checked:
        x: int = attrs.field(validator=ask_model)

    fake.reply('{"x": 1}')
    fake.reply("Yes.")

    answer = blocking_client.chat.completions.parse(
        messages="Where?", response_format=Checked
    )

    assert 1 == answer.parsed.x
    assert [threading.current_thread()] == threads
    assert 2 == len(fake.requests)
