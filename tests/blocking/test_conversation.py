"""Conversations of the blocking client."""

from __future__ import annotations

import pytest

import asi1


def echo(request):
    """Answer with what the user said last."""
    return f"You said: {request.json['messages'][-1]['content']}"


@pytest.fixture
def fake(fake):
    fake.reply(echo, times=None)
    return fake


def sent(fake, place=-1):
    return fake.requests[place].json["messages"]


def test_the_blocking_conversation_does_the_same(fake, blocking_client):
    """
    With `ASI1` a conversation blocks, and is the same in everything else.
    """
    chat = blocking_client.conversation("Be brief.")

    answer = chat.ask("A?")
    with chat.stream("B?") as stream:
        text = "".join(stream.text_stream)

    assert ("You said: A?", "You said: B?") == (answer.text, text)
    assert 5 == len(chat.messages)
    assert [m["content"] for m in sent(fake)] == ["Be brief.", "A?", answer.text, "B?"]
    assert "B?" == chat.undo()[0]["content"]
    assert 3 == len(chat.fork().messages) == len(chat.messages)
    assert "<Conversation of 3 messages>" == repr(chat)
    assert chat.summary is chat.session_id is None
    assert chat.tokens.samples
    chat.edit(0, "Be long.")
    assert chat.messages == blocking_client.conversation(saved=chat.to_json()).messages


POLICIES = {
    "newest": asi1.KeepNewest(1500),
    "relevant": asi1.DropLeastRelevant(1500),
    "summary": asi1.Summarise(1500, size=100),
    "composed": asi1.DropLeastRelevant(2000) | asi1.Summarise(1500, size=100),
}


def question(number):
    topic = ("otters", "rivers", "giraffes")[number % 3]
    return f"Question {number}: what of {topic}? " + "Please tell me more. " * 4


def check_budget(fake, chat):
    """Check what the server counted, as it told, for every request."""
    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert max(counts) <= 1500
    assert max(counts) > 1200
    assert 401 == len(chat.messages)
    assert "Be brief." == sent(fake)[0]["content"]


def check_same(fake, before):
    """Check that two conversations sent the same, a summary's call included."""
    bodies = [request.body for request in fake.requests[before:]]
    half = len(bodies) // 2
    assert bodies[:half]
    assert bodies[:half] == bodies[half:]


@pytest.mark.system
@pytest.mark.parametrize("name", POLICIES)
def test_two_hundred_blocking_turns_within_a_budget(fake, blocking_client, name):
    """
    The blocking client keeps every request of 200 turns within the budget as well, and
    goes on with the same bytes after it was saved.
    """
    chat = blocking_client.conversation("Be brief.", context=POLICIES[name])
    for number in range(200):
        chat.ask(question(number))
    loaded = blocking_client.conversation(saved=chat.to_json(), context=POLICIES[name])
    before = len(fake.requests)
    for one in (chat.fork(), loaded):
        one.ask("And now?")

    check_budget(fake, chat)
    check_same(fake, before)


def test_a_turn_that_is_interrupted_is_over(fake, blocking_client, monkeypatch):
    """
    After Ctrl-C in a blocking turn the next one may begin at once, and what the
    interrupted one still brings does not join the history.
    """
    chat = blocking_client.conversation()
    real = asi1._blocking.loop_thread.LoopThread.run

    def struck(self, coroutine):
        real(self, coroutine)
        raise KeyboardInterrupt

    monkeypatch.setattr(asi1._blocking.loop_thread.LoopThread, "run", struck)
    monkeypatch.setattr(type(chat._turns), "release", lambda self, exchange: None)
    with pytest.raises(KeyboardInterrupt):
        chat.ask("A?")
    monkeypatch.undo()

    assert "You said: B?" == chat.ask("B?").text
