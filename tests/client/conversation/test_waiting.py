"""Sessions with agents, and the wait for their deferred answers: those that promise a
later answer.
"""

from __future__ import annotations

import uuid

import anyio
import pytest

import asi1

from ...support.talk import in_process


pytestmark = pytest.mark.virtual_time

DEFERRED = "I\u2019ve sent the message to the agent. It will answer soon."
USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}


def texts(chat):
    return [message["content"] for message in chat.messages]


def session_ids(fake):
    return [request.headers.get("x-session-id") for request in fake.requests]


async def asked(fake, client, **options):
    """Return a conversation whose first answer only promises a later answer."""
    fake.reply(DEFERRED, usage=USAGE)
    chat = client.conversation(session=True, **options)
    assert (await chat.ask("Book a table.")).deferred
    return chat


async def test_wait_asks_again_until_an_answer_is_not_deferred(fake, fake_client):
    """
    `wait` sends a message every five seconds, in the same session, until an answer has
    text or tool calls and is not deferred. Only the last of these turns is added to the
    history; the conversation's usage counts all of them.
    """
    chat = await asked(fake, fake_client)
    for text in (DEFERRED, "I've sent the message again.", "\n", "Booked for 7."):
        fake.reply(text, usage=USAGE)
    began = anyio.current_time()

    answer = await chat.wait()

    assert "Booked for 7." == answer.text
    assert 20 == pytest.approx(anyio.current_time() - began)
    assert ["Book a table.", DEFERRED, "Any update?", "Booked for 7."] == texts(chat)
    assert {chat.session_id} == {*session_ids(fake)}
    assert [1, *[3] * 4] == [len(request.json["messages"]) for request in fake.requests]
    assert 50 == chat.usage.total_tokens
    assert "Booked for 7." == (await chat.wait()).text


async def test_repeated_deferred_answer_does_not_end_the_wait(fake, fake_client):
    """
    An answer that repeats the deferred answer's text, even with other white space
    around it, does not end the wait. An answer with a tool call and no text ends it.
    """
    chat = await asked(fake, fake_client)
    fake.reply(f"\n\n{DEFERRED}", usage=USAGE)
    fake.reply("", tool_calls=[{"name": "confirm"}])

    answer = await chat.wait(interval=1)

    assert "confirm" == answer.message.tool_calls[0].function.name
    assert 3 == len(fake.requests)


async def test_wait_sends_the_message_and_model_that_the_caller_chose(
    fake, fake_client
):
    """
    The caller can choose the message and the model of the turns that `wait` sends. The
    conversation's options apply to these turns.
    """
    chat = await asked(fake, fake_client, temperature=0)
    fake.reply("Booked.")

    await chat.wait(interval=0, message="And now?", model="asi1-agentic")

    body = fake.requests[-1].json
    assert ("asi1-agentic", 0) == (body["model"], body["temperature"])
    assert {"role": "user", "content": "And now?"} == body["messages"][-1]


async def test_wait_that_times_out_can_be_repeated(fake, fake_client):
    """
    If only deferred answers arrive within *timeout*, `wait` raises `APITimeoutError`
    exactly when *timeout* passes, even during a call. The history does not change, so
    `wait` can be called again.
    """
    chat = await asked(fake, fake_client)
    fake.reply(DEFERRED, times=None)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError, match="still deferred after 12 s") as last:
        await chat.wait(timeout=12)

    assert 12 == pytest.approx(anyio.current_time() - began) == last.value.elapsed
    assert "total" == last.value.phase
    fake.reply("Late.", delay=60)
    with pytest.raises(asi1.APITimeoutError):
        await chat.wait(timeout=12)
    assert ["Book a table.", DEFERRED] == texts(chat)

    fake.reply("Booked.")
    assert "Booked." == (await chat.wait()).text


async def test_other_turns_are_refused_during_the_wait(fake, fake_client):
    """
    While `wait` runs, even in the pauses between its messages, another turn or wait
    raises `ConversationBusyError`. After a cancelled wait the next turn may begin.
    """
    chat = await asked(fake, fake_client)
    fake.reply(DEFERRED, times=None)

    async with anyio.create_task_group() as group:
        group.start_soon(chat.wait)
        for _ in range(2):
            await anyio.sleep(7)
            with pytest.raises(asi1.ConversationBusyError):
                await chat.ask("Hello?")
            with pytest.raises(asi1.ConversationBusyError):
                await chat.wait()
        group.cancel_scope.cancel()

    await chat.ask("Hello?")
    assert 4 == len(chat.messages)


