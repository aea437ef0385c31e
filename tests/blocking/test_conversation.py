"""Conversations of the blocking client."""

from __future__ import annotations

import pytest

import asi1

from asi1.testing import Stall

from ..support.talk import SSE, Event, chunk


def echo(request):
    """Return the fake server's answer, which repeats the request's last message."""
    return f"You said: {request.json['messages'][-1]['content']}"


@pytest.fixture
def fake(fake):
    fake.reply(echo, times=None)
    return fake


def sent(fake, place=-1):
    return fake.requests[place].json["messages"]


def test_blocking_conversation_has_the_methods_of_the_async_conversation(
    fake, blocking_client
):
    """
    A conversation of `ASI1` has the methods and results of a conversation of
    `AsyncASI1`, each method as a blocking call.
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


@pytest.mark.parametrize("kept", [True, False])
def test_blocking_stream_closed_after_its_finish_reason_adds_its_turn(
    fake, blocking_client, kept
):
    """
    If a blocking stream is closed after its finish reason was read, its turn is added
    to the history. If it is closed earlier, the turn is not added.
    """
    fake.play(SSE, Event(chunk("one "), chunk("two"), chunk(finish="stop")), Stall())
    chat = blocking_client.conversation()

    with chat.stream("A?") as stream:
        for each in stream:
            if each.finish_reason or not kept:
                break

    assert (["A?", "one two"] if kept else []) == [m["content"] for m in chat.messages]
    assert "You said: B?" == chat.ask("B?").text


def test_blocking_ask_and_stream_accept_a_user_message(fake, blocking_client):
    """
    `ask` and `stream` of a blocking conversation accept a `UserMessage`, which may have
    images, in place of a string.
    """
    chat = blocking_client.conversation()
    message = asi1.UserMessage("What is this?", images=[b"GIF89a"])

    chat.ask(message)
    with chat.stream(message) as stream:
        stream.get_final_completion()

    assert message.to_dict() == sent(fake)[0] == sent(fake)[2]
    assert "data:image/gif;base64,R0lGODlh" == message.images[0]


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
    """Check that the largest request uses over 1200 of the budget's 1500 tokens."""
    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert max(counts) <= 1500
    assert max(counts) > 1200
    assert 401 == len(chat.messages)
    assert "Be brief." == sent(fake)[0]["content"]


def check_same(fake, before):
    """
    Check that the second half of ``fake.requests[before:]`` repeats the first half.
    """
    bodies = [request.body for request in fake.requests[before:]]
    half = len(bodies) // 2
    assert bodies[:half]
    assert bodies[:half] == bodies[half:]


@pytest.mark.system
@pytest.mark.parametrize("name", POLICIES)
def test_every_request_of_200_turns_stays_within_the_token_budget(
    fake, blocking_client, name
):
    """
    In a conversation of 200 turns every request stays within the policy's token budget;
    afterwards a fork of the conversation and a copy loaded from JSON send equal
    requests.
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


def test_next_turn_may_begin_after_an_interrupted_turn(
    fake, blocking_client, monkeypatch
):
    """
    After Ctrl-C in a turn of a blocking conversation the next turn may begin at once:
    the interrupted turn no longer counts as under way.
    """
    chat = blocking_client.conversation()
    real = asi1._blocking.loop_thread.LoopThread.run

    def interrupted(self, coroutine):
        real(self, coroutine)
        raise KeyboardInterrupt

    monkeypatch.setattr(asi1._blocking.loop_thread.LoopThread, "run", interrupted)
    monkeypatch.setattr(type(chat._turns), "release", lambda self, turn: None)
    with pytest.raises(KeyboardInterrupt):
        chat.ask("A?")
    monkeypatch.undo()

    assert "You said: B?" == chat.ask("B?").text


@pytest.mark.parametrize("keep", [False, True])
def test_thoughts_are_sent_with_keep_reasoning_and_empty_answers_are_never_sent(
    fake, blocking_client, keep
):
    """
    Like an async conversation, a blocking conversation leaves empty answers out of its
    requests. It sends the thoughts of other answers if ``keep_reasoning`` is true.
    """
    fake.clear()
    fake.reply_json({"choices": [{"message": {"content": None}}]})
    fake.reply("Yes.", thoughts=["Hm."], times=None)
    chat = blocking_client.conversation(keep_reasoning=keep)

    for question in "ABC":
        chat.ask(question)

    a, b, c = ({"role": "user", "content": question} for question in "ABC")
    yes = {"role": "assistant", "content": "Yes."}
    yes |= {"reasoning_content": "Hm."} if keep else {}
    assert [a, b, yes, c] == sent(fake)
    assert 6 == len(chat.messages)


def test_blocking_wait_asks_again_until_the_answer_is_not_deferred(
    fake, blocking_client
):
    """
    `wait` of a blocking conversation asks the agent again as long as its answer is
    deferred, which means that it only promises a later answer.
    """
    fake.reply("I've sent the message.", times=2)
    fake.reply("Booked.")
    chat = blocking_client.conversation(session=True)

    assert chat.ask("Book a table.").deferred
    assert "Booked." == chat.wait(interval=0.01).text
    assert {chat.session_id} == {r.headers["x-session-id"] for r in fake.requests}
    assert 4 == len(chat.messages)