async def test_wait_whose_call_fails_leaves_the_history_unchanged(fake, fake_client):
    """
    If a request that `wait` sends fails, `wait` raises the request's error and leaves
    the history unchanged, and can be called again.
    """
    chat = await asked(fake, fake_client)
    fake.fail(500)
    fake.reply("Booked.")

    with pytest.raises(asi1.InternalServerError):
        await chat.wait()
    assert ["Book a table.", DEFERRED] == texts(chat)
    assert "Booked." == (await chat.wait()).text


async def test_answer_that_is_not_deferred_is_returned_at_once(fake, fake_client):
    """
    If the last answer is not deferred, `wait` returns that answer without a request.
    The answer may come from a stream, or from a saved and loaded conversation.
    """
    chat = fake_client.conversation()
    fake.reply("Booked.", thoughts=["Easy."])
    async with chat.stream("Book a table.") as stream:
        streamed = await stream.get_final_completion()
    loaded = fake_client.conversation(saved=chat.to_json())

    assert streamed == await chat.wait()
    assert "Booked." == (await loaded.wait()).text
    assert 1 == len(fake.requests)


async def test_loaded_conversation_waits_in_the_saved_session(fake, fake_client):
    """
    A conversation whose last answer was deferred can be saved and loaded, even in
    another process. The loaded conversation then waits in the same session.
    """
    chat = await asked(fake, fake_client)
    loaded = fake_client.conversation(saved=chat.to_json())
    fake.reply("Booked.")

    assert "Booked." == (await loaded.wait()).text
    assert 1 == len({*session_ids(fake)})


@pytest.mark.parametrize("undone", [False, True])
async def test_wait_raises_if_the_conversation_does_not_end_with_an_answer(
    fake, fake_client, undone
):
    """
    `wait` raises an error if the conversation does not end with an answer.
    """
    chat = fake_client.conversation("Be brief.")
    if undone:
        await chat.ask("Book a table.")
        chat.undo()

    with pytest.raises(asi1.ASI1Error, match="does not end with an answer"):
        await chat.wait()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval", -1),
        ("interval", "5"),
        ("interval", None),
        ("timeout", 0),
        ("timeout", True),
    ],
)
async def test_wait_refuses_a_wrong_number_of_seconds(fake_client, name, value):
    """
    If *interval* or *timeout* is not a valid number of seconds, `wait` raises an
    `ArgumentError` that names the argument.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        await fake_client.conversation().wait(**{name: value})

    assert name == caught.value.argument


@pytest.mark.parametrize("wrong", [{"message": None}, {"model": 5}])
async def test_wrong_message_or_model_of_a_wait_is_refused_at_once(
    fake, fake_client, wrong
):
    """
    `wait` refuses a wrong message or model before the first of its pauses.
    """
    chat = await asked(fake, fake_client)
    began = anyio.current_time()

    with pytest.raises(asi1.ArgumentError):
        await chat.wait(**wrong)

    assert began == anyio.current_time()


async def test_session_has_a_random_id_that_is_saved(fake, fake_client):
    """
    With ``session=True`` each turn sends the same random session id, which is saved
    with the conversation; each conversation has an id of its own.
    """
    one, two = (fake_client.conversation(session=True) for _ in range(2))
    await one.ask("A?")
    await one.ask("B?")
    later = fake_client.conversation(saved=one.to_json(), session=True)
    await later.ask("C?")

    assert 4 == uuid.UUID(one.session_id).version
    assert [one.session_id] * 3 == session_ids(fake)
    assert one.session_id == later.session_id != two.session_id


async def test_fork_has_a_session_of_its_own_if_asi1_generated_the_id(fake_client):
    """
    If asi1 generated a conversation's session id, a fork gets a new id, even after the
    conversation was saved and loaded, so that agents do not mix up the two
    conversations. An id that the user gave stays the same.
    """
    made = fake_client.conversation(session=True)
    loaded = fake_client.conversation(saved=made.to_json())
    given = fake_client.conversation(session=True, session_id="mine")
    changed = fake_client.conversation(saved=made.to_json(), session_id="mine")
    forks = [made.fork(), made.fork(), loaded.fork()]

    assert 4 == len({made.session_id, *(fork.session_id for fork in forks)})
    assert "mine" == given.session_id == given.fork().session_id
    assert "mine" == changed.session_id == changed.fork().session_id


async def test_session_that_is_not_a_bool_is_refused(fake):
    """
    The argument ``session`` must be a bool; a session id is passed as ``session_id``.
    """
    async with in_process(fake) as client:
        with pytest.raises(asi1.ArgumentError) as caught:
            client.conversation(session="mine")
        assert client.conversation().session_id is None

    assert "session" == caught.value.argument
